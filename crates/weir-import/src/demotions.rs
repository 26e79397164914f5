//! Objects that files cannot declare wholly, and the parts that are left out.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use weir_findings::{Finding, render::inert};
use weir_model::{EntityRef, Kind, Route};

use crate::built::Built;

/// Objects that are imported only in part, each with the reason. Grows until no fault is left.
#[derive(Default)]
pub(crate) struct Demotions {
    /// Settings of topics that are left to the cluster.
    pub(crate) settings: BTreeMap<String, BTreeMap<String, String>>,
    /// Accounts whose description is left to the cluster.
    pub(crate) descriptions: BTreeMap<String, String>,
    /// Topics that are not imported.
    pub(crate) topics: BTreeMap<String, String>,
    /// Accounts that are not imported.
    pub(crate) accounts: BTreeMap<String, String>,
    /// Topics and accounts that are not managed in a stage.
    unmanaged: BTreeMap<EntityRef, BTreeMap<usize, String>>,
    /// The demotions since the entities were last made: one fault may be found in several places and stages.
    fresh: BTreeSet<(EntityRef, Part)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Setting(String),
    Description,
    Stage(usize),
}

impl Demotions {
    /// Returns the stages in which an entity is not managed.
    pub(crate) fn unmanaged(&self, kind: Kind, name: &str) -> BTreeMap<usize, String> {
        self.unmanaged.get(&EntityRef::new(kind, name)).cloned().unwrap_or_default()
    }

    /// Notes that the entities were made again.
    pub(crate) fn applied(&mut self) {
        self.fresh.clear();
    }

    /// Demotes an object so that `finding`, made in the stage of that index, does not come again. Returns `true` if
    /// there was anything to demote.
    pub(crate) fn answer(&mut self, finding: &Finding<Route>, stage: usize, built: &Built) -> bool {
        let Route { entity, path, key: _, within: _ } = &finding.at;
        let why = reason(finding);
        match entity.kind {
            Kind::Topic if built.topics.contains_key(&entity.name) => {
                let setting = match finding.rule.as_str() {
                    "min-insync-replicas" => Some("min.insync.replicas"),
                    _ => path.iter().skip_while(|part| *part != "config").nth(1).map(String::as_str),
                };
                match setting {
                    Some(setting) if self.leave_setting(&entity.name, setting, &why) => true,
                    _ => self.let_go(entity, stage, why),
                }
            }
            Kind::ServiceAccount if built.accounts.contains_key(&entity.name) => {
                let described = path.last().is_some_and(|part| part == "description");
                if described && !self.descriptions.contains_key(&entity.name) {
                    self.fresh.insert((entity.clone(), Part::Description));
                    self.descriptions.insert(entity.name.clone(), why);
                    return true;
                }
                (described && self.fresh.contains(&(entity.clone(), Part::Description)))
                    || self.let_go(entity, stage, why)
            }
            Kind::AccessControlList => match built.lists.get(&entity.name) {
                Some(list) => {
                    let account = EntityRef::new(Kind::ServiceAccount, &*list.spec.service_account);
                    self.let_go(&account, stage, why)
                }
                None => false,
            },
            _ => false,
        }
    }

    fn leave_setting(&mut self, topic: &str, setting: &str, why: &str) -> bool {
        let part = (EntityRef::new(Kind::Topic, topic), Part::Setting(setting.to_owned()));
        if self.fresh.contains(&part) {
            return true;
        }
        let left = self.settings.entry(topic.to_owned()).or_default();
        if left.contains_key(setting) {
            return false;
        }
        self.fresh.insert(part);
        left.insert(setting.to_owned(), why.to_owned());
        true
    }

    /// Demotes an entity: first to not managed in the stage, then to not imported at all.
    pub(crate) fn let_go(&mut self, entity: &EntityRef, stage: usize, why: String) -> bool {
        if !self.fresh.insert((entity.clone(), Part::Stage(stage))) {
            return true;
        }
        let stages = self.unmanaged.entry(entity.clone()).or_default();
        if let Entry::Vacant(free) = stages.entry(stage) {
            free.insert(why);
            return true;
        }
        let all = if entity.kind == Kind::Topic { &mut self.topics } else { &mut self.accounts };
        if all.contains_key(&entity.name) {
            return false;
        }
        all.insert(entity.name.clone(), why);
        true
    }
}

/// Returns the message of a finding, with its help about consent, and without the stage.
fn reason(finding: &Finding<Route>) -> String {
    let message = match finding.message.rsplit_once(" (stage") {
        Some((message, stages)) if stages.ends_with(')') => message,
        _ => &finding.message,
    };
    let help = finding.help.as_deref().filter(|_| finding.at.entity.kind == Kind::AccessControlList);
    inert(&help.map_or_else(|| message.to_owned(), |help| format!("{message}; {help}"))).into_owned()
}
