//! Receipts as people read them.

use std::{collections::BTreeSet, fmt::Write as _};

use weir_findings::{
    count,
    render::{inert, inert_line},
};
use weir_planning::{Blocked, Verb, render::from_to};

use crate::{Outcome, Receipt, StepOutcome, StepReceipt};

/// A receipt for a terminal: one line for each step that was done or went wrong, then the sum.
///
/// Steps that were done before are only counted, unless an earlier run of this plan did them.
pub fn text(receipt: &Receipt) -> String {
    let mut out = String::new();
    for step in receipt.steps.iter().filter(|step| is_shown(receipt, step)) {
        let what = format!("{}{}", step.id.0, key(step));
        let _ = writeln!(out, "{} {:<11} {}", mark(step.outcome), step.outcome.as_str(), inert(&what));
        for line in changed(step).iter().map(String::as_str).chain(note(step)) {
            let _ = writeln!(out, "              {}", inert_line(line));
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{}", inert_line(&headline(receipt)));
    if let Some(reason) = &receipt.reason {
        let _ = writeln!(out, "{}", inert_line(reason));
    }
    for line in blocked(receipt) {
        let _ = writeln!(out, "{}", inert_line(&line));
    }
    if let Some(advice) = advice(receipt) {
        let _ = writeln!(out, "{}", inert_line(&advice));
    }
    out
}

/// The objects in trouble, one line for each.
fn blocked(receipt: &Receipt) -> impl Iterator<Item = String> + '_ {
    receipt.blocked.iter().map(|Blocked { object, team, why }| {
        let team = team.as_ref().map(|team| format!(" ({team})")).unwrap_or_default();
        format!("blocked: {object}{team}: {why}")
    })
}

/// A receipt as markdown, for a pull request or a pipeline's summary. Failed steps come first; the rest is folded.
pub fn markdown(receipt: &Receipt) -> String {
    let mut out = format!("### {}\n\n", inert(&headline(receipt)));
    if let Some(reason) = &receipt.reason {
        let _ = writeln!(out, "{}\n", plain(reason));
    }
    for line in blocked(receipt) {
        let _ = writeln!(out, "- {}", plain(&line));
    }
    if !receipt.blocked.is_empty() {
        out.push('\n');
    }
    if let Some(advice) = advice(receipt) {
        let _ = writeln!(out, "{}\n", plain(&advice));
    }
    let (good, bad): (Vec<_>, Vec<_>) =
        receipt.steps.iter().filter(|step| is_shown(receipt, step)).partition(|step| step.outcome.is_done());
    if !bad.is_empty() {
        out.push_str(&table(&bad));
    }
    if !good.is_empty() {
        let rows = table(&good);
        let _ = writeln!(out, "<details><summary>{} done</summary>\n\n{rows}</details>\n", count(good.len(), "step"));
    }
    let plan = receipt.plan.to_string();
    let _ = writeln!(out, "<sub>plan {} · {} to {}</sub>", inert(&plan), receipt.started, receipt.finished);
    out
}

fn table(steps: &[&StepReceipt]) -> String {
    let mut out = String::from("| | step | |\n|---|---|---|\n");
    for step in steps {
        let lines: Vec<String> = changed(step).iter().map(String::as_str).chain(note(step)).map(plain).collect();
        let note = lines.join("<br>");
        let _ = writeln!(
            out,
            "| {} | `{}`{} | {note} |",
            step.outcome.as_str(),
            inert(&step.id.0).replace('|', "\\|").replace('`', "'"),
            inert(&key(step))
        );
    }
    out.push('\n');
    out
}

/// Text that a table cell keeps as it is.
fn plain(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ").replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;");
    inert_line(&text).into_owned()
}

fn is_shown(receipt: &Receipt, step: &StepReceipt) -> bool {
    match step.outcome {
        StepOutcome::Already => step.earlier_run,
        StepOutcome::Skipped => receipt.outcome != Outcome::Refused,
        _ => true,
    }
}

fn mark(outcome: StepOutcome) -> char {
    match outcome {
        StepOutcome::Created => '+',
        StepOutcome::Updated => '~',
        StepOutcome::Deleted => '-',
        StepOutcome::Already => '=',
        StepOutcome::Failed | StepOutcome::Stale | StepOutcome::Unconfirmed => '!',
        StepOutcome::Skipped | StepOutcome::OtherPlane | StepOutcome::Blocked => '.',
    }
}

/// The place of a new key. A deleted key is in the step's name.
fn key(step: &StepReceipt) -> String {
    match (&step.key, &step.secret) {
        (Some(key), Some(secret)) if step.outcome == StepOutcome::Created => format!(" ({key} in {secret})"),
        _ => String::new(),
    }
}

/// The lines that say what an update changed, from and to, and what a deletion took away. A step that changed nothing
/// has none.
fn changed(step: &StepReceipt) -> Vec<String> {
    let may_have_changed = match step.outcome {
        StepOutcome::Created | StepOutcome::Updated | StepOutcome::Deleted | StepOutcome::Unconfirmed => true,
        StepOutcome::Already => step.earlier_run,
        StepOutcome::Failed
        | StepOutcome::Stale
        | StepOutcome::Skipped
        | StepOutcome::OtherPlane
        | StepOutcome::Blocked => false,
    };
    match step.change.about().verb {
        Verb::Update | Verb::Delete if may_have_changed => from_to(&step.change),
        Verb::Create | Verb::Update | Verb::Delete => Vec::new(),
    }
}

fn note(step: &StepReceipt) -> Option<&str> {
    match step.outcome {
        StepOutcome::Already => Some("by an earlier run of this plan"),
        _ => step.detail.as_deref(),
    }
}

/// `dev on nonprod (lkc-a1): partly deployed: 3 created, 1 failed`
fn headline(receipt: &Receipt) -> String {
    let id = receipt.cluster_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let stale = stale_teams(receipt).map(|teams| format!("stale for {teams}"));
    let what = match receipt.outcome {
        Outcome::Complete => "deployed",
        Outcome::NothingToDo => "nothing to do",
        Outcome::OtherPlane => "deployed on this plane",
        Outcome::Stale => stale.as_deref().unwrap_or("stale"),
        Outcome::Partial => "partly deployed",
        Outcome::Failed => "failed",
        Outcome::Blocked => "deployed, but for objects in trouble",
        Outcome::Refused => "refused",
    };
    let resumed = if receipt.resumed { ", resumed" } else { "" };
    let mut line = format!("{} on {}{id}: {what}{resumed}", receipt.stage, receipt.cluster);
    let counts = &receipt.counts;
    let numbers: Vec<String> = [
        (counts.created, "created"),
        (counts.updated, "updated"),
        (counts.deleted, "deleted"),
        (counts.already, "already done"),
        (counts.failed, "failed"),
        (counts.stale, "stale"),
        (counts.unconfirmed, "unconfirmed"),
        (counts.skipped, "not started"),
        (counts.other_plane, "on another plane"),
        (counts.blocked, "blocked"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    if !numbers.is_empty() {
        line.push_str(": ");
        line.push_str(&numbers.join(", "));
    }
    line
}

/// The teams of stale steps (`team cards`, `teams cards, toll`), if the run went on with steps of other teams.
fn stale_teams(receipt: &Receipt) -> Option<String> {
    let is_stale = |step: &&StepReceipt| step.outcome == StepOutcome::Stale;
    let teams: BTreeSet<&str> =
        receipt.steps.iter().filter(is_stale).map(|step| step.team.as_deref()).collect::<Option<_>>()?;
    let others = receipt.steps.iter().any(|step| step.team.as_deref().is_none_or(|team| !teams.contains(team)));
    let noun = if teams.len() == 1 { "team" } else { "teams" };
    let names: Vec<&str> = teams.into_iter().collect();
    (others && !names.is_empty()).then(|| format!("{noun} {}", names.join(", ")))
}

fn advice(receipt: &Receipt) -> Option<String> {
    let advice = match receipt.outcome {
        Outcome::Partial | Outcome::Failed => {
            "Deploy the same plan again: it goes on where this run ended. If it turns out stale, plan again."
        }
        Outcome::Stale => match stale_teams(receipt) {
            Some(teams) => {
                return Some(format!(
                    "The run went on with steps of other teams. Plan again: the new plan shows the remaining steps of {teams}."
                ));
            }
            None => "Plan again: the new plan shows the remaining steps.",
        },
        Outcome::OtherPlane => "Deploy the same plan where the other plane can be reached.",
        Outcome::Blocked => "Plan again when the blocked objects are well.",
        Outcome::Complete | Outcome::NothingToDo | Outcome::Refused => return None,
    };
    Some(advice.to_owned())
}
