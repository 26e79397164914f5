//! Observes the cluster, with a fixed number of requests for each kind of object.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use futures::future::{join, join3, try_join_all};
use weir_model::{
    Operation, PatternType, Permission, Resource,
    settings::{self, KafkaValue},
};
use weir_planning::{Acl, ClusterFacts, Host, Limits, Observed, ObservedTopic, Principal};
use weir_ports::{ErrorKind, PortError, Query};
use weir_rdkafka_admin::{
    AclOperation, ClusterDescription, ConfigQuery, ConfigResource, ConfigSource, Error, ItemError, TopicDescription,
    rdkafka::types::RDKafkaErrorCode as Code,
};

use crate::{
    Kafka, Options,
    accounts::{self, Principals},
    acl::{self, Bindings},
    failure::{self, Purpose},
};

/// The largest number of topics in one request: librdkafka's work on an answer grows with its square.
const TOPICS: usize = 2_000;

/// The rights of the client, which decide whether topics may be hidden from it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The principal of the client at the brokers; `None` if unknown.
    pub deployer: Option<Principal>,
    /// Bindings by principal: of the principals in the query, of the deployer, and of `User:*`.
    pub acls: BTreeMap<Principal, BTreeSet<Acl>>,
    /// The names of the accounts that the query selects.
    pub selected: BTreeSet<String>,
}

pub(crate) async fn observe(kafka: &Kafka, query: &Query) -> Result<Observed, PortError> {
    let access = async {
        let deployer = kafka.deployer();
        let mut others: Vec<&str> = deployer.as_deref().into_iter().collect();
        others.push(Principal::EVERYBODY);
        let Principals { mut accounts, acls } = accounts::read(kafka, &query.accounts, &others).await?;
        accounts.retain(|name, account| account.exists() && query.accounts.contains_account(name, &account.makers()));
        Ok((Access { deployer, acls, selected: accounts.keys().cloned().collect() }, accounts))
    };
    let (mut observed, accounts) = observe_with(kafka, query, access).await?;
    for (name, account) in &accounts {
        observed.accounts.extend(account.observed(name).map(|seen| (name.clone(), seen)));
        observed.keys.extend(account.observed_keys(name));
    }
    Ok(observed)
}

/// Observes the selected state except accounts and API keys.
pub(crate) async fn observe_with<T>(
    kafka: &Kafka,
    query: &Query,
    access: impl Future<Output = Result<(Access, T), PortError>>,
) -> Result<(Observed, T), PortError> {
    // This request comes first and alone: on a refused login or a wrong cluster, nothing else is asked.
    let cluster = describe_cluster(kafka).await?;
    let listed = async {
        let names = topic_names(kafka).await?;
        let selected = || names.iter().filter(|name| query.topics.contains(name));
        let mut asked: BTreeSet<&str> = selected().map(String::as_str).collect();
        // A topic that is named but not listed may be hidden.
        asked.extend(query.topics.names.iter().map(String::as_str).filter(|name| is_topic_name(name)));
        let asked: Vec<&str> = asked.into_iter().collect();
        let sample = selected().next().or_else(|| names.first());
        let (topics, defaults) = join(visible(kafka, &asked), kafka.topic_defaults(sample.map(String::as_str))).await;
        Ok::<_, PortError>((names, topics, defaults))
    };
    // Waits for all three, so that the reported error does not depend on timing.
    let (listed, access, broker) = join3(listed, access, kafka.broker_defaults(&cluster)).await;
    let (names, topics, topic_defaults) = listed?;
    // A broker without an authorizer answers each list of bindings with an error that librdkafka drops, so the list
    // looks empty.
    if broker.as_ref().is_ok_and(|broker| broker.has_no_authorizer) && !query.accounts.is_empty() {
        let message = "the brokers have no authorizer (`authorizer.class.name` is empty): there are no ACL bindings, and \
                       whoever connects may do everything; stages with service accounts or bindings need one";
        return Err(PortError::refused(message));
    }
    let ((Access { deployer, acls, selected }, rest), broker) = (access?, broker?);

    let rights = Rights::new(&acls, deployer.as_deref(), &cluster);
    if acls.is_empty() && deployer.is_some() && !rights.is_super_user && kafka.options.dialect.only_bindings() {
        own_right(kafka).await?;
    }
    rights.check(query)?;
    let mut observed = Observed { format: Observed::FORMAT.to_owned(), ..Observed::default() };
    let (topics, hidden) = topics?;
    observed.topics = topics;
    observed.other_topics = names.into_iter().filter(|name| !query.topics.contains(name)).collect();
    observed.hidden_topics = hidden.into_iter().map(|(name, error)| (name, error.chain())).collect();
    for name in rights.denied(query).filter(|name| !observed.topics.contains_key(*name)) {
        let why = || format!("an ACL denies this client to describe the topic `{name}`");
        observed.hidden_topics.entry(name.to_owned()).or_insert_with(why);
    }

    let shown = |principal: &Principal| {
        let selected = principal.user().is_some_and(|name| query.accounts.contains(name) || selected.contains(name));
        query.accounts.everything || selected || Some(principal) == deployer.as_ref()
    };
    observed.acls = acls.into_iter().filter(|(principal, acls)| shown(principal) && !acls.is_empty()).collect();
    observed.cluster = ClusterFacts {
        id: cluster.cluster_id.unwrap_or_default(),
        brokers: u32::try_from(cluster.nodes.len()).unwrap_or(u32::MAX),
        default_partitions: broker.partitions,
        default_replication_factor: broker.replication_factor,
        defaults: topic_defaults.values,
        read_only_settings: topic_defaults.read_only,
        unknown_settings: topic_defaults.unknown,
        deployer_is_super_user: rights.is_super_user,
        super_users: broker.super_users,
        deployer,
        control: None,
        can_change_replication_factor: false,
        limits: Limits::default(),
    };
    Ok((observed, rest))
}

/// Checks an empty list of bindings. A client that is not a super user may list bindings only through a binding, so
/// the empty list would be wrong.
async fn own_right(kafka: &Kafka) -> Result<(), PortError> {
    // Brokers may know this client by another name.
    if acl::list(kafka, None).await?.is_empty() {
        let message = "the brokers list no ACL binding at all, not even the one that lets this client list them; \
                       something keeps them from answering";
        return Err(PortError::unavailable(message));
    }
    Ok(())
}

/// Reads the cluster's id, and refuses any but the expected one.
pub(crate) async fn describe_cluster(kafka: &Kafka) -> Result<ClusterDescription, PortError> {
    let Options { bootstrap, protocol, ca, .. } = &kafka.options;
    let answer = kafka.ask(kafka.admin.describe_cluster(&kafka.request_options())).await;
    let cluster = answer.map_err(|error| {
        // All brokers closed their connections, again and again.
        if matches!(&error, Error::Request { error, .. } if error.code == Code::AllBrokersDown) {
            let message =
                format!("{bootstrap} hangs up or says nothing; does its listener take {protocol}? See `security`");
            return PortError::unavailable(message);
        }
        let mut error = failure::call(error, Purpose::Read, &format!("cannot reach {bootstrap}"));
        // A broker that answered before may come back; a broker that never answered is taken for a wrong address.
        if error.kind == ErrorKind::Retry && !kafka.was_reached() {
            error.kind = ErrorKind::Unavailable;
        }
        if let (ErrorKind::Denied, Some(login)) = (error.kind, &kafka.options.login) {
            let why =
                error.message.rsplit_once("error: ").or_else(|| error.message.split_once(&format!("{bootstrap}: ")));
            let why = why.map_or(error.message.as_str(), |(_, why)| why);
            error.message = match &login.tokens {
                Some(file) if kafka.deployer().is_none() => {
                    format!("cannot log in to {bootstrap} with the token in {}: {why}", file.display())
                }
                _ => {
                    let principal = kafka.deployer().unwrap_or_default();
                    let name = principal.user().unwrap_or(&principal);
                    format!("{bootstrap} does not let `{name}` in: {why}")
                }
            };
        }
        if failure::is_untrusted(&error.message) {
            error.message = match ca {
                None => format!(
                    "{bootstrap} shows a certificate that this system does not trust, or one for another host; name \
                     the file of its authority: `security: {{ca: FILE}}`"
                ),
                Some(ca) => format!(
                    "{bootstrap} shows a certificate that {} does not vouch for, or one for another host",
                    ca.display()
                ),
            };
        }
        error
    })?;
    let id = cluster.cluster_id.as_deref().unwrap_or_default();
    match kafka.options.cluster_id.as_deref().filter(|expected| *expected != id) {
        Some(expected) => {
            let message = format!("{} is the cluster `{id}`, not `{expected}`", kafka.options.bootstrap);
            Err(PortError::new(ErrorKind::WrongCluster, message))
        }
        None => Ok(cluster),
    }
}

/// Returns the names of all visible topics, sorted.
async fn topic_names(kafka: &Kafka) -> Result<Vec<String>, PortError> {
    kafka.count();
    let (admin, timeout) = (kafka.admin.clone(), kafka.options.timeout);
    let listed = tokio::task::spawn_blocking(move || {
        let metadata = admin.client().fetch_metadata(None, timeout)?;
        let partitions = metadata.topics().iter().map(|topic| topic.partitions().len() as u64).sum();
        Ok::<(Vec<String>, u64), weir_rdkafka_admin::rdkafka::error::KafkaError>((
            metadata.topics().iter().map(|topic| topic.name().to_owned()).collect(),
            partitions,
        ))
    });
    let unavailable =
        |e: Box<dyn std::error::Error + Send + Sync>, kind| PortError::new(kind, "cannot list the topics").because(e);
    let mut names = match listed.await {
        Ok(Ok((names, partitions))) => {
            kafka.saw_partitions(partitions);
            names
        }
        Ok(Err(error)) => {
            let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
            let trouble = kafka.admin.connection_error().map(|trouble| trouble.code);
            let kind = match trouble.map(|code| failure::kind(code, Purpose::Read)) {
                Some(ErrorKind::Denied) => ErrorKind::Denied,
                _ => failure::kind(code, Purpose::Read),
            };
            return Err(unavailable(error.into(), kind));
        }
        Err(error) => return Err(unavailable(error.into(), ErrorKind::Unavailable)),
    };
    names.sort_unstable();
    Ok(names)
}

/// Topics that the brokers refuse to show, each with the error.
type Hidden = BTreeMap<String, PortError>;

/// Returns topics by name, with their own settings. Missing topics are left out; one that may not be seen is an error.
pub(crate) async fn topics(kafka: &Kafka, names: &[&str]) -> Result<BTreeMap<String, ObservedTopic>, PortError> {
    let (topics, hidden) = visible(kafka, names).await?;
    hidden.into_values().next().map_or(Ok(topics), Err)
}

/// Returns topics by name, with their own settings, and the topics that may not be seen. Missing topics are left out.
///
/// If no topic at all may be seen, the login is wrong, which is an error.
async fn visible(kafka: &Kafka, names: &[&str]) -> Result<(BTreeMap<String, ObservedTopic>, Hidden), PortError> {
    // Both at the same time: while one answer is read, the broker works on the other.
    let (described, settings) = join(described(kafka, names), settings(kafka, names)).await;
    let ((described, mut hidden), (mut settings, more)) = (described?, settings?);
    for (name, error) in more {
        hidden.entry(name).or_insert(error);
    }
    let topic = |described: TopicDescription| {
        let topic = ObservedTopic {
            partitions: u32::try_from(described.partitions.len()).unwrap_or(u32::MAX),
            replication_factor: described
                .partitions
                .first()
                .map_or(0, |partition| u16::try_from(partition.replicas.len()).unwrap_or(u16::MAX)),
            config: settings.remove(&described.name)?,
            topic_id: described.id,
            ..ObservedTopic::default()
        };
        Some((described.name, topic))
    };
    let topics: BTreeMap<_, _> = described.into_iter().filter_map(topic).collect();
    if topics.is_empty()
        && let Some((_, error)) = hidden.pop_first()
    {
        return Err(error);
    }
    Ok((topics, hidden))
}

/// Returns the topics' own settings, by name, and the topics whose settings may not be seen. Missing topics are left out.
async fn settings(
    kafka: &Kafka,
    names: &[&str],
) -> Result<(BTreeMap<String, BTreeMap<String, KafkaValue>>, Hidden), PortError> {
    const WHAT: &str = "cannot read the settings of topics";
    let resources: Vec<ConfigResource> = names.iter().map(|name| ConfigResource::Topic((*name).to_owned())).collect();
    let requests = resources.chunks(TOPICS).map(async |chunk| {
        let query = ConfigQuery { own: true, ..ConfigQuery::default() };
        kafka.read(WHAT, kafka.admin.describe_configs(chunk, query, &kafka.request_options())).await
    });
    let (mut found, mut hidden) = (BTreeMap::new(), Hidden::new());
    for (name, answer) in names.iter().zip(try_join_all(requests).await?.into_iter().flatten()) {
        match answer {
            Ok(entries) => {
                let own = entries.into_iter().filter(|entry| entry.source == ConfigSource::Topic);
                let own = own.filter_map(|entry| Some((entry.name, entry.value?)));
                let own = own.filter(|(name, value)| !kafka.options.dialect.writes(name, value));
                found.insert((*name).to_owned(), settings::observed(own));
            }
            Err(error) if is_absent(error.code) => {}
            Err(error) => {
                let what = format!("cannot read the settings of the topic `{name}`");
                hide(&mut hidden, name, &error, what)?;
            }
        }
    }
    Ok((found, hidden))
}

/// Adds a topic that may not be seen. Any other error is returned.
fn hide(hidden: &mut Hidden, name: &str, error: &ItemError, what: String) -> Result<(), PortError> {
    let told = failure::item(error, Purpose::Read, what);
    if error.code != Code::TopicAuthorizationFailed {
        return Err(told);
    }
    hidden.insert(name.to_owned(), told);
    Ok(())
}

/// Describes topics by name. Missing topics are left out; one that may not be seen is an error.
pub(crate) async fn describe(kafka: &Kafka, names: &[&str]) -> Result<Vec<TopicDescription>, PortError> {
    let (found, hidden) = described(kafka, names).await?;
    hidden.into_values().next().map_or(Ok(found), Err)
}

async fn described(kafka: &Kafka, names: &[&str]) -> Result<(Vec<TopicDescription>, Hidden), PortError> {
    let requests = names.chunks(TOPICS).map(async |chunk| {
        let options = kafka.request_options();
        kafka.read("cannot describe topics", kafka.admin.describe_topics(chunk, &options)).await
    });
    let (mut found, mut hidden) = (Vec::with_capacity(names.len()), Hidden::new());
    for (name, answer) in names.iter().zip(try_join_all(requests).await?.into_iter().flatten()) {
        match answer {
            Ok(topic) => found.push(topic),
            Err(error) if is_absent(error.code) => {}
            Err(error) => {
                hide(&mut hidden, name, &error, format!("cannot see the topic `{name}`"))?;
            }
        }
    }
    Ok((found, hidden))
}

fn is_absent(code: Code) -> bool {
    matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::InvalidTopic)
}

/// Returns `true` if a broker could have a topic with this name.
pub(crate) fn is_topic_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 250
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Reads the brokers' list of super users: `User:admin;User:root`.
fn super_users(text: &str) -> BTreeSet<Principal> {
    text.split(';').map(str::trim).filter(|principal| !principal.is_empty()).map(Principal::from).collect()
}

/// The brokers' defaults for new topics.
#[derive(Clone, Debug)]
pub(crate) struct BrokerDefaults {
    pub(crate) partitions: u32,
    pub(crate) replication_factor: u16,
    /// `true` if the broker has no authorizer; `false` also if the broker hides that setting.
    pub(crate) has_no_authorizer: bool,
    /// The super users; none if the broker hides that setting, as Apache Kafka's own authorizer does.
    pub(crate) super_users: BTreeSet<Principal>,
}

/// Settings that a topic inherits from the brokers.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicDefaults {
    values: BTreeMap<String, KafkaValue>,
    read_only: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

impl Kafka {
    /// Reads the defaults once, since brokers do not change them while they run.
    pub(crate) async fn broker_defaults(&self, cluster: &ClusterDescription) -> Result<BrokerDefaults, PortError> {
        const WHAT: &str = "cannot read the settings of a broker (needs DescribeConfigs on the cluster)";
        const AUTHORIZER: &str = "authorizer.class.name";
        const SUPER_USERS: &str = "super.users";
        if let Some((partitions, replication_factor)) = self.options.dialect.defaults {
            return Ok(BrokerDefaults {
                partitions,
                replication_factor,
                has_no_authorizer: false,
                super_users: BTreeSet::new(),
            });
        }
        let read = async {
            let node = cluster.nodes.first().map_or(0, |node| node.id);
            let keys = ["num.partitions", "default.replication.factor", AUTHORIZER, SUPER_USERS];
            let query = ConfigQuery { keys: Some(&keys), ..ConfigQuery::default() };
            let resource = [ConfigResource::Broker(node)];
            let answers =
                self.read(WHAT, self.admin.describe_configs(&resource, query, &self.request_options())).await?;
            let entries = match answers.into_iter().next() {
                Some(Ok(entries)) => entries,
                Some(Err(error)) => return Err(failure::item(&error, Purpose::Read, WHAT)),
                None => Vec::new(),
            };
            let value = |name: &str| entries.iter().find(|entry| entry.name == name)?.value.as_deref();
            let number = |name: &str| value(name).and_then(|value| value.parse().ok()).unwrap_or(1);
            let factor = number("default.replication.factor");
            Ok(BrokerDefaults {
                partitions: number("num.partitions"),
                replication_factor: u16::try_from(factor).unwrap_or(u16::MAX),
                has_no_authorizer: value(AUTHORIZER).is_some_and(str::is_empty),
                super_users: super_users(value(SUPER_USERS).unwrap_or_default()),
            })
        };
        self.broker_defaults.get_or_try_init(|| read).await.cloned()
    }

    /// Reads the inherited settings once, from one topic. They stay unknown until there is a readable topic.
    async fn topic_defaults(&self, sample: Option<&str>) -> TopicDefaults {
        let read = async {
            let resource = [ConfigResource::Topic(sample.ok_or(())?.to_owned())];
            let query = ConfigQuery { synonyms: true, ..ConfigQuery::default() };
            let answers = self.read("", self.admin.describe_configs(&resource, query, &self.request_options())).await;
            let entries = answers.ok().and_then(|answers| answers.into_iter().next()?.ok()).ok_or(())?;
            let mut defaults = TopicDefaults::default();
            let known: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            // Confluent Cloud does not show all settings that it knows.
            let all = settings::all().iter().filter(|_| self.options.dialect.defaults.is_none());
            defaults.unknown =
                all.map(|setting| setting.name).filter(|name| !known.contains(name)).map(str::to_owned).collect();
            for entry in entries {
                if entry.read_only {
                    defaults.read_only.insert(entry.name.clone());
                }
                let value = match entry.source {
                    ConfigSource::Topic => {
                        let inherited = entry.synonyms.into_iter().find(|other| other.source != ConfigSource::Topic);
                        inherited.and_then(|other| other.value)
                    }
                    _ => entry.value,
                };
                defaults.values.extend(settings::observed(value.map(|value| (entry.name, value))));
            }
            Ok::<_, ()>(defaults)
        };
        self.topic_defaults.get_or_try_init(|| read).await.cloned().unwrap_or_default()
    }
}

/// The rights of this client.
struct Rights {
    /// `true` if the cluster allows an operation that no binding allows.
    is_super_user: bool,
    /// The bindings of the client, and those of `User:*`; `None` if the client's principal is unknown.
    own: Option<Vec<Acl>>,
}

impl Rights {
    fn new(acls: &Bindings, deployer: Option<&str>, cluster: &ClusterDescription) -> Self {
        let of = |principal: &str| acls.get(principal).into_iter().flatten().cloned();
        let own: Vec<Acl> = of(deployer.unwrap_or(Principal::EVERYBODY)).chain(of(Principal::EVERYBODY)).collect();
        let may_alter =
            cluster.authorized_operations.iter().any(|op| matches!(op, AclOperation::Alter | AclOperation::All));
        let allowed = own.iter().any(|acl| {
            use weir_model::Operation::{All, Alter};
            acl.resource == Resource::Cluster
                && acl.permission == Permission::Allow
                && matches!(acl.operation, Alter | All)
        });
        Self { is_super_user: deployer.is_some() && may_alter && !allowed, own: deployer.map(|_| own) }
    }

    /// Returns the bindings that deny this client to describe topics.
    fn denials(&self) -> Vec<&Acl> {
        let Some(own) = self.own.as_ref().filter(|_| !self.is_super_user) else { return Vec::new() };
        // The brokers see the client's address; here it is known only from its bindings.
        let here = address(own);
        let denies = |acl: &&Acl| {
            acl.resource == Resource::Topic
                && acl.permission == Permission::Deny
                && matches!(acl.operation, Operation::Describe | Operation::All)
                && (acl.host == Host::Any || here.is_none_or(|here| acl.host == *here))
        };
        own.iter().filter(denies).collect()
    }

    /// Returns the names of topics that the query asks for and that a binding denies this client to describe.
    fn denied<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = &'a str> {
        let names = self.denials().into_iter().filter(|acl| acl.pattern == PatternType::Literal).map(|acl| &*acl.name);
        names.filter(move |name| query.topics.contains(name))
    }

    /// Checks that no matching topic can be hidden. Kafka lists only topics that the client may describe, and
    /// silently omits all others. So each pattern needs a binding that covers all its matches, and no binding that
    /// denies a part of them. A binding that denies one topic hides only that one ([`Rights::denied`]).
    fn check(&self, query: &Query) -> Result<(), PortError> {
        let Some(own) = self.own.as_ref().filter(|_| !self.is_super_user) else { return Ok(()) };
        let here = address(own);
        let denials = self.denials();
        let topics = || own.iter().filter(|acl| acl.resource == Resource::Topic);
        let patterns = query.topics.patterns.iter().map(|pattern| pattern.as_str());
        for pattern in patterns.chain(query.topics.everything.then_some("*")) {
            let beginning = pattern.strip_suffix('*');
            let start = beginning.unwrap_or(pattern);
            let covers = |acl: &&Acl| match (acl.pattern, beginning) {
                _ if acl.permission == Permission::Deny || !acl::implies_describe(acl.operation) => false,
                (PatternType::Literal, None) => &*acl.name == "*" || &*acl.name == pattern,
                (PatternType::Literal, Some(_)) => &*acl.name == "*",
                (PatternType::Prefixed, _) => start.starts_with(&*acl.name),
            };
            let takes_back = |acl: &&&Acl| match (acl.pattern, beginning) {
                (PatternType::Literal, _) => &*acl.name == "*",
                (PatternType::Prefixed, None) => pattern.starts_with(&*acl.name),
                (PatternType::Prefixed, Some(beginning)) => {
                    acl.name.starts_with(beginning) || beginning.starts_with(&*acl.name)
                }
            };
            let hidden = format!("topics that match `{pattern}` may be hidden");
            if let Some(denied) = denials.iter().find(takes_back) {
                let begin = if denied.pattern == PatternType::Prefixed { "topics that begin with " } else { "" };
                let message = format!("{hidden}: an ACL denies this client to describe {begin}`{}`", denied.name);
                return Err(PortError::denied(message));
            }
            let is_from_here = |acl: &Acl| acl.host == Host::Any || Some(&acl.host) == here;
            if topics().filter(covers).any(is_from_here) {
                continue;
            }
            let start = format!("Describe and DescribeConfigs on topics that begin with `{start}`");
            let message = match topics().find(covers) {
                Some(elsewhere) => format!(
                    "{hidden}: only from `{}` may this client describe all of them, and whether it comes from there, \
                     weir does not know; allow it {start} from `*`",
                    elsewhere.host
                ),
                None => format!("{hidden}: no ACL lets this client describe all of them; allow it {start}"),
            };
            return Err(PortError::denied(message));
        }
        Ok(())
    }
}

/// Returns the client's address, if its bindings show it: those that let it list bindings may all name one address.
fn address(own: &[Acl]) -> Option<&Host> {
    let mut hosts = own.iter().filter(|acl| {
        acl.resource == Resource::Cluster && acl.permission == Permission::Allow && acl::implies_describe(acl.operation)
    });
    let first = &hosts.next()?.host;
    (*first != Host::Any && hosts.all(|acl| acl.host == *first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use weir_planning::NamePattern;

    use super::*;

    fn acl(resource: Resource, operation: Operation, name: &str, pattern: PatternType) -> Acl {
        Acl { resource, pattern, name: name.into(), operation, permission: Permission::Allow, host: Host::Any }
    }

    /// Returns the error for `dev.*`, if the client may describe the cluster and has these bindings for topics.
    fn said(from: Host, topics: &[Acl]) -> String {
        let cluster = acl(Resource::Cluster, Operation::Describe, Acl::CLUSTER_NAME, PatternType::Literal);
        let own = topics.iter().cloned().chain([Acl { host: from, ..cluster }]).collect();
        let mut query = Query::default();
        query.topics.patterns.push(NamePattern::try_from("dev.*".to_owned()).unwrap());
        let answer = Rights { is_super_user: false, own: Some(own) }.check(&query);
        answer.map_or_else(|error| error.message, |()| "fine".to_owned())
    }

    #[test]
    fn super_users_are_separated_by_semicolons() {
        let read = super_users("User:admin; User:CN=root,O=x;;");
        assert_eq!(read.iter().map(|p| p.to_string()).collect::<Vec<_>>(), ["User:CN=root,O=x", "User:admin"]);
        assert!(super_users("").is_empty());
    }

    #[test]
    fn topics_that_may_be_hidden_are_reported() {
        use PatternType::{Literal, Prefixed};
        let address = || Host::Address("10.0.0.1".into());
        let topic = |operation, name, pattern| acl(Resource::Topic, operation, name, pattern);
        let allow = topic(Operation::Describe, "dev.", Prefixed);
        let deny = |operation, name, pattern| Acl { permission: Permission::Deny, ..topic(operation, name, pattern) };
        let with = |other: Acl| said(Host::Any, &[allow.clone(), other]);
        let told = [
            said(Host::Any, &[]),
            said(Host::Any, std::slice::from_ref(&allow)),
            said(Host::Any, &[topic(Operation::Read, "*", Literal)]),
            said(Host::Any, &[topic(Operation::Describe, "dev.a", Prefixed)]),
            said(Host::Any, &[topic(Operation::DescribeConfigs, "dev.", Prefixed)]),
            said(Host::Any, &[Acl { host: address(), ..allow.clone() }]),
            said(address(), &[Acl { host: address(), ..allow.clone() }]),
            // One topic is left alone; see `Rights::denied`.
            with(deny(Operation::Describe, "dev.secret", Literal)),
            with(deny(Operation::All, "*", Literal)),
            with(deny(Operation::All, "dev.a", Prefixed)),
            with(deny(Operation::All, "d", Prefixed)),
            with(Acl { host: address(), ..deny(Operation::All, "d", Prefixed) }),
            // These bindings hide no matching topic.
            with(deny(Operation::Read, "dev.secret", Literal)),
            with(deny(Operation::All, "prod.", Prefixed)),
            with(deny(Operation::All, "prod.secret", Literal)),
            said(
                address(),
                &[allow.clone(), Acl { host: Host::Address("10.0.0.2".into()), ..deny(Operation::All, "d", Prefixed) }],
            ),
        ];
        insta::assert_snapshot!(told.join("\n"), @"
        topics that match `dev.*` may be hidden: no ACL lets this client describe all of them; allow it Describe and DescribeConfigs on topics that begin with `dev.`
        fine
        fine
        topics that match `dev.*` may be hidden: no ACL lets this client describe all of them; allow it Describe and DescribeConfigs on topics that begin with `dev.`
        topics that match `dev.*` may be hidden: no ACL lets this client describe all of them; allow it Describe and DescribeConfigs on topics that begin with `dev.`
        topics that match `dev.*` may be hidden: only from `10.0.0.1` may this client describe all of them, and whether it comes from there, weir does not know; allow it Describe and DescribeConfigs on topics that begin with `dev.` from `*`
        fine
        fine
        topics that match `dev.*` may be hidden: an ACL denies this client to describe `*`
        topics that match `dev.*` may be hidden: an ACL denies this client to describe topics that begin with `dev.a`
        topics that match `dev.*` may be hidden: an ACL denies this client to describe topics that begin with `d`
        topics that match `dev.*` may be hidden: an ACL denies this client to describe topics that begin with `d`
        fine
        fine
        fine
        fine
        ");
    }
}
