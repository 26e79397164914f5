//! The common tools of the cases.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use weir_model::{Operation, PatternType, Permission, Resource, settings};
use weir_planning::{Acl, Change, Host, KeyMarker, Maker, NamePattern, Observed, ObservedSecret, Principal, SecretRef};
use weir_ports::{Cluster, ErrorKind, PortError, Query, SecretSink};

use super::{Ability, Harness, Verdict};

/// The surroundings of one case: names that no other case uses, and ways to change and observe objects.
pub(crate) struct Bench<'a> {
    pub(crate) harness: &'a dyn Harness,
    /// The prefix of all names in this case.
    pub(crate) prefix: String,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(harness: &'a dyn Harness, number: usize) -> Self {
        Self { harness, prefix: format!("{}c{number:02}-", harness.prefix()) }
    }

    pub(crate) fn cluster(&self) -> &dyn Cluster {
        self.harness.cluster()
    }

    pub(crate) fn sink(&self) -> &dyn SecretSink {
        self.harness.sink()
    }

    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) fn secret(&self, name: &str) -> SecretRef {
        SecretRef { vault: self.harness.vault().to_owned(), name: self.name(name) }
    }

    /// Returns a query for all objects of the case.
    pub(crate) fn everything(&self) -> Query {
        let mut query = Query::default();
        if let Ok(pattern) = NamePattern::try_from(format!("{}*", self.prefix)) {
            query.topics.patterns.push(pattern.clone());
            query.accounts.patterns.push(pattern);
        }
        query
    }

    pub(crate) fn create_topic(&self, name: &str) -> Change {
        self.create_topic_with(name, 1, &[])
    }

    pub(crate) fn create_topic_with(&self, name: &str, partitions: u32, config: &[(&str, &str)]) -> Change {
        Change::CreateTopic {
            topic: self.name(name),
            partitions: Some(partitions),
            replication_factor: Some(self.harness.replicas()),
            config: settings::observed(config.iter().copied()),
        }
    }

    pub(crate) fn create_account(&self, name: &str) -> Change {
        self.create_account_by(name, maker())
    }

    pub(crate) fn create_account_by(&self, name: &str, maker: Maker) -> Change {
        Change::CreateAccount { account: self.name(name), description: "made by a test".to_owned(), maker }
    }

    /// Returns the principal of an account. Creates the account if accounts can be created; otherwise the name is
    /// enough.
    pub(crate) async fn principal(&self, name: &str) -> Result<Principal, String> {
        if !self.harness.lacks().contains(&Ability::Accounts) {
            self.apply(&[self.create_account(name)]).await?;
            let account = self.name(name);
            self.until("the account", |o| o.accounts.contains_key(&account)).await?;
        }
        Ok(Principal::of_account(self.name(name)))
    }

    pub(crate) fn marker(&self, slot: &str, number: u32) -> KeyMarker {
        KeyMarker { maker: maker(), slot: slot.to_owned(), intent: format!("{number:016x}") }
    }

    /// Applies all `changes`, none of which may fail.
    pub(crate) async fn apply(&self, changes: &[Change]) -> Verdict {
        for (change, answer) in changes.iter().zip(self.answers(changes).await?) {
            answer.map_err(|e| format!("{change:?} failed: {e}"))?;
        }
        Ok(())
    }

    pub(crate) async fn answers(&self, changes: &[Change]) -> Result<Vec<Result<(), PortError>>, String> {
        let changes: Vec<&Change> = changes.iter().collect();
        let answers = self.cluster().apply(&changes).await;
        if answers.len() == changes.len() {
            Ok(answers)
        } else {
            Err(format!("{} answers for {} changes", answers.len(), changes.len()))
        }
    }

    /// Applies one change, which must be refused.
    pub(crate) async fn refused(&self, change: Change) -> Verdict {
        let answer = self.answers(std::slice::from_ref(&change)).await?.remove(0);
        refusal(&format!("{change:?}"), answer)
    }

    pub(crate) async fn observe(&self, query: &Query) -> Result<Observed, String> {
        self.cluster().observe(query).await.map_err(|e| format!("cannot observe: {e}"))
    }

    /// Observes all objects of the case until `seen` holds.
    pub(crate) async fn until(&self, what: &str, seen: impl Fn(&Observed) -> bool + Send) -> Result<Observed, String> {
        self.until_of(&self.everything(), what, seen).await
    }

    /// Observes what `query` selects until `seen` holds.
    pub(crate) async fn until_of(
        &self,
        query: &Query,
        what: &str,
        seen: impl Fn(&Observed) -> bool + Send,
    ) -> Result<Observed, String> {
        let deadline = Instant::now() + self.harness.patience();
        loop {
            let observed = self.observe(query).await?;
            if seen(&observed) {
                return Ok(observed);
            }
            if Instant::now() > deadline {
                return Err(format!("{what} was not seen in {:?}; seen was {observed:?}", self.harness.patience()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Returns the state of a secret; `None` if it does not exist.
    pub(crate) async fn inspect(&self, at: &SecretRef) -> Result<Option<ObservedSecret>, String> {
        let mut found =
            self.sink().inspect(&BTreeSet::from([at.clone()])).await.map_err(|e| format!("cannot inspect: {e}"))?;
        Ok(found.remove(at))
    }

    /// Inspects a secret until `seen` holds.
    pub(crate) async fn secret_until(
        &self,
        at: &SecretRef,
        what: &str,
        seen: impl Fn(Option<&ObservedSecret>) -> bool + Send,
    ) -> Verdict {
        let deadline = Instant::now() + self.harness.patience();
        loop {
            let found = self.inspect(at).await?;
            if seen(found.as_ref()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{what} was not seen in {:?}; seen was {found:?}", self.harness.patience()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Deletes the objects that the case created on the cluster.
    pub(crate) async fn sweep(&self) -> Verdict {
        let observed = self.observe(&self.everything()).await?;
        let deployer = observed.cluster.deployer.clone().unwrap_or_default();
        let mut changes: Vec<Change> = Vec::new();
        for (principal, acls) in observed.acls.iter().filter(|(principal, _)| **principal != deployer) {
            changes.extend(acls.iter().map(|acl| Change::DeleteAcl { principal: principal.clone(), acl: acl.clone() }));
        }
        changes.extend(observed.topics.iter().map(|(name, topic)| Change::delete_topic(name, topic)));
        self.apply(&changes).await?;
        for (id, key) in &observed.keys {
            self.cluster().delete_key(&key.account, id).await.map_err(|e| format!("cannot delete a key: {e}"))?;
        }
        let accounts: Vec<Change> =
            observed.accounts.iter().map(|(name, account)| Change::delete_account(name, account)).collect();
        self.apply(&accounts).await
    }
}

/// The mark of a test's objects.
pub(crate) fn maker() -> Maker {
    Maker { workspace: "weir-tests".to_owned(), stage: "test".to_owned() }
}

/// Allows `operation` on the topic `name`.
pub(crate) fn allow(operation: Operation, name: &str) -> Acl {
    Acl {
        resource: Resource::Topic,
        pattern: PatternType::Literal,
        name: name.into(),
        operation,
        permission: Permission::Allow,
        host: Host::Any,
    }
}

/// Checks that `answer` is a refusal.
pub(crate) fn refusal<T>(what: &str, answer: Result<T, PortError>) -> Verdict {
    match answer {
        Ok(_) => Err(format!("{what} was not refused")),
        Err(e) if e.kind == ErrorKind::Refused => Ok(()),
        Err(e) => Err(format!("{what} must be answered with Refused, not {:?}: {e}", e.kind)),
    }
}

pub(crate) fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
