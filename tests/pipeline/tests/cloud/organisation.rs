//! Deploys a whole organisation with the binaries: four stages on three clusters of Confluent Cloud, with TLS on every
//! connection that supports it, and every key in its team's vault; then again with two agents in two networks.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use weir_fake_confluent as fake;
use weir_fake_confluent::{ClusterKind, FakeConfluent, Tls};
use weir_kafka::{Kafka, Login, Options, SaslMechanism, SecurityProtocol};
use weir_model::Ensure;
use weir_signature::SigningKey;
use weir_testkit::{Broker, keyvault::Vaults};

use crate::{canaries::Canaries, judge::judge};

/// Path of a key of weir-signature's own tests.
macro_rules! key {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/weir-signature/tests/", $name)
    };
}

/// The clusters of `fixtures/cps`, and their environments.
const CLUSTERS: [(&str, &str); 3] = [("nonprod", "env-x1"), ("preprod", "env-x2"), ("prod", "env-x2")];

/// Text of `fixtures/cps` that Confluent Cloud rejects, and the message about it.
const NOT_TAKEN: [(&str, &str); 3] = [
    (", min.cleanable.dirty.ratio: 0.3", "does not allow `min.cleanable.dirty.ratio` to be set"),
    (", compression.type: zstd", "does not allow `compression.type` to be set"),
    (", host: 192.0.2.17", "accepts only the host `*`, not `192.0.2.17`"),
];

struct Organisation {
    cloud: FakeConfluent,
    vaults: Vaults,
    _brokers: Vec<Broker>,
    folder: TempDir,
    /// Environment of the agents, by plane.
    control: BTreeMap<String, String>,
    data: BTreeMap<String, String>,
    said: String,
}

#[test]
fn four_stages_are_deployed_and_nothing_is_left_to_do() {
    let Some(mut org) = Organisation::start() else { return };
    org.assert_not_taken();
    for stage in ["dev", "test", "preprod", "prod"] {
        let digest = org.plan(stage, "");
        let all = format!("weir-deploy plan.json --digest {digest} --beyond-threshold --receipt receipt.json");
        assert_eq!(org.run(&all, &["control", "data"]), 0, "{}", org.said);
        org.plan(stage, "");
        assert_eq!(org.run(&format!("weir-plan --stage {stage} --detailed-exitcode"), &["control", "data"]), 0);
        org.assert_keys(stage);
    }
    org.two_networks();
    // The number is 0 if the OpenAPI files are missing: a skip, and with `CI=true` a failure.
    let (log, judged) = (org.cloud.log(), judge(&org.cloud.log()));
    assert!(log.len() > 100 && (judged == log.len() || judged == 0), "{judged} of {}", log.len());
    org.assert_silent();
}

impl Organisation {
    #[track_caller]
    fn start() -> Option<Self> {
        if let Some(why) = Vaults::lacking() {
            weir_testkit::skip(why);
            return None;
        }
        let vaults = Vaults::start();
        let cloud = FakeConfluent::builder().seed(21).cluster("env-x0", "lkc-none", ClusterKind::Basic).start();
        cloud.limit("iam.max_service_accounts.per_org", 5_000);
        let deployer = cloud.create_account("weir-deployer", "deploys");
        let (mut control, mut data) = (BTreeMap::new(), BTreeMap::new());
        let login = |env: &mut BTreeMap<String, String>, name: &str, key: &fake::ApiKey| {
            env.insert(format!("{name}_API_KEY"), key.id.clone());
            env.insert(format!("{name}_API_SECRET"), key.secret.clone());
        };
        login(&mut control, "CONFLUENT_CLOUD", cloud.cloud_key());
        control.insert("VAULT_TOKEN".to_owned(), vaults.token("deployer"));
        let mut brokers = Vec::new();
        for (name, environment) in CLUSTERS {
            let (broker, id) = (Broker::start(&fake::BROKER)?, format!("lkc-{name}"));
            cloud.add_cluster(environment, &id, ClusterKind::Dedicated);
            cloud.attach(&id, broker.bootstrap(), broker.admin(), Tls::On);
            cloud.make_admin(&id, &deployer);
            login(&mut data, &format!("{}_KAFKA", name.to_uppercase()), &cloud.create_key(&deployer, Some(&id), ""));
            brokers.push(broker);
        }
        let folder = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cps"), folder.path(), &|text| {
            text.replace(".vault.azure.net", &vaults.address("x")["https://x".len()..])
        });
        let at = |name: &str| folder.path().join(name);
        fs::copy(cloud.ca(), at("kafka.pem")).unwrap();
        fs::copy(vaults.ca(), at("vaults.pem")).unwrap();
        let mut settings = fs::read_to_string(at("weir.yaml")).unwrap();
        for (name, environment) in CLUSTERS {
            let sandbox = format!("{name}: {{sandbox: {{path: .weir/{name}, clusterId: lkc-{name}}}}}");
            assert!(settings.contains(&sandbox), "{settings}");
            let (api, bootstrap) = (cloud.url(), cloud.bootstrap(&format!("lkc-{name}")));
            let ours = format!(
                "{name}: {{confluentCloud: {{environment: {environment}, cluster: lkc-{name}, credentials: {{env: \
                 CONFLUENT_CLOUD}}, api: \"{api}\", kafka: {{credentials: {{env: {}_KAFKA}}, bootstrap: \
                 \"{bootstrap}\", ca: kafka.pem}}}}}}",
                name.to_uppercase()
            );
            settings = settings.replace(&sandbox, &ours);
        }
        let secrets = "  secrets: {keyVault: {login: token, env: VAULT_TOKEN, ca: vaults.pem}}\n\n  stages:";
        settings = settings.replacen("\n  stages:", &format!("\n{secrets}"), 1);
        let hosts = "  ownership:\n    vaultHosts: [\"*.localhost\"]\n";
        settings = match settings.contains("\n  ownership:\n") {
            true => settings.replacen("  ownership:\n", hosts, 1),
            false => settings.replacen("\n  secrets:", &format!("\n{hosts}    platform: platform\n  secrets:"), 1),
        };
        // On Confluent Cloud, service accounts belong to the organisation, not to a cluster.
        settings =
            settings.replacen("cluster: preprod\n", "cluster: preprod\n      prefix: {serviceAccount: pre-}\n", 1);
        fs::write(at("weir.yaml"), settings).unwrap();
        Some(Self { cloud, vaults, _brokers: brokers, folder, control, data, said: String::new() })
    }

    /// Checks that validation reports exactly the text of `fixtures/cps` that Confluent Cloud rejects, and removes that
    /// text.
    fn assert_not_taken(&mut self) {
        let before = self.said.len();
        assert_eq!(self.run("weir-validate --format concise", &[]), 1, "{}", self.said);
        let said = self.said.split_off(before);
        let errors: Vec<&str> = said.lines().filter(|line| line.contains("error")).collect();
        for (text, message) in NOT_TAKEN {
            let about = errors.iter().filter(|line| line.contains(message)).count();
            assert!(about > 0, "no error mentions `{text}`: {said}");
        }
        let known = |line: &&str| NOT_TAKEN.iter().any(|(_, message)| line.contains(message));
        assert!(errors.iter().all(known), "{errors:#?}");
        copy(&self.at(""), &self.at(""), &|text| NOT_TAKEN.iter().fold(text, |text, (part, _)| text.replace(part, "")));
    }

    /// Deletes an account, removes a grant and adds a topic, with one agent for each plane that cannot reach the other
    /// plane. Each signs: one with a key in a key vault, the other with a key in a file.
    fn two_networks(&mut self) {
        let (first, second) = (include_str!(key!("key.pem")), include_str!(key!("other.pem")));
        self.vaults.put("kv-platform-dev", "weir-signing", first, Value::Null);
        // Reading a value needs a right that writing keys does not.
        self.vaults.grant("kv-platform-dev", "deployer", "user", 0.0);
        fs::write(self.at("other.pem"), second).unwrap();
        let in_vault = format!("--sign {}/secrets/weir-signing", self.vaults.address("kv-platform-dev"));
        let in_file = "--sign file:other.pem";
        let public = |pem| SigningKey::from_pem(pem).unwrap().public();
        let signed_by = format!("    - name: dev\n      signedBy: [{}, {}]\n", public(first), public(second));
        let settings = fs::read_to_string(self.at("weir.yaml")).unwrap();
        assert!(settings.contains("    - name: dev\n"), "{settings}");
        fs::write(self.at("weir.yaml"), settings.replacen("    - name: dev\n", &signed_by, 1)).unwrap();
        let file = self.at("teams/fraud/kafka.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let (accounts, rest): (Vec<&str>, Vec<&str>) = text.split("\n---\n").partition(|document| {
            document.contains("kind: ServiceAccount") || document.contains("kind: AccessControlList")
        });
        assert!(!accounts.is_empty(), "{text}");
        let topic = "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: fraud.cases.v9, team: fraud, \
                     description: Cases to look at, labels: {costCenter: \"4711\", dataClass: internal}}\n\
                     spec: {profile: standard, stages: {dev: {}}}\n";
        fs::write(&file, [rest.as_slice(), &[topic]].concat().join("\n---\n")).unwrap();
        let account = "---\napiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: fraud-new, team: fraud, \
                       description: Looks at cases anew}\n\
                       spec: {apiKeys: [{slot: default, rotateEvery: 90d}], stages: {dev: {}}}\n\
                       ---\napiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: fraud-new, team: fraud}\n\
                       spec: {serviceAccount: fraud-new, allow: [{produce: fraud.cases.v9}], stages: {dev: {}}}\n";
        fs::write(self.at("teams/fraud/new.yaml"), account).unwrap();
        let digest = self.plan("dev", &in_vault);
        let deploy = format!("weir-deploy plan.json --digest {digest} --beyond-threshold --max-risk data-loss");
        let first = format!("{deploy} --plane control --receipt 1.json {in_vault}");
        assert_eq!(self.run(&first, &["control"]), 0, "{}", self.said);
        let second = format!("{deploy} --plane data --after 1.json --receipt 2.json");
        assert_eq!(self.run(&format!("{second} {in_file}"), &["data"]), 0, "{}", self.said);
        let third = format!("{deploy} --plane control --after 2.json --receipt 3.json");
        assert_eq!(self.run(&third, &["control"]), 0, "{}", self.said);
        assert_eq!(self.run("weir-plan --stage dev --detailed-exitcode", &["control", "data"]), 0, "{}", self.said);
        let names: Vec<String> = self.cloud.accounts().into_iter().map(|account| account.display_name).collect();
        assert!(names.iter().any(|name| name == "dev-fraud-new"), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("dev-fraud-") && name != "dev-fraud-new"), "{names:?}");
        assert!(names.iter().any(|name| name.starts_with("test-fraud-")), "{names:?}");
        self.assert_keys("dev");
    }

    /// Writes plan.json. Returns its digest.
    fn plan(&mut self, stage: &str, flags: &str) -> String {
        let line = format!("weir-plan --stage {stage} --out plan.json {flags}");
        assert_eq!(self.run(line.trim_end(), &["control", "data"]), 0, "{}", self.said);
        let plan: Value = serde_json::from_str(&fs::read_to_string(self.at("plan.json")).unwrap()).unwrap();
        plan["digest"].as_str().unwrap().to_owned()
    }

    /// Runs a binary as an agent that reaches these planes and has only their credentials. Returns the exit code.
    fn run(&mut self, line: &str, planes: &[&str]) -> i32 {
        let mut words = line.split(' ');
        let mut command = Command::new(pipeline::binary(words.next().unwrap()));
        command.args(words).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        for (plane, env) in [("control", &self.control), ("data", &self.data)] {
            command.envs(env.iter().filter(|_| planes.contains(&plane)));
        }
        let output = command.output().unwrap();
        let code = output.status.code().unwrap_or(-1);
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        self.said.push_str(&format!("$ {line}\n{out}{err}[{code}]\n"));
        code
    }

    /// Checks that each declared key of a stage is in its secret and belongs to its account; logs in to the brokers
    /// with one of them.
    fn assert_keys(&self, stage: &str) {
        let read = weir_pipeline::read(self.folder.path()).unwrap();
        let workspace = read.loaded.workspace.unwrap();
        let desired = weir_planning::desired(&workspace.stage(stage).unwrap(), jiff::Timestamp::now());
        let live: BTreeMap<String, fake::ApiKey> =
            self.cloud.keys().into_iter().map(|key| (key.id.clone(), key)).collect();
        let accounts: BTreeMap<String, String> =
            self.cloud.accounts().into_iter().map(|account| (account.display_name, account.id)).collect();
        let (mut keys, mut tried) = (0, false);
        for (name, account) in desired.accounts.iter().filter(|(_, account)| account.ensure == Ensure::Present) {
            for key in account.keys.values() {
                let vault = key.secret.vault.trim_start_matches("https://").split('.').next().unwrap();
                let value = self.vaults.read(vault, &key.secret.name).unwrap_or_else(|| panic!("no {}", key.secret));
                let value: Value = serde_json::from_str(&value).unwrap();
                let (id, secret) = (value["api_key"].as_str().unwrap(), value["api_secret"].as_str().unwrap());
                let known = &live[id];
                assert_eq!(known.secret, secret);
                assert_eq!(known.owner, accounts[name]);
                assert_eq!(known.cluster, desired.cluster_id);
                keys += 1;
                if !tried {
                    tried = true;
                    self.assert_logs_in(&value);
                }
            }
        }
        assert!(keys > 5, "{keys} keys in {stage}");
    }

    /// Logs in with the content of the secret and the CA certificate, and nothing else.
    fn assert_logs_in(&self, value: &Value) {
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        assert_eq!(text("security.protocol"), "SASL_SSL");
        let login = Login {
            mechanism: SaslMechanism::Plain,
            username: text("api_key"),
            password: text("api_secret").into(),
            tokens: None,
        };
        let options = Options {
            protocol: SecurityProtocol::SaslSsl,
            login: Some(login),
            ca: Some(self.cloud.ca().to_owned()),
            timeout: Duration::from_secs(20),
            ..Options::new(text("bootstrap.servers"))
        };
        let kafka = Kafka::new(options).unwrap();
        pipeline::block_on(async { kafka.reach().await.map(drop) }).unwrap();
    }

    /// Checks that no output and no written file contains a secret.
    fn assert_silent(&self) {
        let mut canaries = Canaries::default();
        self.cloud.keys().iter().for_each(|key| canaries.add(key));
        canaries.add_text(&self.control["VAULT_TOKEN"]);
        // A part of the private number; the rest of the text is the same in each key.
        canaries.add_text(&include_str!(key!("key.pem")).lines().nth(2).unwrap()[..24]);
        assert!(canaries.known() > 50, "{}", canaries.known());
        assert_eq!(canaries.first_in(&self.said), None);
        let mut files = 0;
        walk(self.folder.path(), &mut |path| {
            files += 1;
            let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            assert_eq!(canaries.first_in(&text), None, "{}", path.display());
        });
        assert!(files > 20, "{files}");
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

fn copy(from: &Path, to: &Path, change: &dyn Fn(String) -> String) {
    walk(from, &mut |path| {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, change(fs::read_to_string(path).unwrap())).unwrap();
    });
}
