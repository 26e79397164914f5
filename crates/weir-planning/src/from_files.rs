//! From files to Kafka's own terms: grants become bindings, logical names physical ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use weir_model::{
    Approval, Ensure, Grant, Operation, PatternType, Permission, Prefix, ProviderRef, Resource, Rule, SecretPart,
    StageView, StagedAccount, StagedTopic, settings,
};

use crate::{
    Acl, Desired, DesiredAccount, DesiredKey, DesiredTopic, Host, NamePattern, Provider, Scope, SecretRef, is_reserved,
};

type Bindings = BTreeMap<Acl, BTreeSet<Arc<str>>>;

/// Returns the desired state of the stage that `view` shows: grants as ACL bindings, settings in Kafka's spelling,
/// secrets by name.
///
/// Meant for a workspace without errors; things that validation refuses (an invalid value, an unknown
/// cluster, a missing vault) is left out here rather than guessed.
pub fn desired(view: &StageView<'_>) -> Desired {
    let stage = view.stage;
    let (provider, cluster_id) = match view.provider() {
        Some(ProviderRef::ConfluentCloud(cloud)) => (Provider::ConfluentCloud, Some(cloud.cluster.clone())),
        Some(ProviderRef::ApacheKafka(kafka)) => (Provider::ApacheKafka, Some(kafka.cluster_id.clone())),
        Some(ProviderRef::Sandbox(sandbox)) => (Provider::Sandbox, sandbox.cluster_id.clone()),
        None => (Provider::Sandbox, None),
    };
    let (topics, accounts) = rayon::join(|| topics(view), || accounts(view, provider));
    let owns = stage.owns.as_ref();
    Desired {
        format: Desired::FORMAT.to_owned(),
        workspace: view.workspace.settings.metadata.name.clone(),
        stage: stage.name.clone(),
        cluster: stage.cluster.clone(),
        provider,
        cluster_id,
        owns: Scope {
            topics: owns.map(|o| patterns(&o.topics)).unwrap_or_default(),
            service_accounts: owns.map(|o| patterns(&o.service_accounts)).unwrap_or_default(),
        },
        prune: stage.prune,
        governed: false,
        adopt: Scope::default(),
        vaults: view.workspace.teams.keys().filter_map(|team| view.workspace.vault(stage, team)).collect(),
        approval_required: stage.approval == Approval::Required,
        threshold_percent: stage.threshold.percent,
        threshold_minimum: stage.threshold.minimum,
        topics,
        accounts,
    }
}

fn patterns(written: &[String]) -> Vec<NamePattern> {
    written.iter().filter_map(|text| NamePattern::try_from(text.clone()).ok()).collect()
}

fn topics(view: &StageView<'_>) -> BTreeMap<String, DesiredTopic> {
    let staged: Vec<_> = view.topics.values().collect();
    let topics: Vec<_> = staged.par_iter().map(|staged| (staged.name.to_string(), topic(staged))).collect();
    topics.into_iter().collect()
}

fn accounts(view: &StageView<'_>, provider: Provider) -> BTreeMap<String, DesiredAccount> {
    let mut bindings = bindings(view);
    let accounts = view.accounts.iter().map(|(logical, staged)| {
        let acls = if staged.ensure == Ensure::Present { bindings.remove(logical) } else { None };
        (staged.name.to_string(), account(staged, provider, acls.unwrap_or_default()))
    });
    accounts.collect()
}

fn topic(staged: &StagedTopic<'_>) -> DesiredTopic {
    let config = staged
        .config
        .iter()
        .filter_map(|(name, setting)| {
            let value = match setting.value.is_default() {
                true => None,
                false => Some(settings::canonical(name, setting.value).ok()?),
            };
            Some(((*name).to_owned(), value))
        })
        .collect();
    DesiredTopic {
        entity: staged.entity.metadata.name.clone(),
        team: staged.entity.metadata.team.clone(),
        own_name: true,
        ensure: staged.ensure,
        partitions: staged.partitions.as_ref().map(|(number, _)| *number),
        replication_factor: staged.replication_factor.as_ref().map(|(number, _)| *number),
        config,
    }
}

fn account(staged: &StagedAccount<'_>, provider: Provider, acls: Bindings) -> DesiredAccount {
    let metadata = &staged.entity.metadata;
    let vault = staged.vault.clone();
    let slots = if staged.ensure == Ensure::Present { staged.api_keys } else { &[] };
    let keys = slots
        .iter()
        .filter_map(|key| {
            let name = weir_model::secret_name(&staged.name, &key.slot);
            let vault = vault.clone()?;
            let projection = |part: SecretPart| {
                let name = part.secret_name(&staged.name, &key.slot);
                (part, SecretRef { vault: vault.clone(), name })
            };
            let wanted = DesiredKey {
                projections: key.parts().map(projection).collect(),
                rotated_after: key.rotated_after.map(|moment| moment.0),
                emergency: key.emergency,
                secret: SecretRef { vault: vault.clone(), name },
                rotate_every: key.rotate_every.map(|every| every.millis),
                // A SCRAM user has one credential: a new one takes the old one's place.
                overlap: if provider == Provider::ApacheKafka { 0 } else { key.overlap.millis },
            };
            Some((key.slot.clone(), wanted))
        })
        .collect();
    DesiredAccount {
        entity: metadata.name.clone(),
        team: metadata.team.clone(),
        ensure: staged.ensure,
        description: metadata.description.clone(),
        vault,
        keys,
        acls,
    }
}

/// Bindings by the logical name of their account.
fn bindings<'w>(view: &StageView<'w>) -> BTreeMap<&'w str, Bindings> {
    let prefix = &view.stage.prefix;
    let mut all = BTreeMap::<&str, Bindings>::new();
    for access in view.access.values() {
        let list: Arc<str> = access.entity.metadata.name.as_str().into();
        let bindings = all.entry(access.entity.spec.service_account.as_str()).or_default();
        let acls = access
            .allow
            .iter()
            .flat_map(|grant| grant_bindings(grant, prefix))
            .chain(access.rules.iter().flat_map(|rule| rule_bindings(rule, prefix)))
            .filter(|acl| !is_reserved(acl.resource, &acl.name));
        for acl in acls {
            bindings.entry(acl).or_default().insert(Arc::clone(&list));
        }
    }
    all
}

fn grant_bindings(grant: &Grant, prefix: &Prefix) -> Vec<Acl> {
    let Grant { produce, transactional_id, consume, group } = grant;
    [
        (Resource::Topic, produce, Operation::Write),
        (Resource::TransactionalId, transactional_id, Operation::Write),
        (Resource::Topic, consume, Operation::Read),
        (Resource::Group, group, Operation::Read),
    ]
    .into_iter()
    .filter_map(|(resource, name, operation)| {
        let name = name.as_deref()?;
        let (pattern, name) = match name.strip_suffix('*') {
            Some("") => every(prefix.of(resource)),
            Some(beginning) => (PatternType::Prefixed, physical(prefix, resource, beginning)?),
            None => (PatternType::Literal, physical(prefix, resource, name)?),
        };
        Some(Acl { resource, pattern, name, operation, permission: Permission::Allow, host: Host::Any })
    })
    .collect()
}

fn rule_bindings(rule: &Rule, prefix: &Prefix) -> Vec<Acl> {
    let Rule { resource, name, pattern, operations, permission, host, reason: _ } = rule;
    let target = match (resource, name.as_deref()) {
        (Resource::Cluster, _) => Some((PatternType::Literal, Acl::CLUSTER_NAME.into())),
        (_, None) => None,
        (_, Some("*")) if *pattern == PatternType::Literal => Some(every(prefix.of(*resource))),
        (_, Some(name)) => physical(prefix, *resource, name).map(|name| (*pattern, name)),
    };
    let Some((pattern, name)) = target else { return Vec::new() };
    let host = host.as_deref().map_or(Host::Any, Host::from);
    operations
        .iter()
        .map(|operation| Acl {
            resource: *resource,
            pattern,
            name: name.clone(),
            operation: *operation,
            permission: *permission,
            host: host.clone(),
        })
        .collect()
}

/// Every name of the stage: on a cluster that stages share, those with the stage's prefix.
fn every(prefix: &str) -> (PatternType, Box<str>) {
    if prefix.is_empty() { (PatternType::Literal, "*".into()) } else { (PatternType::Prefixed, prefix.into()) }
}

/// The physical name, or nothing for the empty name, which would mean everything.
fn physical(prefix: &Prefix, resource: Resource, name: &str) -> Option<Box<str>> {
    (!name.is_empty()).then(|| format!("{}{name}", prefix.of(resource)).into())
}
