//! Logins, and their rights.

use std::time::{Duration, Instant};

use base64::prelude::*;
use serde_json::json;
use weir_ports::{ErrorKind, ExposeSecret as _, SecretSink as _};
use weir_secrets::{Login, Options};
use weir_testkit::keyvault::Vaults;

use crate::scene::{Scene, options, possible, server};

/// Returns a token as a cluster mounts it into a pod, for the audience that Entra expects; its signature is not
/// checked here.
fn federated(audience: &str) -> tempfile::NamedTempFile {
    let claims = json!({"aud": audience, "exp": 4_000_000_000_u64}).to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))).unwrap();
    file
}

fn workload(server: &Vaults, client: &str, token_file: &tempfile::NamedTempFile) -> Options {
    let login = Login::WorkloadIdentity {
        tenant: Some(server.tenant().to_owned()),
        client: Some(client.to_owned()),
        token_file: Some(token_file.path().to_owned()),
    };
    Options { login, authority: Some(server.authority().to_owned()), ..options("deployer") }
}

#[tokio::test(flavor = "multi_thread")]
async fn workload_identity() {
    if !possible() {
        return;
    }
    let token = federated("api://AzureADTokenExchange");
    let scene = Scene::with(workload(server(), "deployer", &token));
    scene.store("a", "one", "K1").await.unwrap();
    assert_eq!(scene.values("a"), ["one"]);
    assert!(scene.server.calls(&scene.name).iter().all(|call| call.client == "deployer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_identity_with_a_wrong_audience_is_refused() {
    if !possible() {
        return;
    }
    let (good, bad) = (federated("api://AzureADTokenExchange"), federated("api://somebody-else"));
    for (client, token, says) in [("nobody", &good, "AADSTS700016"), ("deployer", &bad, "AADSTS700024")] {
        let scene = Scene::with(workload(server(), client, token));
        let error = scene.store("a", "one", "K1").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_entra_is_reported() {
    if !possible() {
        return;
    }
    let token = federated("api://AzureADTokenExchange");
    let mut options = workload(server(), "deployer", &token);
    options.authority = Some("https://login.localhost:1".to_owned());
    options.patience = Duration::from_millis(100);
    let error = Scene::with(options).store("a", "one", "K1").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("no token was got"), "{error}");
}

/// The variable with the login for the process that [`runs`] starts.
const LOGIN: &str = "WEIR_TEST_LOGIN";

/// Stores a secret, with the login from the environment; the started process does this.
async fn store_as(login: &str) {
    let given = |name: &str| std::env::var(name).unwrap();
    let login = match login {
        "pipelines" => Login::AzurePipelines {
            tenant: given("TENANT"),
            client: "deployer".to_owned(),
            service_connection: "connection".to_owned(),
            access_token: given("JOB").into(),
        },
        "managed" => Login::ManagedIdentity { client: Some("deployer".to_owned()) },
        "cli" => Login::AzureCli { tenant: None },
        // All fields come from the environment.
        _ => Login::WorkloadIdentity { tenant: None, client: None, token_file: None },
    };
    let ca = Some(given("CA").into());
    // Short, since no login is retried here.
    let options =
        Options { hosts: crate::scene::local(), ca, patience: Duration::from_millis(10), ..Options::new(login) };
    let vaults = weir_secrets::KeyVaults::open(options).unwrap();
    let at = weir_planning::SecretRef { vault: given("VAULT"), name: "a".to_owned() };
    vaults.store(&at, &"one".into(), &crate::scene::ours("K1")).await.unwrap();
}

/// Runs [`other_ways_to_log_in`] in a process of its own, which stores a secret; returns its output if it fails.
fn runs(scene: &Scene, login: &str, environment: &[(&str, &str)]) -> Result<(), String> {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "logins::other_ways_to_log_in", "--nocapture"]);
    child.env(LOGIN, login).env("CA", scene.server.ca()).env("TENANT", scene.server.tenant());
    child.env("VAULT", scene.server.address(&scene.name)).env("AZURE_AUTHORITY_HOST", scene.server.authority());
    let output = child.envs(environment.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("job-token") && !said.contains("msi-secret"), "{said}");
    output.status.success().then_some(()).ok_or(said)
}

/// All kinds of logins reach the vault as the same client.
#[tokio::test(flavor = "multi_thread")]
async fn other_ways_to_log_in() {
    if let Ok(login) = std::env::var(LOGIN) {
        return store_as(&login).await;
    }
    if !possible() {
        return;
    }
    let file = federated("api://AzureADTokenExchange");
    let bin = tempfile::tempdir().unwrap();
    let token =
        json!({"accessToken": server().token("deployer"), "expires_on": 4_000_000_000_i64, "tokenType": "Bearer"});
    let az = bin.path().join("az");
    let seen = bin.path().join("seen");
    std::fs::write(&az, format!("#!/bin/sh\nenv > {}\necho '{token}'\n", seen.display())).unwrap();
    std::fs::set_permissions(&az, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let (identity, oidc) = (server().managed_identity(), format!("{}/oidc", server().authority()));
    let token_file = file.path().to_str().unwrap();
    let workload = [
        ("AZURE_TENANT_ID", server().tenant()),
        ("AZURE_CLIENT_ID", "deployer"),
        ("AZURE_FEDERATED_TOKEN_FILE", token_file),
    ];
    for (login, environment) in [
        ("pipelines", [("SYSTEM_OIDCREQUESTURI", oidc.as_str()), ("JOB", "job-token")].as_slice()),
        ("managed", &[("IDENTITY_ENDPOINT", &identity), ("IDENTITY_HEADER", "msi-secret")]),
        ("cli", &[("PATH", &path), ("ADM_PASSWORD", "canary"), ("AZURE_CONFIG_DIR", "/azure")]),
        ("workload", &workload),
    ] {
        let scene = Scene::new();
        runs(&scene, login, environment).unwrap_or_else(|said| panic!("{login}: {said}"));
        assert_eq!(scene.values("a"), ["one"], "{login}");
        assert!(scene.server.calls(&scene.name).iter().all(|call| call.client == "deployer"));
    }
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("AZURE_CONFIG_DIR=/azure\n") && seen.contains("PATH=/"), "{seen}");
    assert!(!seen.contains("canary") && !seen.contains(LOGIN), "az got more than it needs: {seen}");
}

/// The attacker's vault: a server that would record the token.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_on_an_unlisted_host_gets_no_request() {
    if !possible() {
        return;
    }
    let azure = weir_model::VaultHosts::default();
    let scene = Scene::with(Options { hosts: azure, ..options("deployer") });
    let error = scene.store("a", "one", "K1").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("ownership.vaultHosts"), "{error}");
    assert!(scene.inspect("a").await.is_err());
    let credential = format!("{}/secrets/weir", scene.server.address(&scene.name));
    assert_eq!(scene.vaults.read(&credential).await.unwrap_err().kind, ErrorKind::Refused);
    assert_eq!(scene.server.calls(&scene.name).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_reported_with_their_cause() {
    if !possible() {
        return;
    }
    let oidc = format!("{}/oidc", server().authority());
    for (login, environment, says) in [
        ("pipelines", [("SYSTEM_OIDCREQUESTURI", oidc.as_str()), ("JOB", "another-job")].as_slice(), "401"),
        ("pipelines", &[("JOB", "job-token")], "SYSTEM_OIDCREQUESTURI"),
        (
            "managed",
            &[("IDENTITY_ENDPOINT", &server().managed_identity()), ("IDENTITY_HEADER", "wrong")],
            "no such machine",
        ),
        ("cli", &[("PATH", "/nowhere")], "not found"),
        ("workload", &[], "AZURE_"),
    ] {
        let said = runs(&Scene::new(), login, environment).unwrap_err();
        assert!(said.contains(says), "{login}: {said}");
    }
}

#[test]
fn an_incomplete_login_is_refused() {
    let login = Login::WorkloadIdentity { tenant: None, client: None, token_file: Some("/nowhere".into()) };
    let error = weir_secrets::KeyVaults::open(Options::new(login)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("WorkloadIdentity"), "{error}");
    let ca = Some("/nowhere/ca.pem".into());
    let error = weir_secrets::KeyVaults::open(Options { ca, ..Options::new(Login::Token("t".into())) }).unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refused() {
    if !possible() {
        return;
    }
    let login = Login::Token(server().token_for("deployer", -1).into());
    let scene = Scene::with(Options { login, ..options("deployer") });
    let error = scene.store("a", "one", "K1").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("The token has expired"), "{error}");
}

/// A preflight reports every missing right before a key is created, without writing anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_reports_missing_rights() {
    if !possible() {
        return;
    }
    for (role, allowed) in [("officer", true), ("writer", true), ("user", false), ("reader", false), ("none", false)] {
        let scene = Scene::with(Options { rights: Duration::ZERO, ..options("deployer") });
        scene.server.grant(&scene.name, "deployer", role, 0.0);
        let ended = scene.vaults.preflight(&scene.at("a")).await;
        assert_eq!(ended.is_ok(), allowed, "{role}: {ended:?}");
        assert!(scene.values("a").is_empty());
        let Err(error) = ended else { continue };
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(error.to_string().contains("role"), "{error}");
    }
}

/// A deleted secret must be recovered before it is stored again: a preflight checks this right too, without using it.
#[tokio::test(flavor = "multi_thread")]
async fn preflight_over_a_deleted_secret() {
    if !possible() {
        return;
    }
    for (role, allowed) in [
        (json!("writer"), true),
        (json!(["readMetadata", "setSecret", "recover"]), true),
        (json!(["readMetadata", "setSecret"]), false),
        (json!(["readMetadata", "recover"]), false),
    ] {
        let scene = Scene::with(Options { rights: Duration::ZERO, ..options("deployer") });
        scene.server.put(&scene.name, "a", "one", json!({"managed-by": "weir"}));
        scene.server.remove(&scene.name, "a");
        scene.server.grant(&scene.name, "deployer", role.clone(), 0.0);
        assert_eq!(scene.vaults.preflight(&scene.at("a")).await.is_ok(), allowed, "{role}");
        assert_eq!(scene.server.read(&scene.name, "a"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_was_just_assigned() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    scene.server.grant(&scene.name, "deployer", "writer", 0.5);
    let began = Instant::now();
    scene.vaults.preflight(&scene.at("a")).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(400));
}

/// A preflight waits for a missing right once in each vault, not once for each secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_never_assigned() {
    if !possible() {
        return;
    }
    let scene = Scene::with(Options { rights: Duration::from_millis(400), ..options("stranger") });
    let began = Instant::now();
    let mut calls = Vec::new();
    for name in ["a", "b"] {
        let error = scene.vaults.preflight(&scene.at(name)).await.unwrap_err();
        assert!(error.to_string().contains("counts after up to ten minutes"), "{error}");
        calls.push(scene.server.calls(&scene.name).len());
    }
    assert!(began.elapsed() > Duration::from_millis(200), "it waited in the first preflight");
    assert_eq!(calls[1], calls[0] + 1, "and not in the second");
}

/// A preflight does not wait at a firewall.
#[tokio::test(flavor = "multi_thread")]
async fn preflight_at_a_firewall() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    scene.server.settings(&scene.name, json!({"firewall": true}));
    let error = scene.vaults.preflight(&scene.at("a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("firewall") && !error.to_string().contains("ten minutes"), "{error}");
    assert_eq!(scene.server.calls(&scene.name).len(), 1);
}

/// Each documented right is needed, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_needed() {
    if !possible() {
        return;
    }
    const NEEDED: [&str; 5] = ["readMetadata", "setSecret", "update", "delete", "recover"];
    for lacking in std::iter::once(None).chain(NEEDED.map(Some)) {
        let scene = Scene::with(Options { rights: Duration::ZERO, ..options("stranger") });
        let actions: Vec<_> = NEEDED.into_iter().filter(|action| Some(*action) != lacking).collect();
        scene.server.grant(&scene.name, "stranger", actions, 0.0);
        let life = async {
            let at = scene.at("a");
            scene.vaults.preflight(&at).await?;
            scene.store("a", "one", "K1").await?;
            scene.vaults.disable(&at, "K1").await?;
            scene.vaults.delete(&at).await?;
            scene.store("a", "two", "K2").await
        };
        let ended = life.await.map_err(|error| (error.kind, error.to_string()));
        match lacking {
            None => ended.unwrap(),
            Some(lacking) => {
                let (kind, says) = ended.unwrap_err();
                assert_eq!(kind, ErrorKind::Denied, "{says}");
                assert!(says.contains(lacking), "{says}");
            }
        }
    }
}

/// The check of rights runs once for a vault, even with a thousand secrets.
#[tokio::test(flavor = "multi_thread")]
async fn preflight_asks_for_rights_once() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    for name in ["a", "b", "c"] {
        scene.vaults.preflight(&scene.at(name)).await.unwrap();
    }
    assert_eq!(scene.count("PUT", 400), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_a_credential_of_our_own() {
    if !possible() {
        return;
    }
    let scene = Scene::with(options("officer"));
    scene.server.put(&scene.name, "weir-api", "{\"key\":\"K\"}", json!({}));
    let address = format!("{}/secrets/Weir-Api", scene.server.address(&scene.name));
    assert_eq!(scene.vaults.read(&address).await.unwrap().expose_secret(), "{\"key\":\"K\"}");
    let absent = format!("{}/secrets/absent", scene.server.address(&scene.name));
    assert_eq!(scene.vaults.read(&absent).await.unwrap_err().kind, ErrorKind::Refused);
    // The deploying login may not read values.
    let error = Scene::with(options("deployer")).vaults.read(&address).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("Key Vault Secrets User"), "{error}");
}
