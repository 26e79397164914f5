//! Secrets are only in the files of the vaults.

use std::{fs, path::Path};

use weir_ports::{Cluster, ExposeSecret as _, SecretSink};

use crate::scene::{account, does, everything, marker, open, secret_ref, tags};

/// Returns all files below `path` that contain `text`.
fn holding(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(text) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

#[tokio::test]
async fn only_in_the_vault() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    does(&sandbox, account("a")).await.unwrap();
    let key = sandbox.create_key("a", &marker("1")).await.unwrap();
    let secret = key.secret.expose_secret().to_owned();
    assert!(holding(folder.path(), &secret).is_empty());
    sandbox.store(&secret_ref("a"), &key.secret, &tags(&key.id)).await.unwrap();
    assert_eq!(holding(folder.path(), &secret), ["a.json"]);

    let observed = sandbox.observe(&everything()).await.unwrap();
    let inspected = sandbox.inspect(&[secret_ref("a")].into()).await.unwrap();
    let versions = sandbox.vaults().secret_versions(&secret_ref("a")).unwrap();
    let said = format!("{observed:?} {inspected:?} {versions:?} {key:?} {sandbox:?}");
    assert!(!said.contains(&secret));
}

#[tokio::test]
async fn vault_addresses_and_names_cannot_leave_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(&folder.path().join("inner"));
    for vault in ["https://..", "..", "", "https://a/../../b", "https://a/b", "/etc", "https://a:b", "https://a\\b"] {
        let at = weir_planning::SecretRef { vault: vault.to_owned(), name: "a".to_owned() };
        assert!(sandbox.store(&at, &"x".into(), &tags("K")).await.is_err(), "{vault}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(!folder.path().join("inner/vaults").exists());
    for vault in ["https://kv.example/", "HTTPS://KV.example", "https://127.0.0.1:8443"] {
        let at = weir_planning::SecretRef { vault: vault.to_owned(), name: "a".to_owned() };
        sandbox.store(&at, &"x".into(), &tags("K")).await.unwrap();
    }
}
