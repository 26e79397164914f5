//! Terminal text.

use super::{
    head,
    plain::plain,
    words::{Counts, WHOLE, are_blocked, blocked, by_team, details, headline, nothing, reported, team_name, verb},
};
use crate::{Plan, ReportItem, Risk, Verb};

/// A plan for a terminal: steps by team, effective access, the report, and a last line with the counts
/// above the digest. An empty plan is one line and the items of the report that need an action.
pub fn text(plan: &Plan, colour: bool) -> String {
    let paint = Paint(colour);
    let mut out = String::new();
    if plan.is_empty() {
        line(&mut out, 0, &plain(&nothing(plan)));
        authority(&mut out, paint, plan);
        troubles(&mut out, paint, plan);
        report(&mut out, paint, plan);
        return out;
    }
    let place =
        format!("Plan for stage {} of {} (cluster {}, {})", plan.stage, plan.workspace, plan.cluster, plan.cluster_id);
    line(&mut out, 0, &paint.bold(&plain(&place)));
    authority(&mut out, paint, plan);
    troubles(&mut out, paint, plan);
    steps(&mut out, paint, plan);
    access(&mut out, paint, plan);
    report(&mut out, paint, plan);
    out.push('\n');
    if let Some(reason) = &plan.beyond_threshold {
        let sentence = format!("{reason} It needs `--beyond-threshold`.");
        line(&mut out, 0, &paint.risk(Risk::DataLoss, &plain(&sentence)));
    }
    if plan.approval_required {
        line(&mut out, 0, "This stage needs an approval: deploy with `--digest`.");
    }
    let counts = Counts::of(&plan.steps);
    let risk =
        counts.risk.map_or_else(String::new, |risk| format!(" (highest risk: {})", paint.risk(risk, risk.as_str())));
    let trouble = match plan.blocked.len() {
        0 => String::new(),
        some => format!("; {}", are_blocked(some)),
    };
    line(&mut out, 0, &format!("Plan: {}{risk}{trouble}.", counts.sentence()));
    line(&mut out, 0, &format!("Digest: {}", plain(&plan.digest.0)));
    out
}

/// Adds the head: everything that moves authority.
fn authority(out: &mut String, paint: Paint, plan: &Plan) {
    if plan.authority.is_empty() {
        return;
    }
    out.push('\n');
    line(out, 0, &paint.bold(&format!("Authority: {}", head::counts(plan))));
    for (heading, items) in head::by_kind(plan) {
        line(out, 2, &paint.with(YELLOW, heading));
        for item in items {
            line(out, 4, &plain(&head::line(item)));
        }
    }
}

fn steps(out: &mut String, paint: Paint, plan: &Plan) {
    for (team, steps) in by_team(plan) {
        out.push('\n');
        line(out, 0, &paint.bold(&plain(team_name(team))));
        for step in steps {
            let (symbol, colour) = match verb(&step.change) {
                Verb::Create => ('+', GREEN),
                Verb::Update => ('~', YELLOW),
                Verb::Delete => ('-', RED),
            };
            let headline = paint.with(colour, &format!("{symbol} {}", plain(&headline(&step.change))));
            line(out, 2, &format!("{headline}  [{}]", paint.risk(step.risk, step.risk.as_str())));
            for detail in details(step, WHOLE) {
                line(out, 6, &plain(&detail));
            }
        }
    }
}

/// The objects in trouble.
fn troubles(out: &mut String, paint: Paint, plan: &Plan) {
    if plan.blocked.is_empty() {
        return;
    }
    out.push('\n');
    line(out, 0, &paint.bold("Blocked: the plan leaves these alone"));
    for trouble in blocked(&plan.blocked) {
        line(out, 2, &paint.with(RED, &plain(&trouble)));
    }
}

fn access(out: &mut String, paint: Paint, plan: &Plan) {
    if plan.access.is_empty() {
        return;
    }
    out.push('\n');
    line(out, 0, &paint.bold("Effective access"));
    for change in &plan.access {
        if change.gains.is_empty() && change.loses.is_empty() && change.everybody.is_empty() {
            line(out, 2, &plain(&format!("{}: the same as before", change.principal)));
            continue;
        }
        line(out, 2, &plain(&change.principal));
        for gain in &change.gains {
            line(out, 4, &paint.with(GREEN, &plain(&format!("+ {gain}"))));
        }
        for loss in &change.loses {
            line(out, 4, &paint.with(RED, &plain(&format!("- {loss}"))));
        }
        for right in &change.everybody {
            line(out, 4, &plain(&format!("  every user may, by bindings of User:*: {right}")));
        }
    }
}

fn report(out: &mut String, paint: Paint, plan: &Plan) {
    let items = reported(plan);
    if items.is_empty() {
        return;
    }
    out.push('\n');
    line(out, 0, &paint.bold("Left as it is"));
    for ReportItem { kind: _, object, message } in items {
        line(out, 2, &plain(&format!("{object}: {message}")));
    }
}

fn line(out: &mut String, indent: usize, text: &str) {
    out.extend(std::iter::repeat_n(' ', indent));
    out.push_str(text);
    out.push('\n');
}

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;

/// Colours, or none.
#[derive(Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn with(self, code: u8, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with(1, text)
    }

    fn risk(self, risk: Risk, text: &str) -> String {
        match risk {
            Risk::Additive => self.with(GREEN, text),
            Risk::Shared | Risk::PlatformWide | Risk::Change | Risk::Revoke => self.with(YELLOW, text),
            Risk::Escalation | Risk::Destroy | Risk::DataLoss => self.with(RED, text),
        }
    }
}
