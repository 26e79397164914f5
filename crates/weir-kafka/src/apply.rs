//! Applies changes, in as few requests as the brokers accept, with an answer for each change.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use weir_model::settings;
use weir_planning::{Change, Maker, ObservedTopic, is_reserved};
use weir_ports::{ErrorKind, PortError};
use weir_rdkafka_admin::{
    AclBinding, AclFilter, ClusterDescription, ConfigAlteration, ConfigOp, ConfigResource, Error, ItemError, NewTopic,
    ScramAlteration, ScramMechanism, rdkafka::types::RDKafkaErrorCode as Code,
};

use crate::{
    Kafka,
    accounts::{self, Account, Principals},
    acl,
    failure::{self, Purpose},
    note::Note,
    observe,
};

/// Limits for one request. A broker accepts 10,000 metadata records in a request; larger requests than these gain
/// nothing.
const RECORDS: usize = 5_000;
const TOPICS: usize = 500;
const ACLS: usize = 1_000;
const USERS: usize = 1_000;

type Answer = Result<(), PortError>;

/// The error of an API key in a batch: a port creates and deletes keys one at a time, by calls of their own.
fn no_key() -> PortError {
    PortError::refused("API keys are not created and deleted in batches")
}

pub(crate) async fn apply(kafka: &Kafka, changes: &[&Change]) -> Vec<Answer> {
    if changes.is_empty() {
        return Vec::new();
    }
    // The bootstrap address may lead to another cluster since the last call.
    let cluster = match observe::describe_cluster(kafka).await {
        Ok(cluster) => cluster,
        Err(error) => return changes.iter().map(|_| Err(error.copy_for_item())).collect(),
    };
    let mut batch = Batch { kafka, cluster, answers: changes.iter().map(|_| None).collect() };
    let work = batch.sort(changes);
    batch.accounts(work.accounts).await;
    batch.create_topics(work.new_topics).await;
    batch.add_partitions(work.partitions).await;
    batch.change_replication(work.replication_factors).await;
    batch.alter_configs(work.configs).await;
    batch.create_acls(work.new_acls).await;
    batch.delete_acls(work.old_acls).await;
    batch.delete_topics(work.old_topics).await;
    batch.delete_accounts(work.old_accounts).await;
    let unanswered = || Err(PortError::refused("the brokers gave no answer to the change"));
    batch.answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect()
}

/// The changes of a batch by the kind of request that carries them out.
#[derive(Default)]
struct Work<'c> {
    accounts: Items<(&'c str, AccountChange<'c>)>,
    new_topics: Items<NewTopic>,
    partitions: Items<(String, usize)>,
    replication_factors: Items<(&'c str, usize)>,
    configs: Items<ConfigAlteration>,
    new_acls: Items<AclBinding>,
    old_acls: Items<AclFilter>,
    old_topics: Items<String>,
    old_accounts: Items<&'c str>,
}

/// A change of an account's note.
enum AccountChange<'c> {
    Create { description: &'c str, maker: &'c Maker },
    Describe { to: &'c str },
    Adopt { maker: &'c Maker },
}

/// The items of a request, each with the index of its change.
type Items<T> = Vec<(usize, T)>;
type Sent<'a> = BoxFuture<'a, Result<Vec<Result<(), ItemError>>, Error>>;

/// A kind of request.
struct Request<T> {
    what: &'static str,
    name: fn(&T) -> &str,
    /// `true` if the items of a request must have different names.
    unique: bool,
    weight: fn(&T) -> usize,
    most: usize,
    most_weight: usize,
    send: for<'a> fn(&'a Kafka, Vec<&'a T>) -> Sent<'a>,
}

struct Batch<'k> {
    kafka: &'k Kafka,
    cluster: ClusterDescription,
    answers: Vec<Option<Answer>>,
}

impl Batch<'_> {
    fn answer(&mut self, place: usize, answer: Answer) {
        self.answers[place] = Some(answer);
    }

    /// Sorts the changes by kind of request, and answers those that need no request.
    fn sort<'c>(&mut self, changes: &[&'c Change]) -> Work<'c> {
        let mut work = Work::default();
        for (place, change) in changes.iter().enumerate() {
            match *change {
                Change::AdoptAccount { account, from: _, maker } => {
                    work.accounts.push((place, (account, AccountChange::Adopt { maker })));
                }
                Change::CreateAccount { account, description, maker } => {
                    work.accounts.push((place, (account, AccountChange::Create { description, maker })));
                }
                Change::UpdateAccount { account, from: _, to } => {
                    work.accounts.push((place, (account, AccountChange::Describe { to })));
                }
                Change::CreateTopic { topic, partitions, replication_factor, config } => {
                    let number = |number: Option<u32>| number.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
                    let topic = NewTopic {
                        name: topic.clone(),
                        partitions: number(*partitions),
                        replication_factor: number(replication_factor.map(u32::from)),
                        config: config.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
                    };
                    work.new_topics.push((place, topic));
                }
                Change::AddPartitions { topic, from: _, to } => {
                    work.partitions.push((place, (topic.clone(), usize::try_from(*to).unwrap_or(usize::MAX))));
                }
                Change::ChangeReplicationFactor { topic, from: _, to } => {
                    work.replication_factors.push((place, (topic, usize::from(*to))));
                }
                Change::AlterConfig { topic: _, settings } if settings.is_empty() => self.answer(place, Ok(())),
                Change::AlterConfig { topic, settings } => {
                    let changes = settings.iter().map(|(name, change)| {
                        (
                            name.clone(),
                            change.to.as_ref().map_or(ConfigOp::Delete, |value| ConfigOp::Set(value.to_string())),
                        )
                    });
                    let alteration =
                        ConfigAlteration { resource: ConfigResource::Topic(topic.clone()), changes: changes.collect() };
                    work.configs.push((place, alteration));
                }
                Change::CreateAcl { principal, acl: _ } if principal.user().is_none_or(str::is_empty) => {
                    let wrong = format!("`{principal}` is not a principal; it must be `User:` and a name");
                    self.answer(place, Err(PortError::refused(wrong)));
                }
                Change::CreateAcl { principal: _, acl } if is_reserved(acl.resource, &acl.name) => {
                    let wrong = format!("weir keeps its own records under names like `{}`", acl.name);
                    self.answer(place, Err(PortError::refused(wrong)));
                }
                Change::CreateAcl { principal, acl } => match acl::binding(principal, acl) {
                    Some(binding) => work.new_acls.push((place, binding)),
                    None => {
                        self.answer(place, Err(PortError::refused(format!("weir cannot create the binding `{acl}`"))))
                    }
                },
                // A binding that cannot be written in Kafka's terms cannot have been made. A note is no binding.
                Change::DeleteAcl { principal, acl } => {
                    let binding = acl::binding(principal, acl).filter(|binding| Note::read(binding).is_none());
                    match binding.as_ref().and_then(AclFilter::exactly) {
                        Some(filter) => work.old_acls.push((place, filter)),
                        None => self
                            .answer(place, Err(PortError::refused(format!("weir cannot delete the binding `{acl}`")))),
                    }
                }
                Change::DeleteTopic { topic, .. } => work.old_topics.push((place, topic.clone())),
                Change::DeleteAccount { account, .. } => work.old_accounts.push((place, account)),
                Change::CreateKey { .. } | Change::DeleteKey { .. } => self.answer(place, Err(no_key())),
            }
        }
        work
    }

    /// Sends all items, in as many requests as needed. Returns the items whose error may mean that there is nothing
    /// to do.
    async fn send<T>(
        &mut self,
        request: Request<T>,
        mut items: Items<T>,
        doubtful: Option<Code>,
    ) -> Items<(T, PortError)> {
        let mut doubts = Vec::new();
        while !items.is_empty() {
            let (mut names, mut weight) = (BTreeSet::new(), 0);
            let fits = items.iter().take(request.most).take_while(|(_, item)| {
                weight += (request.weight)(item);
                let fresh = names.insert((request.name)(item));
                (fresh || !request.unique) && (weight <= request.most_weight || names.len() == 1)
            });
            let count = fits.count();
            let mut chunk: Items<T> = items.drain(..count).collect();
            let sent =
                self.kafka.change((request.send)(self.kafka, chunk.iter().map(|(_, item)| item).collect())).await;
            match sent {
                Ok(answers) => {
                    for ((place, item), answer) in chunk.into_iter().zip(answers) {
                        match answer {
                            Ok(()) => self.answer(place, Ok(())),
                            Err(error) => {
                                let what = format!("{} `{}`", request.what, (request.name)(&item));
                                let wrong = failure::item(&error, Purpose::Write, what);
                                if Some(error.code) == doubtful {
                                    doubts.push((place, (item, wrong)));
                                } else {
                                    self.answer(place, Err(wrong));
                                }
                            }
                        }
                    }
                }
                // librdkafka refused one item and sent nothing, so the others are sent again without it.
                Err(Error::Item { index, reason }) if index < chunk.len() => {
                    let (place, item) = chunk.remove(index);
                    let what = format!("{} `{}`: {reason}", request.what, (request.name)(&item));
                    self.answer(place, Err(PortError::refused(what)));
                    chunk.append(&mut items);
                    items = chunk;
                }
                Err(error) => {
                    let error = failure::call(error, Purpose::Write, request.what);
                    chunk.iter().for_each(|(place, _)| self.answer(*place, Err(error.copy_for_item())));
                }
            }
        }
        doubts
    }

    async fn create_topics(&mut self, items: Items<NewTopic>) {
        let request = Request {
            what: "cannot create the topic",
            name: |topic: &NewTopic| &topic.name,
            unique: true,
            weight: |topic| 1 + usize::try_from(topic.partitions.unwrap_or(1)).unwrap_or(1) + topic.config.len(),
            most: TOPICS,
            most_weight: RECORDS,
            send: |kafka, topics| {
                Box::pin(async move {
                    let topics: Vec<NewTopic> = topics.into_iter().cloned().collect();
                    kafka.admin.create_topics(&topics, &kafka.request_options()).await
                })
            },
        };
        let there = self.send(request, items, Some(Code::TopicAlreadyExists)).await;
        if there.is_empty() {
            return;
        }
        let names: Vec<&str> = there.iter().map(|(_, (topic, _))| topic.name.as_str()).collect();
        let seen =
            futures::future::try_join(observe::topics(self.kafka, &names), self.kafka.broker_defaults(&self.cluster))
                .await;
        let (found, defaults) = match seen {
            Ok(seen) => seen,
            Err(error) => {
                there.iter().for_each(|(place, _)| self.answer(*place, Err(error.copy_for_item())));
                return;
            }
        };
        for (place, (topic, error)) in there {
            let Some(found) = found.get(&topic.name) else {
                // The controller knows the topic, but the answering broker does not know it yet: a later try can
                // compare the two.
                self.answer(place, Err(PortError { kind: ErrorKind::Retry, ..error }));
                continue;
            };
            let (partitions, factor) = (topic.partitions, topic.replication_factor);
            let wanted = ObservedTopic {
                partitions: partitions.map_or(defaults.partitions, |n| u32::try_from(n).unwrap_or(0)),
                replication_factor: factor.map_or(defaults.replication_factor, |n| u16::try_from(n).unwrap_or(0)),
                config: settings::observed(topic.config),
                ..ObservedTopic::default()
            };
            self.answer(place, already_there(&topic.name, found, &wanted));
        }
    }

    async fn add_partitions(&mut self, items: Items<(String, usize)>) {
        let request = Request {
            what: "cannot add partitions to the topic",
            name: |(topic, _): &(String, usize)| topic,
            unique: true,
            weight: |(_, to)| *to,
            most: TOPICS,
            most_weight: RECORDS,
            send: |kafka, topics| {
                Box::pin(async move {
                    let topics: Vec<(&str, usize)> = topics.iter().map(|(name, to)| (name.as_str(), *to)).collect();
                    kafka.admin.create_partitions(&topics, &kafka.request_options()).await
                })
            },
        };
        let doubts = self.send(request, items, Some(Code::InvalidPartitions)).await;
        let names: Vec<&str> = doubts.iter().map(|(_, ((topic, _), _))| topic.as_str()).collect();
        let found = self.describe(&names).await;
        for (place, ((topic, to), error)) in doubts {
            let there = found.get(&topic).is_some_and(|(partitions, _)| *partitions == to);
            self.answer(place, if there { Ok(()) } else { Err(error) });
        }
    }

    /// librdkafka cannot move replicas, so a change succeeds only if there is nothing to do.
    async fn change_replication(&mut self, items: Items<(&str, usize)>) {
        let found = self.describe(&items.iter().map(|(_, (topic, _))| *topic).collect::<Vec<_>>()).await;
        for (place, (topic, to)) in items {
            let there = found.get(topic).is_some_and(|(_, replicas)| *replicas == to);
            let answer =
                if there { Ok(()) } else { Err(PortError::refused("weir cannot change a replication factor here")) };
            self.answer(place, answer);
        }
    }

    /// Returns partitions and replicas of the topics that can be read.
    async fn describe(&self, names: &[&str]) -> BTreeMap<String, (usize, usize)> {
        let names: Vec<&str> = names.iter().copied().filter(|name| observe::is_topic_name(name)).collect();
        let found = observe::describe(self.kafka, &names).await.unwrap_or_default();
        let size = |topic: weir_rdkafka_admin::TopicDescription| {
            let replicas = topic.partitions.first().map_or(0, |partition| partition.replicas.len());
            (topic.name, (topic.partitions.len(), replicas))
        };
        found.into_iter().map(size).collect()
    }

    async fn alter_configs(&mut self, items: Items<ConfigAlteration>) {
        let request = Request {
            what: "cannot change settings of the topic",
            name: |alteration: &ConfigAlteration| match &alteration.resource {
                ConfigResource::Topic(name) | ConfigResource::Group(name) => name,
                ConfigResource::Broker(_) => "",
            },
            unique: true,
            weight: |alteration| alteration.changes.len(),
            most: TOPICS,
            most_weight: RECORDS,
            send: |kafka, alterations| {
                Box::pin(async move {
                    let alterations: Vec<ConfigAlteration> = alterations.into_iter().cloned().collect();
                    kafka.admin.incremental_alter_configs(&alterations, &kafka.request_options()).await
                })
            },
        };
        self.send(request, items, None).await;
    }

    async fn delete_topics(&mut self, items: Items<String>) {
        let request = Request {
            what: "cannot delete the topic",
            name: |topic: &String| topic,
            unique: true,
            weight: |_| 1,
            most: TOPICS,
            most_weight: RECORDS,
            send: |kafka, topics| {
                Box::pin(async move {
                    let topics: Vec<&str> = topics.into_iter().map(String::as_str).collect();
                    kafka.admin.delete_topics(&topics, &kafka.request_options()).await
                })
            },
        };
        for (place, _) in self.send(request, items, Some(Code::UnknownTopicOrPartition)).await {
            self.answer(place, Ok(()));
        }
    }

    async fn create_acls(&mut self, items: Items<AclBinding>) {
        let request = Request {
            what: "cannot create an ACL of",
            name: |acl: &AclBinding| &acl.principal,
            unique: false,
            weight: |_| 1,
            most: ACLS,
            most_weight: ACLS,
            send: |kafka, acls| {
                Box::pin(async move {
                    let acls: Vec<AclBinding> = acls.into_iter().cloned().collect();
                    kafka.admin.create_acls(&acls, &kafka.request_options()).await
                })
            },
        };
        self.send(request, items, None).await;
    }

    async fn delete_acls(&mut self, items: Items<AclFilter>) {
        let request = Request {
            what: "cannot delete an ACL on",
            name: |filter: &AclFilter| filter.name.as_deref().unwrap_or_default(),
            unique: false,
            weight: |_| 1,
            most: ACLS,
            most_weight: ACLS,
            send: |kafka, filters| {
                Box::pin(async move {
                    let filters: Vec<AclFilter> = filters.into_iter().cloned().collect();
                    let answers = kafka.admin.delete_acls(&filters, &kafka.request_options()).await?;
                    let all = |answer: Result<Vec<weir_rdkafka_admin::DeletedAcl>, ItemError>| {
                        answer?.into_iter().try_for_each(|deleted| deleted.result)
                    };
                    Ok(answers.into_iter().map(all).collect())
                })
            },
        };
        self.send(request, items, None).await;
    }

    /// Creates, describes and adopts accounts, by writing notes.
    async fn accounts(&mut self, wanted: Items<(&str, AccountChange<'_>)>) {
        let Some(principals) = self.read(wanted.iter().map(|(place, (name, _))| (*place, *name))).await else {
            return;
        };
        let (mut items, mut old) = (Items::new(), Items::new());
        for (place, (name, change)) in wanted {
            let account = principals.accounts.get(name).cloned().unwrap_or_default();
            match note(name, &account, &change) {
                Err(wrong) => self.answer(place, Err(PortError::refused(wrong))),
                Ok(None) => self.answer(place, Ok(())),
                Ok(Some(note)) => {
                    items.push((place, note.binding(name)));
                    let notes = account.notes.iter().filter(|note| matches!(note, Note::Account { .. }));
                    old.extend(notes.filter_map(|note| Some((place, note.filter(name)?))));
                }
            }
        }
        self.create_acls(items).await;
        // Old notes that could not be deleted have lower numbers, and no longer count.
        old.retain(|(place, _)| matches!(self.answers[*place], Some(Ok(()))));
        let answers: Vec<usize> = old.iter().map(|(place, _)| *place).collect();
        self.delete_acls(old).await;
        answers.into_iter().for_each(|place| self.answer(place, Ok(())));
    }

    /// Deletes the credentials before the notes, so that no client can log in any more.
    async fn delete_accounts(&mut self, wanted: Items<&str>) {
        let Some(principals) = self.read(wanted.iter().copied()).await else { return };
        for (place, _) in &wanted {
            self.answer(*place, Ok(()));
        }
        for mechanism in [ScramMechanism::Sha256, ScramMechanism::Sha512] {
            let mut items = Items::new();
            for (place, name) in &wanted {
                let account = principals.accounts.get(*name);
                if account.is_some_and(|account| account.credentials.iter().any(|c| c.mechanism == mechanism))
                    && matches!(self.answers[*place], Some(Ok(())))
                {
                    items.push((*place, ((*name).to_owned(), mechanism)));
                }
            }
            for (place, _) in self.send(delete_credentials(), items, Some(Code::ResourceNotFound)).await {
                self.answer(place, Ok(()));
            }
        }
        let mut notes = Items::new();
        for (place, name) in wanted.into_iter().filter(|(place, _)| matches!(self.answers[*place], Some(Ok(())))) {
            let account = principals.accounts.get(name);
            let filters = account.into_iter().flat_map(|account| &account.notes).filter_map(|note| note.filter(name));
            notes.extend(filters.map(|filter| (place, filter)));
        }
        // A single remaining note would keep the account, so a failure for any note fails the deletion. Each note has
        // an answer of its own.
        let places: Vec<usize> = notes.iter().map(|(place, _)| *place).collect();
        let items = notes.into_iter().enumerate().map(|(number, (_, filter))| (number, filter)).collect();
        let answers = std::mem::replace(&mut self.answers, places.iter().map(|_| None).collect());
        self.delete_acls(items).await;
        for (place, answer) in places.into_iter().zip(std::mem::replace(&mut self.answers, answers)) {
            if let (Some(Err(error)), Some(Ok(()))) = (answer, &self.answers[place]) {
                self.answer(place, Err(error));
            }
        }
    }

    /// Reads accounts by name. If they cannot be read, all their changes fail.
    async fn read<'a>(&mut self, wanted: impl Iterator<Item = (usize, &'a str)>) -> Option<Principals> {
        let wanted: Vec<(usize, &str)> = wanted.collect();
        if wanted.is_empty() {
            return None;
        }
        match accounts::read_named(self.kafka, wanted.iter().map(|(_, name)| *name)).await {
            Ok(principals) => Some(principals),
            Err(error) => {
                wanted.iter().for_each(|(place, _)| self.answer(*place, Err(error.copy_for_item())));
                None
            }
        }
    }
}

/// Returns the note that a change of an account writes; `None` if there is nothing to do.
///
/// # Errors
/// A sentence that says why the change is refused.
fn note(name: &str, account: &Account, change: &AccountChange<'_>) -> Result<Option<Note>, String> {
    if !is_account_name(name) {
        return Err(format!("`{name}` is not a valid name of a service account"));
    }
    let (maker, description) = match change {
        AccountChange::Create { description, maker } if account.exists() => {
            return match account.maker() {
                Some(made_by) if made_by == *maker && account.description() == *description => Ok(None),
                Some(made_by) if made_by == *maker => Err(format!(
                    "the service account `{name}` exists already, with the description `{}`",
                    account.description()
                )),
                _ => Err(format!("the service account `{name}` exists already, and {maker} did not make it")),
            };
        }
        AccountChange::Create { description, maker } => (Some((*maker).clone()), *description),
        AccountChange::Describe { .. } | AccountChange::Adopt { .. } if !account.exists() => {
            return Err(format!("there is no service account `{name}`"));
        }
        AccountChange::Describe { to } => (account.maker().cloned(), *to),
        AccountChange::Adopt { maker } => (Some((*maker).clone()), account.description()),
    };
    let is_there =
        account.number().is_some() && account.maker() == maker.as_ref() && account.description() == description;
    let number = account.number().unwrap_or(0) + 1;
    Ok((!is_there).then(|| Note::Account { number, maker, description: description.to_owned() }))
}

fn delete_credentials() -> Request<(String, ScramMechanism)> {
    Request {
        what: "cannot delete the credentials of",
        name: |(user, _)| user,
        unique: true,
        weight: |_| 1,
        most: USERS,
        most_weight: USERS,
        send: |kafka, users| {
            Box::pin(async move {
                let deletions: Vec<ScramAlteration<'_>> = users
                    .into_iter()
                    .map(|(user, mechanism)| ScramAlteration::Delete { user, mechanism: *mechanism })
                    .collect();
                kafka.admin.alter_scram_credentials(&deletions, &kafka.request_options()).await
            })
        },
    }
}

/// Compares an existing topic with the wanted one: creating the same topic again succeeds.
fn already_there(name: &str, found: &ObservedTopic, wanted: &ObservedTopic) -> Answer {
    let mut settings = found.config.keys().chain(wanted.config.keys());
    let setting = settings.find(|setting| found.config.get(*setting) != wanted.config.get(*setting));
    let difference = if found.partitions != wanted.partitions {
        format!("{} partitions, not {}", found.partitions, wanted.partitions)
    } else if found.replication_factor != wanted.replication_factor {
        format!("the replication factor {}, not {}", found.replication_factor, wanted.replication_factor)
    } else if let Some(setting) = setting {
        format!("another `{setting}`")
    } else {
        return Ok(());
    };
    Err(PortError::refused(format!("the topic `{name}` exists already, with {difference}")))
}

/// Returns `true` for the name of a single account, as in `User:` and a name.
fn is_account_name(name: &str) -> bool {
    !name.is_empty() && name != "*" && !name.chars().any(char::is_control)
}
