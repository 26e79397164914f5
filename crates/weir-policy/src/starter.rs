//! The starter pack: policies that suit most organisations, chosen by one line in `weir.yaml`.

use std::sync::OnceLock;

use weir_cel::Problem;
use weir_findings::closest;
use weir_model::{PolicySpec, StageLimits, Starter, Workspace};

/// A policy of the starter pack.
#[derive(Clone, Debug)]
pub struct StarterPolicy {
    /// The policy's name, which is also the id of its findings.
    pub name: String,
    /// The subject of the policy, in a sentence.
    pub description: String,
    /// The policy itself.
    pub spec: PolicySpec,
    /// The policy's YAML, as written in a workspace.
    pub text: &'static str,
}

macro_rules! pack {
    ($($name:literal),+ $(,)?) => { &[$(include_str!(concat!("../starter/", $name, ".yaml"))),+] };
}

const TEXTS: &[&str] = pack![
    "account-name",
    "cost-centre-and-data-class",
    "group-name",
    "no-wildcard-grants",
    "ownership",
    "prod-changes",
    "topic-compaction",
    "topic-name",
    "topic-partitions",
    "topic-replication",
    "topic-retention",
];

/// Returns all policies of the starter pack, by name.
pub fn starter_pack() -> &'static [StarterPolicy] {
    static PACK: OnceLock<Vec<StarterPolicy>> = OnceLock::new();
    PACK.get_or_init(|| {
        let mut pack = Vec::new();
        for text in TEXTS {
            // A test reads each text alone and makes sure that none is malformed.
            let workspace =
                "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: pack}\nspec: {clusters: {}, stages: []}\n";
            let loaded = weir_model::load([("weir.yaml", workspace), ("policy.yaml", text)]);
            let policies = loaded.workspace.map(|workspace| workspace.policies).unwrap_or_default();
            pack.extend(policies.into_values().map(|policy| StarterPolicy {
                name: policy.metadata.name,
                description: policy.metadata.description.unwrap_or_default(),
                spec: policy.spec,
                text,
            }));
        }
        pack.sort_by(|a, b| a.name.cmp(&b.name));
        pack
    })
}

/// Returns the policies of the pack that a workspace chose, with the changes of the workspace.
pub(crate) fn chosen(workspace: &Workspace) -> Vec<(String, Result<PolicySpec, Problem>)> {
    let picked = match &workspace.settings.spec.policies.starter {
        Starter::None => return Vec::new(),
        Starter::All => {
            return starter_pack().iter().map(|p| (p.name.clone(), Ok(for_stages(&p.spec, workspace)))).collect();
        }
        Starter::Some(picked) => picked,
    };
    let one = |(name, own): (&String, &Option<Box<PolicySpec>>)| {
        let Some(policy) = starter_pack().iter().find(|policy| policy.name == *name) else {
            let problem = Problem::new(format!("the starter pack has no policy `{name}`"));
            let names = || starter_pack().iter().map(|policy| policy.name.as_str());
            let help = match closest(name, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
            };
            return (name.clone(), Err(problem.help(help)));
        };
        let spec = for_stages(&policy.spec, workspace);
        (name.clone(), Ok(own.as_ref().map_or(spec.clone(), |own| over(&spec, own))))
    };
    picked.iter().map(one).collect()
}

/// The pack uses `prod` for the last stage; each workspace's own name replaces it.
fn for_stages(spec: &PolicySpec, workspace: &Workspace) -> PolicySpec {
    let mut spec = spec.clone();
    let last = workspace.settings.spec.stages.last();
    let last = spec.stages.remove("prod").and_then(|limits| Some((last?.name.clone(), limits)));
    spec.stages = last.into_iter().collect();
    spec
}

/// Fields of the workspace replace fields of the pack.
fn over(below: &PolicySpec, own: &PolicySpec) -> PolicySpec {
    let PolicySpec {
        matches,
        severity,
        enforce,
        waivable,
        why,
        help,
        example,
        naming,
        requires,
        settings,
        partitions,
        replication_factor,
        stages,
        variables,
        validations,
    } = own;
    let mut spec = below.clone();
    if !matches.kinds.is_empty() {
        spec.matches.kinds.clone_from(&matches.kinds);
    }
    for (field, own) in [
        (&mut spec.matches.teams, &matches.teams),
        (&mut spec.matches.stages, &matches.stages),
        (&mut spec.matches.names, &matches.names),
    ] {
        if !own.is_empty() {
            field.clone_from(own);
        }
    }
    spec.matches.labels.extend(matches.labels.clone());
    // A limit of the workspace for all stages replaces the pack's limit for one stage.
    for limits in spec.stages.values_mut() {
        limits.settings.retain(|name, _| !settings.contains_key(name));
        limits.partitions = limits.partitions.filter(|_| partitions.is_none());
        limits.replication_factor = limits.replication_factor.filter(|_| replication_factor.is_none());
    }
    spec.stages.retain(|_, limits| *limits != StageLimits::default());
    spec.settings.extend(settings.clone());
    for (stage, own) in stages {
        let limits = spec.stages.entry(stage.clone()).or_default();
        limits.settings.extend(own.settings.clone());
        limits.partitions = own.partitions.or(limits.partitions);
        limits.replication_factor = own.replication_factor.or(limits.replication_factor);
    }
    if !variables.is_empty() {
        spec.variables.clone_from(variables);
    }
    if !validations.is_empty() {
        spec.validations.clone_from(validations);
    }
    PolicySpec {
        severity: severity.or(spec.severity),
        enforce: enforce.clone().or(spec.enforce),
        waivable: waivable.or(spec.waivable),
        why: why.clone().or(spec.why),
        help: help.clone().or(spec.help),
        example: example.clone().or(spec.example),
        naming: naming.clone().or(spec.naming),
        requires: requires.clone().or(spec.requires),
        partitions: partitions.or(spec.partitions),
        replication_factor: replication_factor.or(spec.replication_factor),
        ..spec
    }
}
