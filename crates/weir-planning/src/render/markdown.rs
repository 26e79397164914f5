//! Markdown for a pull request.

use super::{
    plain::{escaped, fenced},
    text::summed_up,
    words::{Counts, blocked, by_team, details, headline, nothing, team_name, verb},
};
use crate::{Plan, Risk, Step, Verb};

/// The longest list of steps, in characters: pull request comments are limited to about 64,000 characters.
const ROOM: usize = 40_000;

/// Most lines of the warning and of the report.
const MOST_LINES: usize = 50;

/// A plan as a comment on a pull request. An empty plan is one line.
pub fn markdown(plan: &Plan) -> String {
    if plan.is_empty() {
        let mut out = format!("**weir:** {}\n", escaped(&nothing(plan)));
        troubles(&mut out, plan);
        return out;
    }
    let counts = Counts::of(&plan.steps);
    let mut out = format!("### weir: stage {}: {}\n", escaped(&plan.stage), counts.sentence());
    troubles(&mut out, plan);
    warning(&mut out, plan);
    if let Some(reason) = &plan.beyond_threshold {
        out.push_str(&format!("\n> **Beyond the threshold.** {} It needs `--beyond-threshold`.\n", escaped(reason)));
    }
    out.push_str("\n| team | add | change | delete | highest risk |\n| --- | ---: | ---: | ---: | --- |\n");
    let teams = by_team(plan);
    for (team, steps) in &teams {
        let Counts { add, change, delete, risk } = Counts::of(steps.iter().copied());
        let risk = risk.map_or("", Risk::as_str);
        out.push_str(&format!("| {} | {add} | {change} | {delete} | {risk} |\n", escaped(team_name(*team))));
    }
    for (team, steps) in &teams {
        team_steps(&mut out, *team, steps);
    }
    access(&mut out, plan);
    if !plan.report.items.is_empty() {
        let items = summed_up(&plan.report);
        out.push_str(&format!("\n<details><summary>Left as it is: {}</summary>\n\n", items.len()));
        let lines = items.iter().map(|item| format!("- {}: {}", escaped(&item.object), escaped(&item.message)));
        limited(&mut out, lines, items.len());
        out.push_str("\n</details>\n");
    }
    let commit = plan.commit.as_ref().map(|commit| format!(", commit {}", escaped(commit))).unwrap_or_default();
    let approval = if plan.approval_required { " This stage needs an approval." } else { "" };
    out.push_str(&format!(
        "\n<sub>Cluster {} ({}){commit}. Digest {}.{approval}</sub>\n",
        escaped(&plan.cluster),
        escaped(&plan.cluster_id),
        escaped(&plan.digest.0),
    ));
    out
}

/// Lists the objects in trouble.
fn troubles(out: &mut String, plan: &Plan) {
    if !plan.blocked.is_empty() {
        out.push_str("\n> **Blocked: the plan leaves these alone.**\n>\n");
        let lines = blocked(&plan.blocked).map(|line| format!("> - {}", escaped(&line)));
        limited(out, lines, plan.blocked.len());
    }
}

/// Returns the warning about deleted records, which comes first; empty without such steps.
fn warning(out: &mut String, plan: &Plan) {
    let lossy: Vec<&Step> = plan.steps.iter().filter(|step| step.risk >= Risk::Revoke).collect();
    if lossy.is_empty() {
        return;
    }
    let what =
        if lossy.iter().any(|step| step.risk >= Risk::Destroy) { "Data or objects are lost" } else { "Access is lost" };
    out.push_str(&format!("\n> **Warning: {what}.**\n>\n"));
    let mut worst = lossy.clone();
    worst.sort_by_key(|step| std::cmp::Reverse(step.risk));
    let lines = worst.iter().map(|step| {
        let meaning = step.meaning.first().map(|m| format!(": {}", escaped(m))).unwrap_or_default();
        format!("> - {} ({}){meaning}", escaped(&headline(&step.change)), step.risk)
    });
    limited(out, lines, worst.len());
}

fn limited(out: &mut String, lines: impl Iterator<Item = String>, all: usize) {
    for line in lines.take(MOST_LINES) {
        out.push_str(&line);
        out.push('\n');
    }
    if all > MOST_LINES {
        out.push_str(&format!("\n… and {} more; the plan file has them all.\n", all - MOST_LINES));
    }
}

fn team_steps(out: &mut String, team: Option<&str>, steps: &[&Step]) {
    if out.len() > ROOM {
        return;
    }
    let counts = Counts::of(steps.iter().copied());
    let name = escaped(team_name(team));
    out.push_str(&format!("\n<details><summary><b>{name}</b>: {}</summary>\n\n```diff\n", counts.sentence()));
    for (done, step) in steps.iter().enumerate() {
        if out.len() > ROOM {
            out.push_str(&format!("  … and {} more steps; the plan file has them all\n", steps.len() - done));
            break;
        }
        // A diff colours `!`, not `~`.
        let symbol = match verb(&step.change) {
            Verb::Create => '+',
            Verb::Update => '!',
            Verb::Delete => '-',
        };
        out.push_str(&format!("{symbol} {}  [{}]\n", fenced(&headline(&step.change)), step.risk));
        for detail in details(step) {
            out.push_str(&format!("      {}\n", fenced(&detail)));
        }
    }
    out.push_str("```\n\n</details>\n");
}

fn access(out: &mut String, plan: &Plan) {
    if plan.access.is_empty() || out.len() > ROOM {
        return;
    }
    out.push_str("\n<details><summary>Effective access</summary>\n\n```diff\n");
    for (done, change) in plan.access.iter().enumerate() {
        if out.len() > ROOM {
            out.push_str(&format!("  … and {} more accounts; the plan file has them all\n", plan.access.len() - done));
            break;
        }
        if change.gains.is_empty() && change.loses.is_empty() {
            out.push_str(&format!("  {}: the same as before\n", fenced(&change.principal)));
            continue;
        }
        out.push_str(&format!("  {}\n", fenced(&change.principal)));
        for gain in &change.gains {
            out.push_str(&format!("+ {}\n", fenced(gain)));
        }
        for loss in &change.loses {
            out.push_str(&format!("- {}\n", fenced(loss)));
        }
    }
    out.push_str("```\n\n</details>\n");
}
