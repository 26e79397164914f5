//! From files to Kafka's own terms: grants become bindings, logical names physical ones.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use weir_model::{
    Approval, Cluster, Date, Ensure, EntityRef, Kind, PatternType, Prefix, ProviderRef, Resource, SecretPart, Stage,
    StageView, StagedAccount, StagedTopic, settings,
};
use weir_ownership::{Authority, Consented, Judge, Names, Ownership, Reach, Request, Why};

use crate::{
    Acl, Desired, DesiredAccount, DesiredBinding, DesiredConsent, DesiredKey, DesiredTeam, DesiredTopic, Host,
    NamePattern, Provider, Scope, SecretRef, Withdrawal,
};

/// The bindings of an account.
#[derive(Default)]
struct Bindings {
    wanted: BTreeMap<Acl, DesiredBinding>,
    withdrawn: BTreeMap<Acl, Withdrawn>,
}

/// The refusal of a binding.
struct Withdrawn {
    reason: String,
    ended: bool,
    /// The lists that ask for the binding, each with its file.
    lists: BTreeSet<String>,
}

impl Withdrawn {
    /// `team cards does not consent to it; AccessControlList/toll-billing (toll.yaml) asks for it`
    fn told(self) -> Withdrawal {
        let verb = if self.lists.len() == 1 { "asks" } else { "ask" };
        let lists: Vec<&str> = self.lists.iter().map(String::as_str).collect();
        Withdrawal { why: format!("{}; {} {verb} for it", self.reason, lists.join(" and ")), ended: self.ended }
    }
}

/// Returns the desired state of the stage that `view` shows at the time `now`: grants as ACL bindings, settings in
/// Kafka's spelling, secrets by name.
///
/// A right that has ended, or that nobody with the authority to do so agrees to, gives no binding: see
/// [`DesiredAccount::withdrawn`].
///
/// Meant for a workspace without errors; things that validation refuses (an invalid value, an unknown
/// cluster, a missing vault) is left out here rather than guessed.
pub fn desired(view: &StageView<'_>, now: Timestamp) -> Desired {
    let stage = view.stage;
    let (provider, cluster_id) = match view.provider() {
        Some(ProviderRef::ConfluentCloud(cloud)) => (Provider::ConfluentCloud, Some(cloud.cluster.clone())),
        Some(ProviderRef::ApacheKafka(kafka)) => (Provider::ApacheKafka, Some(kafka.cluster_id.clone())),
        Some(ProviderRef::Sandbox(sandbox)) => (Provider::Sandbox, sandbox.cluster_id.clone()),
        None => (Provider::Sandbox, None),
    };
    let ownership = Ownership::of(view.workspace);
    let today = Date::of(now);
    let (topics, accounts) =
        rayon::join(|| topics(view, ownership.as_ref()), || accounts(view, ownership.as_ref(), today, provider));
    let owns = stage.owns.as_ref();
    let spec = view.workspace.settings.spec.ownership.as_ref();
    let adopt = spec.and_then(|spec| spec.adopt.get(&stage.name));
    let adopt = Scope {
        topics: adopt.map(|adopt| patterns(&adopt.topics)).unwrap_or_default(),
        service_accounts: adopt.map(|adopt| patterns(&adopt.service_accounts)).unwrap_or_default(),
    };
    Desired {
        format: Desired::FORMAT.to_owned(),
        workspace: view.workspace.settings.metadata.name.clone(),
        stage: stage.name.clone(),
        other_stages: other_stages(view, provider),
        cluster: stage.cluster.clone(),
        provider,
        cluster_id,
        governed: ownership.is_some(),
        super_users: match view.provider() {
            Some(ProviderRef::ApacheKafka(kafka)) => kafka.super_users.iter().cloned().collect(),
            Some(ProviderRef::ConfluentCloud(_) | ProviderRef::Sandbox(_)) | None => BTreeSet::new(),
        },
        platform: ownership.as_ref().map(|ownership| ownership.platform().to_owned()),
        warn_before: view.workspace.settings.spec.warn_before().millis,
        files: files(view, &adopt, &topics, &accounts),
        adopt,
        owns: Scope {
            topics: owns.map(|o| patterns(&o.topics)).unwrap_or_default(),
            service_accounts: owns.map(|o| patterns(&o.service_accounts)).unwrap_or_default(),
        },
        prune: stage.prune,
        teams: teams(view, ownership.as_ref()),
        vaults: view.workspace.teams.keys().filter_map(|team| view.workspace.vault(stage, team)).collect(),
        approval_required: stage.approval == Approval::Required,
        threshold_percent: stage.threshold.percent,
        threshold_minimum: stage.threshold.minimum,
        topics,
        accounts,
    }
}

/// Returns the other stages whose objects a query of this cluster may show. Service accounts of Confluent Cloud belong to
/// the organization, so those of any stage may be among them.
fn other_stages(view: &StageView<'_>, provider: Provider) -> BTreeSet<String> {
    let spec = &view.workspace.settings.spec;
    let identity = view.cluster.and_then(Cluster::identity);
    let shares = |stage: &&Stage| {
        let cluster = spec.clusters.get(&stage.cluster);
        provider == Provider::ConfluentCloud
            || stage.cluster == view.stage.cluster
            || identity.is_some() && cluster.and_then(Cluster::identity) == identity
    };
    let others = spec.stages.iter().filter(|stage| stage.name != view.stage.name);
    others.filter(shares).map(|stage| stage.name.clone()).collect()
}

/// Returns the names and vaults of the teams in the stage.
fn teams(view: &StageView<'_>, ownership: Option<&Ownership<'_>>) -> BTreeMap<String, DesiredTeam> {
    let Some(ownership) = ownership else { return BTreeMap::new() };
    let team = |team: &String| {
        let names = |names: Names| -> Vec<String> {
            let prefix = names.prefix(&view.stage.prefix);
            ownership.spaces(names, team).map(|beginning| format!("{prefix}{beginning}")).collect()
        };
        let desired = DesiredTeam {
            vault: view.workspace.vault(view.stage, team),
            topics: names(Names::Topics),
            groups: names(Names::Groups),
            transactional_ids: names(Names::TransactionalIds),
            service_accounts: names(Names::ServiceAccounts),
        };
        (team.clone(), desired)
    };
    view.workspace.teams.keys().map(team).collect()
}

fn patterns(written: &[String]) -> Vec<NamePattern> {
    written.iter().filter_map(|text| NamePattern::try_from(text.clone()).ok()).collect()
}

/// Returns the files of the entities that may move authority.
fn files(
    view: &StageView<'_>,
    adopt: &Scope,
    topics: &BTreeMap<String, DesiredTopic>,
    accounts: &BTreeMap<String, DesiredAccount>,
) -> BTreeMap<EntityRef, String> {
    let mut concerned = BTreeSet::new();
    for (name, account) in accounts {
        if !account.keys.is_empty() || !account.withdrawn.is_empty() || adopt.owns_account(name) {
            concerned.insert(EntityRef::new(Kind::ServiceAccount, &*account.entity));
            concerned.insert(EntityRef::new(Kind::Team, &*account.team));
        }
        if account.acls.values().any(|binding| binding.until.is_some()) {
            concerned.insert(EntityRef::new(Kind::ServiceAccount, &*account.entity));
        }
        let told = account.acls.values().filter(|binding| binding.reach != Reach::Own || binding.until.is_some());
        // One list may have many such bindings.
        let lists: BTreeSet<&Arc<str>> = told.flat_map(|binding| &binding.lists).collect();
        concerned.extend(lists.into_iter().map(|list| EntityRef::new(Kind::AccessControlList, &**list)));
    }
    if !adopt.topics.is_empty() {
        let adopted = topics.iter().filter(|(name, _)| adopt.owns_topic(name));
        concerned.extend(adopted.map(|(_, topic)| EntityRef::new(Kind::Topic, &*topic.entity)));
    }
    let path = |entity: &EntityRef| view.workspace.path(view.workspace.origin(entity)?).map(str::to_owned);
    concerned
        .into_iter()
        .filter_map(|entity| Some((path(&entity)?, entity)))
        .map(|(path, entity)| (entity, path))
        .collect()
}

fn topics(view: &StageView<'_>, ownership: Option<&Ownership<'_>>) -> BTreeMap<String, DesiredTopic> {
    let staged: Vec<_> = view.topics.values().collect();
    let topics: Vec<_> = staged.par_iter().map(|staged| (staged.name.to_string(), topic(staged, ownership))).collect();
    topics.into_iter().collect()
}

fn accounts(
    view: &StageView<'_>,
    ownership: Option<&Ownership<'_>>,
    today: Date,
    provider: Provider,
) -> BTreeMap<String, DesiredAccount> {
    let mut bindings = bindings(view, ownership, today);
    let accounts = view.accounts.iter().map(|(logical, staged)| {
        let mut bindings = bindings.remove(logical).unwrap_or_default();
        if staged.ensure != Ensure::Present {
            bindings.wanted.clear();
        }
        (staged.name.to_string(), account(staged, provider, bindings))
    });
    accounts.collect()
}

fn topic(staged: &StagedTopic<'_>, ownership: Option<&Ownership<'_>>) -> DesiredTopic {
    let metadata = &staged.entity.metadata;
    let by_platform = |ownership: &Ownership<'_>| ownership.authority_over(staged.entity.origin) == Authority::Platform;
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
        entity: metadata.name.clone(),
        team: metadata.team.clone(),
        own_name: ownership.is_none_or(|all| all.owns(&metadata.team, Names::Topics, &metadata.name)),
        by_platform: ownership.is_some_and(by_platform),
        ensure: staged.ensure,
        partitions: staged.partitions.as_ref().map(|(number, _)| *number),
        replication_factor: staged.replication_factor.as_ref().map(|(number, _)| *number),
        config,
    }
}

fn account(staged: &StagedAccount<'_>, provider: Provider, bindings: Bindings) -> DesiredAccount {
    let metadata = &staged.entity.metadata;
    let vault = staged.vault.clone();
    let (slots, idle) = match staged.ensure {
        Ensure::Present => (staged.api_keys, &[][..]),
        Ensure::Absent | Ensure::Unmanaged => (&[][..], staged.api_keys),
    };
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
        idle_slots: idle.iter().map(|key| key.slot.clone()).collect(),
        acls: bindings.wanted,
        withdrawn: bindings.withdrawn.into_iter().map(|(acl, why)| (acl, why.told())).collect(),
    }
}

/// Bindings by the logical name of their account.
fn bindings<'w>(view: &StageView<'w>, ownership: Option<&Ownership<'w>>, today: Date) -> BTreeMap<&'w str, Bindings> {
    let prefix = &view.stage.prefix;
    let judge = ownership.map(|ownership| (ownership, Judge::new(ownership, view, Some(today))));
    let mut all = BTreeMap::<&str, Bindings>::new();
    for access in view.access.values() {
        let list: Arc<str> = access.entity.metadata.name.as_str().into();
        let account = access.entity.spec.service_account.as_str();
        let team = view.accounts.get(account).map_or("", |account| account.entity.metadata.team.as_str());
        let authority = match &judge {
            Some((ownership, _)) => ownership.authority_over(access.entity.origin),
            None => Authority::Platform,
        };
        // Nobody but the account's team and the platform team gives it rights, or takes them away.
        if authority != Authority::Platform && authority != Authority::Team(team) {
            continue;
        }
        let bindings = all.entry(account).or_default();
        let asked = access
            .allow
            .iter()
            .flat_map(|grant| Request::of_grant(team, authority, grant).map(|request| (request, None)))
            .chain(access.rules.iter().flat_map(|rule| {
                Request::of_rule(team, authority, rule).map(|request| (request, rule.host.as_deref()))
            }));
        for (request, host) in asked {
            let Some(acl) = binding(&request, host, prefix) else { continue };
            let judged = match &judge {
                Some((_, judge)) => judge.judge(&request),
                None => request.ungoverned(&acl.name, today),
            };
            match judged {
                Ok(reach) => {
                    let consents = match &judge {
                        Some((_, judge)) if reach == Reach::Consented => judge.consents_to(&request),
                        Some(_) | None => Vec::new(),
                    };
                    // Without the consents, the word of the platform team is enough for a right that it asks for.
                    let rests = judge.is_none() || authority != Authority::Platform;
                    let last_days = consents.iter().filter(|_| rests).filter_map(|consent| consent.until);
                    let until = last_days.chain(request.until).min();
                    let consents = consents.into_iter().map(|consent| given(view, consent)).collect();
                    let asked = DesiredBinding { lists: [Arc::clone(&list)].into(), reach, until, consents };
                    match bindings.wanted.entry(acl) {
                        Entry::Vacant(first) => _ = first.insert(asked),
                        Entry::Occupied(mut other) => other.get_mut().merge(asked),
                    }
                }
                Err(refusal) => {
                    let first = || Withdrawn {
                        reason: refusal.reason(),
                        ended: refusal.why == Why::Ended,
                        lists: BTreeSet::new(),
                    };
                    let asked_by = match view.workspace.path(access.entity.origin) {
                        Some(file) => format!("{} ({file})", access.entity.entity_ref()),
                        None => access.entity.entity_ref().to_string(),
                    };
                    bindings.withdrawn.entry(acl).or_insert_with(first).lists.insert(asked_by);
                }
            }
        }
    }
    // Another list may ask for the same binding with more authority.
    for Bindings { wanted, withdrawn } in all.values_mut() {
        withdrawn.retain(|acl, _| !wanted.contains_key(acl));
    }
    all
}

fn given(view: &StageView<'_>, consent: Consented<'_>) -> DesiredConsent {
    let Consented { by, kind, entity, origin, until } = consent;
    let file = view.workspace.path(origin).map(str::to_owned);
    DesiredConsent { by: by.to_owned(), entity: EntityRef::new(kind, entity), file, until }
}

impl DesiredBinding {
    /// Adds another grant or rule that comes to the same binding: the binding is no more than the least of them, and
    /// lasts as long as one of them does.
    fn merge(&mut self, other: Self) {
        let Self { lists, reach, until, consents } = other;
        self.lists.extend(lists);
        self.until = self.until.max(until).filter(|_| self.until.is_some() && until.is_some());
        if reach < self.reach {
            (self.reach, self.consents) = (reach, consents);
        }
    }
}

/// Returns the binding that a request comes to in a stage with these prefixes; `None` for an empty name, which would mean
/// everything.
pub fn binding(request: &Request<'_>, host: Option<&str>, prefix: &Prefix) -> Option<Acl> {
    let Request { resource, name, open, operation, permission, .. } = *request;
    let (pattern, name) = match (resource, open) {
        (Resource::Cluster, _) => (PatternType::Literal, Acl::CLUSTER_NAME.into()),
        (_, true) if name.is_empty() => every(prefix.of(resource)),
        (_, true) => (PatternType::Prefixed, physical(prefix, resource, name)?),
        (_, false) => (PatternType::Literal, physical(prefix, resource, name)?),
    };
    Some(Acl { resource, pattern, name, operation, permission, host: host.map_or(Host::Any, Host::from) })
}

/// Every name of the stage: on a cluster that stages share, those with the stage's prefix.
fn every(prefix: &str) -> (PatternType, Box<str>) {
    if prefix.is_empty() { (PatternType::Literal, "*".into()) } else { (PatternType::Prefixed, prefix.into()) }
}

/// The physical name, or nothing for the empty name, which would mean everything.
fn physical(prefix: &Prefix, resource: Resource, name: &str) -> Option<Box<str>> {
    (!name.is_empty()).then(|| format!("{}{name}", prefix.of(resource)).into())
}
