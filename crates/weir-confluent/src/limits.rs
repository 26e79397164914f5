//! The limits on partitions and bindings of a cluster, which Confluent Cloud rarely reports.

use weir_planning::{DocumentedLimits, Limits};

use crate::{Takes, answer::KafkaCluster};

/// Returns the documented limits of a cluster's type: partitions before replication, and ACL bindings.
///
/// Partitions: `docs.confluent.io/cloud/current/clusters/cluster-types.html`; 4,500 for each unit of a dedicated
/// cluster, and 100,000 at most. A broker with two units refuses more with "will exceed 9000 total partitions". Bindings:
/// the same page in 2021, and JulieOps issue 80. Enterprise and Freight clusters grow by themselves.
fn documented(kind: &str, units: Option<u64>) -> Takes {
    const PER_UNIT: u64 = 4_500;
    const MOST: u64 = 100_000;
    match kind {
        "Basic" | "Standard" => Takes { partitions: Some(4_096), acls: Some(1_000) },
        "Dedicated" => {
            let partitions = units.map_or(MOST, |units| units.saturating_mul(PER_UNIT).min(MOST));
            Takes { partitions: Some(partitions), acls: Some(10_000) }
        }
        _ => Takes::default(),
    }
}

/// The observed usage.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    pub(crate) partitions: Option<u64>,
    pub(crate) acls: Option<u64>,
}

/// Adds the limits on partitions and bindings. Limits in `takes` come first, then quotas; documented limits are kept
/// separate. Without known usage, no limit is added.
pub(crate) fn add(limits: &mut Limits, cluster: &KafkaCluster, takes: Takes, used: Used) {
    let documented = documented(cluster.kind(), cluster.units());
    let known = |takes: Option<u64>, quota: Option<(u64, u64)>, used: Option<u64>| {
        let most = takes.or_else(|| Some(quota?.0))?;
        // A quota's own count may be some minutes old.
        Some((most, used.max(quota.map(|(_, used)| used))?))
    };
    limits.partitions = known(takes.partitions, limits.partitions, used.partitions);
    limits.acls = known(takes.acls, limits.acls, used.acls);
    let partitions = documented.partitions.zip(used.partitions).filter(|_| limits.partitions.is_none());
    let acls = documented.acls.zip(used.acls).filter(|_| limits.acls.is_none());
    limits.documented = (partitions.is_some() || acls.is_some()).then(|| DocumentedLimits {
        kind: cluster.kind().to_owned(),
        partitions,
        acls,
    });
}

/// Returns `true` if a limit needs the number of bindings.
pub(crate) fn counts_acls(limits: &Limits, cluster: &KafkaCluster, takes: Takes) -> bool {
    takes.acls.or(documented(cluster.kind(), cluster.units()).acls).is_some() || limits.acls.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(kind: &str) -> KafkaCluster {
        let text = format!(r#"{{"id": "lkc-1", "spec": {{"config": {{"kind": "{kind}"}}}}, "status": {{"cku": 2}}}}"#);
        crate::answer::read(text.as_bytes()).unwrap()
    }

    fn limits(kind: &str, mut limits: Limits, takes: Takes) -> Limits {
        add(&mut limits, &cluster(kind), takes, Used { partitions: Some(7), acls: Some(3) });
        limits
    }

    #[test]
    fn documented_limits_are_kept_separate() {
        let documented = |kind| limits(kind, Limits::default(), Takes::default()).documented;
        let of = |kind: &str, partitions, acls| {
            Some(DocumentedLimits { kind: kind.to_owned(), partitions: Some((partitions, 7)), acls: Some((acls, 3)) })
        };
        assert_eq!(documented("Standard"), of("Standard", 4_096, 1_000));
        assert_eq!(documented("Dedicated"), of("Dedicated", 9_000, 10_000));
        for kind in ["Enterprise", "Freight", "", "Another"] {
            assert_eq!(documented(kind), None, "{kind}");
        }
    }

    #[test]
    fn configured_limits_come_before_quotas() {
        let told = limits("Standard", Limits::default(), Takes { partitions: Some(50), acls: None });
        assert_eq!((told.partitions, told.acls), (Some((50, 7)), None));
        let documented = told.documented.unwrap();
        assert_eq!((documented.partitions, documented.acls), (None, Some((1_000, 3))));
        let quotas = Limits { partitions: Some((60, 9)), acls: Some((70, 0)), ..Limits::default() };
        let both = limits("Enterprise", quotas, Takes { partitions: None, acls: Some(5) });
        assert_eq!((both.partitions, both.acls, both.documented), (Some((60, 9)), Some((5, 3)), None));
    }

    #[test]
    fn a_limit_needs_known_usage() {
        let mut limits = Limits::default();
        add(&mut limits, &cluster("Standard"), Takes { partitions: Some(50), acls: None }, Used::default());
        assert_eq!(limits, Limits::default());
    }
}
