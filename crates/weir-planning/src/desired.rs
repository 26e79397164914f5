use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_model::{Date, Ensure, EntityRef, PatternType, Permission, Resource, SecretPart, settings::KafkaValue};
use weir_ownership::{Names, Reach, of_cluster};

use crate::{Acl, Maker, Makers, Scope, SecretRef};

/// The state that the files ask for in a stage, in Kafka's own terms and with physical names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Desired {
    /// [`Desired::FORMAT`].
    pub format: String,
    /// The workspace's name.
    pub workspace: String,
    /// The stage's name.
    pub stage: String,
    /// The other stages of the workspace that objects on the cluster may belong to. Objects with the mark of the workspace
    /// and of yet another stage belong to a stage that `weir.yaml` no longer has there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub other_stages: BTreeSet<String>,
    /// The cluster's name in the workspace.
    pub cluster: String,
    /// The kind of cluster.
    pub provider: Provider,
    /// The id the cluster must have; absent when the workspace does not say.
    pub cluster_id: Option<String>,
    /// `true` if the workspace says which paths and names belong to which team.
    pub governed: bool,
    /// The platform team, which owns all names that no team owns; absent when the workspace does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Users of the cluster that the workspace calls super users: no stage takes them over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub super_users: BTreeSet<String>,
    /// Names of objects that exist, that this workspace did not make, and that it may take over.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub adopt: Scope,
    /// Names the stage may manage beyond those declared here.
    pub owns: Scope,
    /// `true` if the plan deletes undeclared objects inside `owns`.
    pub prune: bool,
    /// The names and the vaults of the teams; empty in a workspace that does not say which names belong to which team.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<String, DesiredTeam>,
    /// The vaults of all teams: the mark of a key shows in which of them its secret is.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vaults: BTreeSet<String>,
    /// `true` if deployment takes a plan only with an approval that names its digest.
    pub approval_required: bool,
    /// Share of the scope's objects, in percent, from which on a plan needs `--beyond-threshold`.
    pub threshold_percent: u8,
    /// Number of objects in the scope from which on the share counts.
    pub threshold_minimum: u32,
    /// The time before the end of a right in which plans report it, in milliseconds.
    pub warn_before: u64,
    /// The files of the entities that may move authority: lists with rights that end or reach beyond the own names,
    /// service accounts with keys and their teams, objects that may be taken over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<EntityRef, String>,
    /// Topics by physical name.
    pub topics: BTreeMap<String, DesiredTopic>,
    /// Service accounts by physical name.
    pub accounts: BTreeMap<String, DesiredAccount>,
}

impl Desired {
    /// The format this version writes.
    pub const FORMAT: &'static str = "weir.desired/v1";

    /// The mark of everything that this stage makes.
    pub fn maker(&self) -> Maker {
        Maker { workspace: self.workspace.clone(), stage: self.stage.clone() }
    }

    /// Returns the marks of the objects that are this stage's to report: its own, and those of stages that `weir.yaml` no
    /// longer has on this cluster.
    pub fn makers(&self) -> Makers {
        Makers { workspace: self.workspace.clone(), except: self.other_stages.clone() }
    }

    /// Returns `true` for the mark of a stage that `weir.yaml` no longer has on this cluster.
    pub(crate) fn is_former(&self, maker: &Maker) -> bool {
        maker.workspace == self.workspace && maker.stage != self.stage && !self.other_stages.contains(&maker.stage)
    }

    /// Returns the beginnings of the physical names of the service accounts of all teams.
    pub fn account_spaces(&self) -> impl Iterator<Item = &str> {
        self.teams.values().flat_map(|team| &team.service_accounts).map(String::as_str)
    }

    /// Returns the team in whose name space a physical name lies, by the beginnings of names that `names` selects.
    fn space(&self, names: impl Fn(&DesiredTeam) -> &[String], name: &str) -> Option<(&str, &DesiredTeam)> {
        let (name, team) = self.teams.iter().find(|(_, team)| begins(names(team), name))?;
        Some((name, team))
    }

    /// Returns the team in whose name space the physical name of a service account lies.
    pub(crate) fn team_of(&self, account: &str) -> Option<(&str, &DesiredTeam)> {
        self.space(|team| &team.service_accounts, account)
    }

    /// Returns the team that owns an undeclared object of this physical name, by the beginnings of names that `names`
    /// selects: the platform team owns the names of nobody. `None` in a workspace that does not say which names belong to
    /// which team.
    pub(crate) fn owner(&self, names: impl Fn(&DesiredTeam) -> &[String], name: &str) -> Option<&str> {
        self.space(names, name).map(|(team, _)| team).or(self.platform.as_deref())
    }

    /// Returns the reach of a binding of an account of `team`, as far as names tell: a name of another team counts as
    /// consented.
    pub(crate) fn reach(&self, team: &str, acl: &Acl) -> Reach {
        if Names::of(acl.resource).is_none() {
            return of_cluster(acl.resource, acl.operation, Permission::Allow);
        }
        let Some(platform) = &self.platform else { return Reach::Own };
        let beginnings = || {
            let of_team =
                |(team, spaces)| DesiredTeam::names(spaces, acl.resource).iter().map(move |name| (name, team));
            self.teams.iter().flat_map(of_team)
        };
        let every = acl.pattern == PatternType::Literal && &*acl.name == "*";
        let open = every || acl.pattern == PatternType::Prefixed;
        let name = if every { "" } else { &*acl.name };
        let owner = beginnings().find(|(beginning, _)| name.starts_with(beginning.as_str()));
        let owner = owner.map(|(_, team): (_, &String)| team.as_str());
        // Topics that are declared outside the name space of their team.
        let below = |topic: &(&String, &DesiredTopic)| if open { topic.0.starts_with(name) } else { topic.0 == name };
        let strays = self.topics.range(name.to_owned()..).take_while(below).map(|(_, topic)| topic);
        let mut strays = strays.filter(|topic| acl.resource == Resource::Topic && !topic.own_name);
        let owner = if open { owner } else { strays.next().map(|topic| topic.team.as_str()).or(owner) };
        let covers_others = open
            && (strays.any(|topic| topic.team != team)
                || owner.is_none() && beginnings().any(|(beginning, _)| beginning.starts_with(name)));
        match owner {
            Some(owner) if owner == team && !covers_others => Reach::Own,
            Some(_) => Reach::Consented,
            None if platform == team && !covers_others => Reach::Own,
            None => Reach::PlatformWide,
        }
    }

    /// Returns the places where the JSON secret of a slot may be: one in the vault of each team, the likeliest first.
    pub fn places(&self, account: &str, slot: &str) -> impl Iterator<Item = SecretRef> {
        let name = weir_model::secret_name(account, slot);
        let own = self.team_of(account).and_then(|(_, team)| team.vault.as_ref());
        let others = self.vaults.iter().filter(move |vault| own != Some(vault));
        own.into_iter().chain(others).map(move |vault| SecretRef { vault: vault.clone(), name: name.clone() })
    }
}

fn begins(beginnings: &[String], name: &str) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning.as_str()))
}

/// The kind of cluster that a stage is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Provider {
    /// Confluent Cloud.
    ConfluentCloud,
    /// Apache Kafka brokers.
    ApacheKafka,
    /// A folder.
    Sandbox,
}

/// A topic as the files ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DesiredTopic {
    /// The entity's logical name.
    pub entity: String,
    /// The team that owns it.
    pub team: String,
    /// `true` if the name lies in a name space of the team: such a topic may be taken over when it exists.
    pub own_name: bool,
    /// `true` if a file of the platform team declares it: such a topic may be taken over wherever its name lies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_platform: bool,
    /// The entity's `ensure`.
    pub ensure: Ensure,
    /// Number of partitions; absent: the cluster's default at creation, anything after.
    pub partitions: Option<u32>,
    /// Replicas of each partition; absent: as above.
    pub replication_factor: Option<u16>,
    /// Settings in Kafka's spelling; an absent value asks for the cluster's default.
    pub config: BTreeMap<String, Option<KafkaValue>>,
}

/// A service account as the files ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DesiredAccount {
    /// The entity's logical name.
    pub entity: String,
    /// The team that owns it.
    pub team: String,
    /// The entity's `ensure`.
    pub ensure: Ensure,
    /// Its description; absent: whatever it is.
    pub description: Option<String>,
    /// The vault of the team that owns it; absent when the files define none.
    #[serde(default)]
    pub vault: Option<String>,
    /// Its API keys, by slot.
    pub keys: BTreeMap<String, DesiredKey>,
    /// The slots that the files name though the stage makes no keys for them, since the account is absent or unmanaged.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub idle_slots: BTreeSet<String>,
    /// Its ACL bindings.
    #[serde(with = "acls_as_list")]
    #[schemars(with = "Vec<(Acl, DesiredBinding)>")]
    pub acls: BTreeMap<Acl, DesiredBinding>,
    /// Bindings that the files ask for and that have ended or lack a consent, whatever the entity's `ensure`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "acls_as_list")]
    #[schemars(with = "Vec<(Acl, Withdrawal)>")]
    pub withdrawn: BTreeMap<Acl, Withdrawal>,
}

/// The reason for which the files no longer give a binding that they ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Withdrawal {
    /// The reason and the lists that ask for the binding: a sentence without its end.
    pub why: String,
    /// `true` if the last day of the right, or of the consent to it, has passed.
    pub ended: bool,
}

/// The names of a team in the stage, by which weir assigns objects that no file declares, and its vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DesiredTeam {
    /// The team's vault; absent when the files define none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// Beginnings of the physical names of its topics.
    pub topics: Vec<String>,
    /// Beginnings of the physical names of its consumer groups.
    pub groups: Vec<String>,
    /// Beginnings of its physical transactional ids.
    pub transactional_ids: Vec<String>,
    /// Beginnings of the physical names of its service accounts.
    pub service_accounts: Vec<String>,
}

impl DesiredTeam {
    /// Returns the beginnings of the names of such resources; none for resources without names.
    fn names(&self, resource: Resource) -> &[String] {
        match resource {
            Resource::Topic => &self.topics,
            Resource::Group => &self.groups,
            Resource::TransactionalId => &self.transactional_ids,
            Resource::Cluster | Resource::DelegationToken => &[],
        }
    }
}

/// An ACL binding as the files ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DesiredBinding {
    /// The names of the access control lists that need it.
    #[schemars(with = "BTreeSet<String>")]
    pub lists: BTreeSet<Arc<str>>,
    /// The names that it reaches.
    pub reach: Reach,
    /// The last day of the binding, by its grants and the consents to them; absent: it does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The consents that it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<DesiredConsent>,
}

/// A consent that a binding rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DesiredConsent {
    /// The team that consents.
    pub by: String,
    /// The entity that says so.
    pub entity: EntityRef,
    /// The file of the entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The last day of the consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl DesiredAccount {
    /// Returns the place of a slot's JSON secret, for undeclared slots as well. `account` is the account's physical
    /// name.
    pub fn secret(&self, account: &str, slot: &str) -> Option<SecretRef> {
        if let Some(key) = self.keys.get(slot) {
            return Some(key.secret.clone());
        }
        Some(SecretRef { vault: self.vault.clone()?, name: weir_model::secret_name(account, slot) })
    }
}

impl DesiredBinding {
    /// Returns a binding on the team's own names.
    pub fn own(lists: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { lists: lists.into_iter().collect(), reach: Reach::Own, until: None, consents: Vec::new() }
    }
}

/// JSON keys are text, so bindings travel as a list of pairs.
mod acls_as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Acl;

    pub(super) fn serialize<T: Serialize, S: Serializer>(acls: &BTreeMap<Acl, T>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(acls)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        d: D,
    ) -> Result<BTreeMap<Acl, T>, D::Error> {
        Ok(Vec::<(Acl, T)>::deserialize(d)?.into_iter().collect())
    }
}

/// A slot's key as the files ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DesiredKey {
    /// The place of its JSON secret.
    pub secret: SecretRef,
    /// The age at which it is replaced, in milliseconds; absent: never.
    pub rotate_every: Option<u64>,
    /// The time for which the replaced key stays valid, in milliseconds.
    pub overlap: u64,
    /// Keys made before this time are replaced whatever their age, once it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub rotated_after: Option<Timestamp>,
    /// `true` if keys made before `rotated_after` have no overlap.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// The secrets that it is stored in in other shapes as well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub projections: BTreeMap<SecretPart, SecretRef>,
}

impl DesiredKey {
    /// Every secret that holds the key: the JSON secret, then its projections.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        std::iter::once(&self.secret).chain(self.projections.values())
    }
}
