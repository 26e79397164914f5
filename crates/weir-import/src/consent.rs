//! The consent of the owners of imported topics, which keeps the rights of other teams.

use std::collections::BTreeMap;

use weir_model::{Ensure, Operation, PatternType, Permission, Resource, TopicAccess, Workspace};

use crate::built::Built;

/// The role of another team on a topic.
#[derive(Clone, Copy, Default)]
struct Trust {
    sees: bool,
    reads: bool,
    writes: bool,
    administers: bool,
}

impl Trust {
    fn to(operation: Operation) -> Self {
        match operation {
            Operation::Read => Self { reads: true, ..Self::default() },
            Operation::Write => Self { writes: true, ..Self::default() },
            Operation::Describe | Operation::DescribeConfigs => Self { sees: true, ..Self::default() },
            _ => Self { administers: true, ..Self::default() },
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            sees: self.sees || other.sees,
            reads: self.reads || other.reads,
            writes: self.writes || other.writes,
            administers: self.administers || other.administers,
        }
    }
}

/// Names, in the `access` of the new topics, the teams whose accounts reach them in any stage. Lists that were there
/// before count too, since their patterns may match new topics.
pub(crate) fn add(workspace: &Workspace, built: &mut Built) {
    let all = built.over(workspace);
    let mut trust = BTreeMap::<(String, String), Trust>::new();
    for view in all.stages() {
        for list in view.access.values() {
            let Some(account) = all.service_accounts.get(&list.entity.spec.service_account) else { continue };
            let team = account.metadata.team.as_str();
            let granted = list.allow.iter().flat_map(|grant| {
                [(grant.produce.as_deref(), Operation::Write), (grant.consume.as_deref(), Operation::Read)]
            });
            let granted = granted.filter_map(|(name, operation)| {
                let name = name?;
                Some((name.strip_suffix('*').unwrap_or(name), name.ends_with('*'), Trust::to(operation)))
            });
            let rules = list
                .rules
                .iter()
                .filter(|rule| rule.resource == Resource::Topic && rule.permission == Permission::Allow);
            let ruled = rules.filter_map(|rule| {
                let name = rule.name.as_deref()?;
                let trust = rule.operations.iter().map(|o| Trust::to(*o)).fold(Trust::default(), Trust::and);
                Some(match rule.pattern {
                    PatternType::Literal if name == "*" => ("", true, trust),
                    pattern => (name, pattern == PatternType::Prefixed, trust),
                })
            });
            for (name, open, needed) in granted.chain(ruled) {
                let reached = view
                    .topics
                    .range(name..)
                    .take_while(|(topic, _)| if open { topic.starts_with(name) } else { **topic == name });
                for (topic, staged) in reached {
                    let foreign = staged.entity.metadata.team != team && staged.ensure != Ensure::Absent;
                    if foreign && built.topics.contains_key(*topic) {
                        let trust = trust.entry(((*topic).to_owned(), team.to_owned())).or_default();
                        *trust = trust.and(needed);
                    }
                }
            }
        }
    }
    for ((topic, team), trust) in trust {
        if let Some(topic) = built.topics.get_mut(&topic) {
            write(&mut topic.spec.access, team, trust);
        }
    }
}

/// Each team is in one list only: an administrator may also read, and a reader may also describe.
fn write(access: &mut TopicAccess, team: String, trust: Trust) {
    if trust.administers {
        access.administrators.push(team);
        return;
    }
    if trust.writes {
        access.producers.push(team.clone());
    }
    if trust.reads || (trust.sees && !trust.writes) {
        access.consumers.push(team);
    }
}
