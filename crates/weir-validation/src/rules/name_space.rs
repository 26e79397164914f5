use weir_findings::{RulePage, Severity};
use weir_model::{EntityRef, Kind, Origin, Route};
use weir_ownership::{Authority, Names, Ownership, split_pattern};

use crate::{
    Rule,
    context::{Context, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "name-space",
        severity: Severity::Error,
        waivable: None,
        title: "a team's names lie in its name spaces",
        what: "In a workspace with `ownership`, the topics and service accounts in a team's path have names in that \
               team's name spaces: by default `toll.` for topics and `toll-` for service accounts of team `toll`. The \
               names of access control lists and consents begin with one of the team's name spaces. A consent is for \
               names of the team that gives it.",
        why: "Otherwise a team could take a name that another team is about to use, or an object that exists already.",
        bad: "# teams/toll/kafka.yaml\nkind: Topic\nmetadata: {name: cards.settlement.v1, team: toll}",
        good: "# teams/toll/kafka.yaml\nkind: Topic\nmetadata: {name: toll.settlement.v1, team: toll}",
        remedy: "If the name cannot change, ask the platform team to declare the entity in one of its own files, or to \
                 add a name space to the `Team`.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let Some(ownership) = &cx.ownership else { return };
    let on = Checked { ownership };
    for topic in cx.workspace.topics.values() {
        on.name(out, Ownership::sorts(Kind::Topic), topic.origin, &topic.metadata.name, || topic.entity_ref());
    }
    for account in cx.workspace.service_accounts.values() {
        on.name(out, Ownership::sorts(Kind::ServiceAccount), account.origin, &account.metadata.name, || account.entity_ref());
    }
    for list in cx.workspace.access_control_lists.values() {
        on.name(out, Ownership::sorts(Kind::AccessControlList), list.origin, &list.metadata.name, || list.entity_ref());
    }
    for consent in cx.workspace.consents.values() {
        on.name(out, Ownership::sorts(Kind::Consent), consent.origin, &consent.metadata.name, || consent.entity_ref());
        let Some(team) = on.team(consent.origin) else { continue };
        for (names, written) in [
            (Names::Topics, &consent.spec.topics),
            (Names::Groups, &consent.spec.groups),
            (Names::TransactionalIds, &consent.spec.transactional_ids),
        ] {
            for (i, text) in written.iter().enumerate() {
                let (name, open) = split_pattern(text);
                let declared = || {
                    let topic = cx.topics.get(name).filter(|_| names == Names::Topics && !open);
                    topic.is_some_and(|topic| topic.metadata.team == team)
                };
                if ownership.owner(names, name) != Some(team) && !declared() {
                    let at = spec(consent.entity_ref(), [names.field(), &i.to_string()]);
                    let message = format!("`{text}` lies outside the name spaces of team `{team}`");
                    out.push(out.error(at, message).help(on.instead(names, team)));
                }
            }
        }
    }
}

struct Checked<'c, 'w> {
    ownership: &'c Ownership<'w>,
}

impl Checked<'_, '_> {
    /// Returns the team whose path the file is in; `None` for a file of the platform team.
    fn team(&self, origin: Origin) -> Option<&str> {
        match self.ownership.authority_over(origin) {
            Authority::Team(team) => Some(team),
            // The rule `path-authority` reports unclear paths.
            Authority::Platform | Authority::Unclear(..) => None,
        }
    }

    fn name(&self, out: &mut Out, any: &[Names], origin: Origin, name: &str, entity: impl Fn() -> EntityRef) {
        let Some(team) = self.team(origin) else { return };
        if any.iter().any(|names| self.ownership.owner(*names, name) == Some(team)) {
            return;
        }
        let owner = any.iter().find_map(|names| self.ownership.owner(*names, name));
        let message = match owner {
            Some(owner) => format!("`{name}` lies in a name space of team `{owner}`, not of team `{team}`"),
            None => format!("`{name}` lies outside the name spaces of team `{team}`"),
        };
        let names = if any.len() == 1 { any[0] } else { Names::ServiceAccounts };
        out.push(out.error(Route::name(entity()), message).help(self.instead(names, team)));
    }

    /// Returns the help: the beginnings that a name may have.
    fn instead(&self, names: Names, team: &str) -> String {
        let spaces: Vec<String> = self.ownership.spaces(names, team).map(|space| format!("`{space}`")).collect();
        let platform = self.ownership.platform();
        match spaces.as_slice() {
            [] => format!("team `{team}` owns no names of {}s; ask team `{platform}`", names.noun()),
            _ => format!("begin the name with {}, or ask team `{platform}`", spaces.join(" or ")),
        }
    }
}
