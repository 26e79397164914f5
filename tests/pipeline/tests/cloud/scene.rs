//! The systems that a test runs against: a cloud, a broker, vaults.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use weir_confluent::{ApiKey, ConfluentCloud, Control, Data, Options};
use weir_fake_confluent as fake;
use weir_fake_confluent::{FakeConfluent, Operation, Tls};
use weir_model::{SecretPart, Workspace};
use weir_planning::{Acl, Desired, DesiredKey, ObservedSecret, Principal, SecretRef};
use weir_ports::{Clock, Cluster as _, Query, Selection};
use weir_secrets::{KeyVaults, Login};
use weir_testkit::{Broker, keyvault::Vaults};

use crate::{canaries::Canaries, login::logs_in};

/// The teams, each with a vault for each stage.
pub(crate) const TEAMS: [&str; 2] = ["toll", "cards"];

/// An API key's id and its secret.
pub(crate) type Pair = (String, String);

pub(crate) struct Scene {
    pub(crate) cloud: Arc<FakeConfluent>,
    pub(crate) vaults: Arc<Vaults>,
    /// All secrets that ever existed.
    pub(crate) canaries: Arc<Mutex<Canaries>>,
    /// The broker, which ends with the scene.
    _broker: Broker,
    /// The key that weir logs in to the brokers with.
    key: fake::ApiKey,
    token: String,
    ahead: Mutex<SignedDuration>,
}

/// Time limits of weir's clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Timeout of one try.
    pub(crate) one: Duration,
    /// Timeout of a call with all its tries.
    pub(crate) all: Duration,
    /// Pause before the second try.
    pub(crate) pause: Duration,
}

impl Patience {
    /// Long enough for every call that works.
    pub(crate) const LONG: Self =
        Self { one: Duration::from_secs(20), all: Duration::from_secs(40), pause: Duration::from_millis(20) };
    /// Short, so that failures reach the caller soon.
    pub(crate) const SHORT: Self =
        Self { one: Duration::from_millis(150), all: Duration::from_millis(350), pause: Duration::from_millis(5) };
}

impl Scene {
    /// Starts the systems; reports a skip and returns `None` if a tool is missing.
    #[track_caller]
    pub(crate) fn start(seed: u64) -> Option<Self> {
        if let Some(why) = Vaults::lacking() {
            weir_testkit::skip(why);
            return None;
        }
        let broker = Broker::start(&fake::BROKER)?;
        let cloud = FakeConfluent::builder().seed(seed).start();
        cloud.attach(cloud.cluster(), broker.bootstrap(), broker.admin(), Tls::Off);
        let deployer = cloud.create_account("weir-deployer", "deploys");
        cloud.make_admin(cloud.cluster(), &deployer);
        let key = cloud.create_key(&deployer, Some(cloud.cluster()), "by hand");
        let vaults = Vaults::start();
        let token = vaults.token("deployer");
        let mut canaries = Canaries::default();
        canaries.add(&key);
        canaries.add(cloud.cloud_key());
        canaries.add_text(&token);
        Some(Self {
            cloud: Arc::new(cloud),
            vaults: Arc::new(vaults),
            canaries: Arc::new(Mutex::new(canaries)),
            _broker: broker,
            key,
            token,
            ahead: Mutex::default(),
        })
    }

    /// Advances the clock without waiting.
    pub(crate) fn advance(&self, by: Duration) {
        self.cloud.advance(by);
        *self.ahead.lock().unwrap() += SignedDuration::try_from(by).unwrap();
    }

    pub(crate) fn open_cloud(&self, patience: Patience) -> ConfluentCloud {
        let own = |key: &fake::ApiKey| ApiKey { id: key.id.clone(), secret: key.secret.clone().into() };
        let Patience { one, all, pause } = patience;
        let control = Control {
            api: self.cloud.url(),
            timeout: one,
            patience: all,
            pause,
            ..Control::new(self.cloud.environment(), own(self.cloud.cloud_key()))
        };
        let data = Data { timeout: Duration::from_secs(30), ..Data::new(own(&self.key)) };
        let cluster = self.cloud.cluster().to_owned();
        ConfluentCloud::new(Options { cluster, control: Some(control), data: Some(data) }).unwrap()
    }

    pub(crate) fn open_vaults(&self, patience: Patience) -> KeyVaults {
        let Patience { one, all, pause } = patience;
        let options = weir_secrets::Options {
            hosts: weir_model::VaultHosts::parse(&["*.localhost"]).unwrap(),
            ca: Some(self.vaults.ca()),
            timeout: one,
            patience: all,
            rights: all,
            pause,
            ..weir_secrets::Options::new(Login::Token(self.token.clone().into()))
        };
        KeyVaults::open(options).unwrap()
    }

    /// Returns the environment of a binary.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 5] {
        let key = self.cloud.cloud_key();
        [
            ("CONFLUENT_CLOUD_API_KEY", &key.id),
            ("CONFLUENT_CLOUD_API_SECRET", &key.secret),
            ("NONPROD_KAFKA_API_KEY", &self.key.id),
            ("NONPROD_KAFKA_API_SECRET", &self.key.secret),
            ("VAULT_TOKEN", &self.token),
        ]
    }

    /// Returns `weir.yaml` with two stages on one cluster.
    pub(crate) fn settings(&self) -> String {
        let stage = |name: &str| {
            format!(
                "    - name: {name}
      cluster: nonprod
      prefix: {{topic: {name}., group: {name}., transactionalId: {name}., serviceAccount: {name}-}}
      owns: {{topics: ['{name}.*'], serviceAccounts: ['{name}-*']}}
      prune: true
"
            )
        };
        let teams: String = TEAMS
            .iter()
            .map(|team| format!("---\napiVersion: weir/v1\nkind: Team\nmetadata: {{name: {team}}}\n"))
            .collect();
        format!(
            "apiVersion: weir/v1
kind: Workspace
metadata: {{name: cps}}
spec:
  clusters:
    nonprod:
      confluentCloud:
        environment: {environment}
        cluster: {cluster}
        credentials: {{env: CONFLUENT_CLOUD}}
        kafka: {{credentials: {{env: NONPROD_KAFKA}}}}
        api: \"{api}\"
  secrets: {{keyVault: {{login: token, env: VAULT_TOKEN, ca: vaults.pem}}}}
  ownership:
    platform: {platform}
    vaultHosts: [\"*.localhost\"]
    # Names without a team, as the entities of these tests have.
    adopt: {{dev: {{topics: [\"dev.t*\"]}}, test: {{topics: [\"test.t*\"]}}}}
  defaults:
    vault: \"{vault}\"
    namespace: \"{{team}}-{{stage}}\"
  stages:
{dev}{test}{teams}",
            environment = self.cloud.environment(),
            cluster = self.cloud.cluster(),
            api = self.cloud.url(),
            platform = TEAMS[0],
            vault = self.vaults.address("VAULT").replace("VAULT", "kv-{team}-{stage}"),
            dev = stage("dev"),
            test = stage("test"),
        )
    }

    /// Returns the desired state of a stage.
    #[track_caller]
    pub(crate) fn desired(&self, entities: &str, stage: &str) -> Desired {
        let workspace = load(&self.settings(), entities);
        weir_planning::desired(&workspace.stage(stage).unwrap(), self.now())
    }

    /// Returns the vault's name from its address.
    pub(crate) fn vault_of(&self, at: &SecretRef) -> String {
        at.vault.trim_start_matches("https://").split('.').next().unwrap_or_default().to_owned()
    }

    /// Reads a slot's JSON secret as an application does. Returns the id of the API key and its secret.
    pub(crate) fn read(&self, at: &SecretRef) -> Option<Pair> {
        let value: Value = serde_json::from_str(&self.vaults.read(&self.vault_of(at), &at.name)?).ok()?;
        Some((value["api_key"].as_str()?.to_owned(), value["api_secret"].as_str()?.to_owned()))
    }

    /// Reads the key from each form of the slot's secret.
    pub(crate) fn read_all(&self, key: &DesiredKey) -> Vec<(&'static str, Option<Pair>)> {
        let part = |part| {
            let at: &SecretRef = key.projections.get(&part)?;
            Some(self.vaults.read(&self.vault_of(at), &at.name))
        };
        let mut shapes = vec![("json", self.read(&key.secret))];
        if let Some(properties) = part(SecretPart::Properties) {
            let quoted =
                |text: &str, name: &str| Some(text.split_once(&format!("{name}=\""))?.1.split_once('"')?.0.to_owned());
            let pair = properties.and_then(|text| Some((quoted(&text, "username")?, quoted(&text, "password")?)));
            shapes.push(("properties", pair));
        }
        if let (Some(id), Some(secret)) = (part(SecretPart::Key), part(SecretPart::Secret)) {
            shapes.push(("pair", id.zip(secret)));
        }
        shapes
    }

    /// Returns the id of the API key in the tags of a secret's newest version.
    pub(crate) fn tagged(&self, at: &SecretRef) -> Option<String> {
        let newest = self.vaults.versions(&self.vault_of(at), &at.name).pop()?;
        newest.tags.get(ObservedSecret::TAG_KEY_ID).cloned()
    }

    /// Returns the account that an API key logs in as, if the key is valid. Asks the cloud, not the brokers.
    pub(crate) fn owner(&self, id: &str, secret: &str) -> Option<String> {
        let key = self.cloud.keys().into_iter().find(|key| key.id == id && key.secret == secret)?;
        (key.cluster.as_deref() == Some(self.cloud.cluster())).then_some(key.owner)
    }

    /// Returns `true` if the brokers accept an API key.
    pub(crate) fn logs_in(&self, id: &str, secret: &str) -> bool {
        logs_in(&self.cloud.bootstrap(self.cloud.cluster()), id, secret)
    }

    /// Removes all faults.
    pub(crate) fn mend(&self) {
        self.cloud.clear_faults();
        for vault in self.vault_names() {
            self.vaults.mend(&vault);
        }
    }

    /// Returns the names of every team's vaults, one for each stage.
    pub(crate) fn vault_names(&self) -> Vec<String> {
        let of = |team: &&str| ["dev", "test"].map(|stage| format!("kv-{team}-{stage}"));
        TEAMS.iter().flat_map(of).collect()
    }

    /// Returns all objects that do not belong to the stage.
    pub(crate) fn beyond(&self, stage: &str) -> Beyond {
        let (prefix, own) = (format!("{stage}-"), format!("{stage}."));
        let theirs = |name: &str| !name.starts_with(&prefix);
        let accounts: BTreeMap<String, (String, String)> = self
            .cloud
            .accounts()
            .into_iter()
            .filter(|account| theirs(&account.display_name))
            .map(|account| (account.id, (account.display_name, account.description)))
            .collect();
        let keys = self.cloud.keys().into_iter();
        let keys = keys.filter(|key| accounts.contains_key(&key.owner) || key.owner.starts_with("u-"));
        let keys = keys.map(|key| (key.id, key.owner)).collect();
        let all = || Selection { everything: true, ..Selection::default() };
        let cluster = self.open_cloud(Patience::LONG);
        let observed =
            pipeline::block_on(cluster.observe(&Query { topics: all(), accounts: all() })).expect("all is well");
        let ours = Principal::of_account(&prefix);
        let acls = observed.acls.into_iter().filter(|(principal, _)| !principal.starts_with(&*ours)).collect();
        let topics = observed.topics.into_iter().filter(|(name, _)| !name.starts_with(&own));
        let topics = topics.map(|(name, topic)| (name, format!("{topic:?}"))).collect();
        let mut secrets = BTreeMap::new();
        for vault in self.vault_names() {
            let everything = !vault.ends_with(stage);
            for name in self.vaults.names(&vault) {
                if everything || !name.starts_with(&format!("kafka-{prefix}")) {
                    secrets.insert(format!("{vault}/{name}"), format!("{:?}", self.vaults.versions(&vault, &name)));
                }
            }
        }
        Beyond { accounts, keys, acls, topics, secrets }
    }
}

/// Objects that a stage must never touch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Beyond {
    accounts: BTreeMap<String, (String, String)>,
    keys: BTreeMap<String, String>,
    acls: BTreeMap<Principal, BTreeSet<Acl>>,
    topics: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

impl Clock for Scene {
    fn now(&self) -> Timestamp {
        Timestamp::now() + *self.ahead.lock().unwrap()
    }
}

/// Loads a workspace that must have no errors.
#[track_caller]
pub(crate) fn load(settings: &str, entities: &str) -> Workspace {
    let loaded = weir_model::load([("weir.yaml", settings), ("entities.yaml", entities)]);
    let wrong: Vec<_> =
        loaded.findings.iter().chain(&weir_validation::validate(&loaded, None, None).unwrap()).cloned().collect();
    let errors: Vec<_> = wrong.iter().filter(|f| f.severity == weir_findings::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{settings}{entities}");
    loaded.workspace.unwrap()
}

/// Adds the secret of each created key to the canaries.
pub(crate) fn remember(scene: &Scene) -> impl Fn(&fake::Exchange) + Send + Sync + use<> {
    let (cloud, canaries) = (Arc::downgrade(&scene.cloud), scene.canaries.clone());
    move |exchange| {
        if exchange.operation == Some(Operation::CreateKey)
            && let Some(cloud) = cloud.upgrade()
        {
            let mut canaries = canaries.lock().unwrap();
            cloud.keys().iter().for_each(|key| canaries.add(key));
        }
    }
}
