//! The current state of the objects of a set of steps.

use std::collections::{BTreeMap, BTreeSet};

use weir_planning::{Object, Observed, Plan, SecretRef, Step};
use weir_ports::{Cluster, ErrorKind, PortError, Query, SecretSink};
use weir_retry::Tries;

/// The systems a plan is carried out on, seen through the plan.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) cluster: &'a dyn Cluster,
    pub(crate) vaults: &'a dyn SecretSink,
}

impl Look<'_> {
    /// The objects of `steps`, as they are now. `tries` are those of the wait that this look is part of.
    pub(crate) async fn at(&self, steps: &[&Step], tries: &mut Tries) -> Result<Observed, PortError> {
        let (query, secrets) = query(steps);
        let mut observed = tries.insist(|| self.cluster.observe(&query)).await?;
        if observed.cluster.id != self.plan.cluster_id {
            let message = format!(
                "the cluster is `{}` now, the plan was made for `{}`",
                observed.cluster.id, self.plan.cluster_id
            );
            return Err(PortError::new(ErrorKind::WrongCluster, message));
        }
        if !secrets.is_empty() {
            observed.secrets = tries.insist(|| self.vaults.inspect(&secrets)).await?;
        }
        // A topic that was empty when the plan was made may already hold records, whose loss was not approved.
        let doomed: BTreeSet<String> = steps.iter().filter_map(|s| s.facts_topic()).map(str::to_owned).collect();
        if doomed.iter().any(|topic| observed.topics.contains_key(topic)) {
            for (topic, facts) in tries.insist(|| self.cluster.topic_facts(&doomed)).await? {
                if let Some(observed) = observed.topics.get_mut(&topic) {
                    observed.facts = Some(facts);
                }
            }
        }
        Ok(observed)
    }
}

impl Look<'_> {
    /// The cluster's own ids of the accounts that the plan names, as far as they exist.
    pub(crate) async fn accounts(&self, tries: &mut Tries) -> Result<BTreeMap<String, String>, PortError> {
        let mut query = Query::default();
        query.accounts.names =
            self.plan.steps.iter().filter_map(|step| step.change.about().object.account()).map(str::to_owned).collect();
        if query.accounts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let observed = tries.insist(|| self.cluster.observe(&query)).await?;
        let asked = observed.accounts.into_iter().filter(|(name, _)| query.accounts.contains(name));
        Ok(asked.map(|(name, account)| (name, account.id)).collect())
    }
}

fn query(steps: &[&Step]) -> (Query, BTreeSet<SecretRef>) {
    let mut query = Query::default();
    let mut secrets = BTreeSet::new();
    let (topics, accounts) = (&mut query.topics.names, &mut query.accounts.names);
    for step in steps {
        match step.change.about().object {
            Object::Topic(topic) => topics.insert(topic.to_owned()),
            object => object.account().is_some_and(|account| accounts.insert(account.to_owned())),
        };
        secrets.extend(step.change.secrets().into_iter().cloned());
    }
    (query, secrets)
}
