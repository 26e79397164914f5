//! The consents of a workspace with `ownership`.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use weir_findings::{Finding, plural};
use weir_model::{Ensure, Operation, Resource, Route, StageView};
use weir_ownership::{Authority, Degree, Judge, Names, Ownership, Refusal, Request, Why};

use crate::{
    context::{Context, access},
    out::Out,
};

/// Largest number of topics that a finding names one by one.
const NAMED: usize = 100;

/// Largest number of teams that a finding names one by one.
const TEAMS: usize = 20;

pub(super) fn check(cx: &Context<'_>, out: &mut Out, ownership: &Ownership<'_>) {
    for view in &cx.stages {
        let judge = Judge::new(ownership, view, cx.today);
        let (named, asked) = (RefCell::default(), RefCell::default());
        for list in view.access.values() {
            // The account's team decides, whatever team the list claims.
            let Some(account) = cx.accounts.get(&list.entity.spec.service_account) else { continue };
            let team = account.metadata.team.as_str();
            let authority = match ownership.authority_over(list.entity.origin) {
                // The rule `account-owner` reports a list for another team's account, `path-authority` unclear paths.
                Authority::Team(other) if other != team => continue,
                Authority::Unclear(..) => continue,
                authority => authority,
            };
            let ensure = view.accounts.get(account.metadata.name.as_str()).map(|account| account.ensure);
            let ensure = ensure.unwrap_or_default();
            let stage = Stage { ownership, view, judge: &judge, ensure, named: &named, asked: &asked };
            for (i, grant) in list.allow.iter().enumerate() {
                for request in Request::of_grant(team, authority, grant) {
                    // The rule `unknown-reference` reports a topic that no file declares.
                    let is_topic = Names::of(request.resource) == Some(Names::Topics);
                    if is_topic && !request.open && !cx.topics.contains_key(request.name) {
                        continue;
                    }
                    stage.request(out, &request, || access(view, list, "allow", i, request.field()));
                }
            }
            for (i, rule) in list.rules.iter().enumerate() {
                for request in Request::of_rule(team, authority, rule) {
                    stage.request(out, &request, || access(view, list, "rules", i, "name"));
                }
            }
        }
    }
}

struct Stage<'s, 'w> {
    ownership: &'s Ownership<'w>,
    view: &'s StageView<'w>,
    judge: &'s Judge<'s, 'w>,
    /// The `ensure` of the service account.
    ensure: Ensure,
    /// The teams and beginnings of names for which a finding names the topics concerned. One team may ask for one beginning
    /// thousands of times.
    named: &'s RefCell<BTreeMap<(String, String), usize>>,
    /// The teams, beginnings and operations for which topics of other teams were looked for.
    asked: &'s RefCell<BTreeSet<(String, String, Operation)>>,
}

impl Stage<'_, '_> {
    fn request(&self, out: &mut Out, request: &Request<'_>, at: impl Fn() -> Route) {
        // The rule `cluster-rights` judges rights on the cluster.
        let Some(names) = Names::of(request.resource) else { return };
        let Err(refusal) = self.judge.judge(request) else { return self.conflicts(out, request, at) };
        let finding = match &refusal.why {
            // The rules `internal-name` and `cluster-rights` report these.
            Why::Reserved | Why::Cluster | Why::Escalation => return,
            Why::Ended => out
                .warning(at(), self.ended())
                .help("remove it, or agree on a later day"),
            Why::Owned(owner) => self.owned(out, names, request, owner, &refusal, at()),
            Why::Beyond(teams) => {
                let whose = if teams.len() == 1 { "team" } else { "teams" };
                let rest = if teams.len() > TEAMS { format!(" and {} more", teams.len() - TEAMS) } else { String::new() };
                let teams: Vec<String> = teams.iter().take(TEAMS).map(|team| format!("`{team}`")).collect();
                let message = format!(
                    "`{}*` covers all names of {whose} {}{rest}, and names of nobody, so it needs the consent of the \
                     platform team",
                    request.name,
                    teams.join(", ")
                );
                out.error(at(), message).help(self.platform(names, request, refusal.degree))
            }
            _ => {
                let star = if request.open { "*" } else { "" };
                let message = format!(
                    "`{}{star}` belongs to no team, so it needs the consent of the platform team",
                    request.name
                );
                out.error(at(), message).help(self.platform(names, request, refusal.degree))
            }
        };
        out.push_in(self.view.index, self.concerned(finding, request, names));
    }

    /// Reports topics of other teams in a name space at the topics: their author can act, and the right was there before.
    fn conflicts(&self, out: &mut Out, request: &Request<'_>, at: impl Fn() -> Route) {
        let is_asked = request.open && request.resource == Resource::Topic;
        let (Authority::Team(_), true) = (request.authority, is_asked) else { return };
        let question = (request.team.to_owned(), request.name.to_owned(), request.operation);
        if !self.asked.borrow_mut().insert(question) {
            return;
        }
        for topic in self.judge.conflicts(request) {
            let (name, team, degree) = (request.name, request.team, Degree::of(request.resource, request.operation));
            let (reached, owner) = (topic.metadata.name.as_str(), &topic.metadata.team);
            let space = self.ownership.owner(Names::Topics, reached).unwrap_or(self.ownership.platform());
            let message = format!(
                "team `{team}` may use `{name}*`, which covers `{reached}` of team `{owner}`, and team `{owner}` does not \
                 let team `{team}` {}",
                act(degree, &Request { open: false, ..*request })
            );
            let help = format!(
                "add `access: {{{}: [{team}]}}`, or choose a name outside the name spaces of team `{space}`",
                degree.field()
            );
            let finding = out.error(Route::name(topic.entity_ref()), message).help(help).related(at(), "the right");
            out.push_in(self.view.index, finding);
        }
    }

    fn ended(&self) -> &'static str {
        match self.ensure {
            Ensure::Present | Ensure::Absent => "the right has ended, or the consent to it has; the next plan takes it away",
            Ensure::Unmanaged => {
                "the right has ended, or the consent to it has; the next plan takes it away if weir made the service \
                 account, and reports it otherwise"
            }
        }
    }

    fn owned(
        &self,
        out: &Out,
        names: Names,
        request: &Request<'_>,
        owner: &str,
        refusal: &Refusal<'_>,
        at: Route,
    ) -> Finding<Route> {
        let (name, team) = (request.name, request.team);
        let act = act(refusal.degree, request);
        let field = refusal.degree.field();
        if request.open {
            let message = format!("`{name}*` covers {}s of team `{owner}`, which does not let team `{team}` {act}", names.noun());
            let help = format!(
                "ask team `{owner}` for a `Consent` to a beginning of names: `{}: [\"{name}*\"]`, `{field}: [{team}]`",
                names.field()
            );
            return out.error(at, message).help(help);
        }
        let noun = names.noun();
        let message = match names {
            Names::Topics => format!("`{name}` belongs to team `{owner}`, which does not let team `{team}` {act}"),
            Names::Groups | Names::TransactionalIds | Names::ServiceAccounts => {
                format!("the {noun} `{name}` belongs to team `{owner}`, which does not let team `{team}` {act}")
            }
        };
        let finding = out.error(at, message);
        match self.view.topics.get(name).filter(|_| names == Names::Topics) {
            Some(topic) => finding
                .help(format!("ask team `{owner}` to add `access: {{{field}: [{team}]}}` to `{}`", topic.entity.entity_ref()))
                .related(super::consent(self.view, topic, field), "the owner's list"),
            None => finding.help(format!(
                "use a name of your own, or ask team `{owner}` for a `Consent`: `{}: [\"{name}\"]`, `{field}: [{team}]`",
                names.field()
            )),
        }
    }

    fn platform(&self, names: Names, request: &Request<'_>, degree: Degree) -> String {
        let star = if request.open { "*" } else { "" };
        format!(
            "ask team `{}` for a consent under `ownership.consents`: `{}: [\"{}{star}\"]`, `{}: [{}]`",
            self.ownership.platform(),
            names.field(),
            request.name,
            degree.field(),
            request.team,
        )
    }

    /// Adds the topics concerned, if a beginning of names is refused. The first finding about a beginning names them, the
    /// others count them.
    fn concerned(&self, finding: Finding<Route>, request: &Request<'_>, names: Names) -> Finding<Route> {
        if !request.open || names != Names::Topics {
            return finding;
        }
        let below = || self.judge.topics_below(request.team, request.name);
        let question = (request.team.to_owned(), request.name.to_owned());
        let known = self.named.borrow().get(&question).copied();
        let all = known.unwrap_or_else(|| below().count());
        self.named.borrow_mut().insert(question, all);
        let Some(first) = below().next() else { return finding };
        let it = format!("it covers {all} declared {} of other teams", plural(all, "topic"));
        let note = match known {
            Some(_) => format!("{it}; the first finding about `{}*` names them", request.name),
            None => {
                let named: Vec<String> = below().take(NAMED).map(|topic| format!("`{}`", topic.metadata.name)).collect();
                let rest = if all > NAMED { format!(", and {} more", all - NAMED) } else { String::new() };
                format!("{it}: {}{rest}", named.join(", "))
            }
        };
        finding.note(note).related(Route::name(first.entity_ref()), "the first of them")
    }
}

fn act(degree: Degree, request: &Request<'_>) -> String {
    let it = if request.open { "them" } else { "it" };
    match degree {
        Degree::Observer => format!("see {it}"),
        Degree::Consumer => format!("read {it}"),
        Degree::Producer => format!("write to {it}"),
        Degree::Administrator => format!("administer {it} (`{:?}`)", request.operation),
    }
}
