//! The stage and the logical name that belong to a physical name.

use weir_model::{Cluster, Resource, Stage, Workspace};

/// A stage among those that share its cluster.
pub(crate) struct Names<'w> {
    pub(crate) stage: &'w Stage,
    /// The other stages of the same cluster.
    others: Vec<&'w Stage>,
}

impl<'w> Names<'w> {
    pub(crate) fn new(workspace: &'w Workspace, stage: &'w Stage) -> Self {
        let spec = &workspace.settings.spec;
        let here = spec.clusters.get(&stage.cluster);
        let shares = |other: &&Stage| {
            other.name != stage.name
                && (other.cluster == stage.cluster || same_cluster(here, spec.clusters.get(&other.cluster)))
        };
        Self { stage, others: spec.stages.iter().filter(shares).collect() }
    }

    /// Returns the logical name of the topic, if it belongs to the stage.
    pub(crate) fn topic<'n>(&self, physical: &'n str) -> Option<&'n str> {
        self.logical(physical, |stage| stage.prefix.topic.as_deref())
    }

    /// Returns the logical name of the service account, if it belongs to the stage.
    pub(crate) fn account<'n>(&self, physical: &'n str) -> Option<&'n str> {
        self.logical(physical, |stage| stage.prefix.service_account.as_deref())
    }

    /// Returns the logical name, if no other stage of the cluster has a longer prefix that fits.
    fn logical<'n>(&self, physical: &'n str, prefix: fn(&Stage) -> Option<&str>) -> Option<&'n str> {
        let own = prefix(self.stage).unwrap_or_default();
        let logical = physical.strip_prefix(own)?;
        let closer =
            |other: &&Stage| prefix(other).is_some_and(|other| other.len() > own.len() && physical.starts_with(other));
        (!self.others.iter().any(closer)).then_some(logical)
    }

    /// Returns `true` if the topic belongs to any stage of the cluster.
    pub(crate) fn is_claimed_topic(&self, physical: &str) -> bool {
        self.is_claimed(physical, |stage| stage.prefix.topic.as_deref())
    }

    /// Returns `true` if the service account belongs to any stage of the cluster.
    pub(crate) fn is_claimed_account(&self, physical: &str) -> bool {
        self.is_claimed(physical, |stage| stage.prefix.service_account.as_deref())
    }

    fn is_claimed(&self, physical: &str, prefix: fn(&Stage) -> Option<&str>) -> bool {
        let claims = |stage: &Stage| physical.starts_with(prefix(stage).unwrap_or_default());
        claims(self.stage) || self.others.iter().any(|other| claims(other))
    }

    /// Returns the stage's prefix of names of such resources.
    pub(crate) fn prefix(&self, resource: Resource) -> &'w str {
        self.stage.prefix.of(resource)
    }
}

fn same_cluster(a: Option<&Cluster>, b: Option<&Cluster>) -> bool {
    let identity = a.and_then(Cluster::identity);
    identity.is_some() && identity == b.and_then(Cluster::identity)
}
