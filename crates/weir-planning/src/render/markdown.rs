//! Markdown for a pull request.

use std::collections::BTreeMap;

use weir_findings::count;

use super::{
    cut::cut,
    head,
    plain::{escaped, fenced},
    words::{Counts, blocked, by_team, details, headline, nothing, reported, team_name, verb},
};
use crate::{AccessChange, Change, Plan, ReportItem, ReportKind, Risk, Step, Verb};

/// The most bytes of one comment: GitHub takes 65,536 characters, Azure DevOps 150,000. The rest is for text that a
/// pipeline adds.
pub const COMMENT_LIMIT: usize = 60_000;

/// Bytes of a comment that every part keeps for its title, and the last part for the lines that must stand at its end.
const EDGES: usize = 4_000;

/// The most characters of a line of the head; longer items go on in the next line. Markdown needs up to 14 bytes for a
/// character, and a line must fit into a comment.
const HEAD_LINE: usize = 2_000;

/// The most characters of a headline, and of a line below a headline. Names of topics have at most 249 characters, those
/// of groups may be longer.
const LINE: usize = 600;

/// The most characters of a setting's value and of a description.
const VALUE: usize = 200;

/// The most lines below the headline of a step.
const DETAILS: usize = 12;

/// The most lines of the warning, of the findings and of the report.
const MOST_LINES: usize = 50;

/// The pointer to all that a comment leaves out.
const ELSEWHERE: &str = "the plan file has them all";

/// A plan as comments on a pull request: see [`comments`]. An empty plan is one line and the items of the report that need
/// an action.
pub fn markdown(plan: &Plan) -> String {
    comments(plan, &[]).join("\n")
}

/// Returns a plan as comments on a pull request, each of at most [`COMMENT_LIMIT`] bytes; nearly always one.
/// `warnings` are the findings about the files, one line each.
///
/// The head of authority and the rights left behind come first, and are complete; they may need several comments. Then come the exact numbers
/// of steps by team and risk, and as many of the steps as fit, of every team some, grants before settings. Each comment
/// of several begins with a line `<!-- weir: part 1 of 2 -->`.
pub fn comments(plan: &Plan, warnings: &[String]) -> Vec<String> {
    let mut pages = Pages::new(title(plan));
    let (rights, items): (Vec<_>, Vec<_>) =
        reported(plan).into_iter().partition(|item| item.kind == ReportKind::RightLeftBehind);
    let has_report = !rights.is_empty() || !items.is_empty();
    if plan.is_empty() && plan.authority.is_empty() && plan.blocked.is_empty() && warnings.is_empty() && !has_report {
        return pages.done("");
    }
    authority(&mut pages, plan);
    left_behind(&mut pages, &rights);
    troubles(&mut pages, plan);
    if let Some(reason) = &plan.beyond_threshold {
        let reason = escaped(&cut(reason, LINE));
        pages.block(&format!("\n> **Beyond the threshold.** {reason} It needs `--beyond-threshold`.\n"));
    }
    pages.block(&losses(plan, COMMENT_LIMIT / 8));
    let teams = by_team(plan);
    if !teams.is_empty() {
        table(&mut pages, &teams);
    }
    let rest = rest(plan, &teams, warnings, &items, pages.room());
    pages.done(&rest)
}

/// Comments in the making.
struct Pages {
    title: String,
    done: Vec<String>,
    page: String,
}

impl Pages {
    fn new(title: String) -> Self {
        Self { page: title.clone(), title, done: Vec::new() }
    }

    /// Adds lines that stay together, in a new comment if this one has no room.
    fn block(&mut self, lines: &str) {
        self.under("", lines);
    }

    /// Adds lines below a heading, which is repeated when a new comment begins.
    fn under(&mut self, heading: &str, lines: &str) {
        if self.page.len() + lines.len() > COMMENT_LIMIT - EDGES {
            self.done.push(std::mem::replace(&mut self.page, self.title.clone()));
            self.page.push_str(heading);
        }
        self.page.push_str(lines);
    }

    /// Returns the bytes for all that may be left out. Without enough of them, a new comment begins.
    fn room(&mut self) -> usize {
        if self.page.len() > COMMENT_LIMIT / 2 {
            self.done.push(std::mem::replace(&mut self.page, self.title.clone()));
        }
        COMMENT_LIMIT - EDGES / 2 - self.page.len()
    }

    fn done(mut self, rest: &str) -> Vec<String> {
        self.page.push_str(rest);
        self.done.push(self.page);
        let all = self.done.len();
        if all > 1 {
            for (index, page) in self.done.iter_mut().enumerate() {
                page.insert_str(0, &format!("<!-- weir: part {} of {all} -->\n", index + 1));
            }
        }
        self.done
    }
}

fn title(plan: &Plan) -> String {
    if plan.is_empty() {
        return format!("**weir:** {}\n", escaped(&cut(&nothing(plan), VALUE)));
    }
    format!("### weir: stage {}: {}\n", escaped(&cut(&plan.stage, VALUE)), Counts::of(&plan.steps).sentence())
}

/// Adds the head: everything that moves authority.
fn authority(pages: &mut Pages, plan: &Plan) {
    if plan.authority.is_empty() {
        return;
    }
    pages.block(&format!("\n#### Authority: {}\n", head::counts(plan)));
    for (heading, items) in head::by_kind(plan) {
        let heading = format!("\n**{heading}**\n\n");
        whole(pages, &heading, items.into_iter().map(head::line));
    }
}

/// Adds the rights that are left behind. Like the head, they are never shortened.
fn left_behind(pages: &mut Pages, rights: &[ReportItem]) {
    let heading = format!("\n#### Rights left behind: {}\n\n", rights.len());
    whole(pages, &heading, rights.iter().map(|item| format!("{}: {}", item.object, item.message)));
}

/// Adds a list below its heading, none of it left out.
fn whole(pages: &mut Pages, heading: &str, items: impl Iterator<Item = String>) {
    let mut first = true;
    for line in items.flat_map(|item| item_lines(&item)) {
        if std::mem::take(&mut first) {
            pages.block(&format!("{heading}{line}"));
        } else {
            pages.under(heading, &line);
        }
    }
}

/// Returns an item as a line of a list. An item is never shortened: a very long one goes on in lines below.
fn item_lines(item: &str) -> Vec<String> {
    let characters: Vec<char> = item.chars().collect();
    let lines = characters.chunks(HEAD_LINE).enumerate().map(|(index, line)| {
        let begin = if index == 0 { "-" } else { " " };
        format!("{begin} {}\n", escaped(&line.iter().collect::<String>()))
    });
    lines.collect()
}

type Team<'a> = (Option<&'a str>, Vec<&'a Step>);

/// Adds the exact numbers of steps by team and risk.
fn table(pages: &mut Pages, teams: &[Team<'_>]) {
    let heading = "\n| team | add | change | delete | steps by risk |\n| --- | ---: | ---: | ---: | --- |\n";
    let mut first = true;
    for (team, steps) in teams {
        let Counts { add, change, delete, risk: _ } = Counts::of(steps.iter().copied());
        let row = format!("| {} | {add} | {change} | {delete} | {} |\n", named(*team), by_risk(steps.iter().copied()));
        if std::mem::take(&mut first) {
            pages.block(&format!("{heading}{row}"));
        } else {
            pages.under(heading, &row);
        }
    }
}

fn named(team: Option<&str>) -> String {
    escaped(&cut(team_name(team), VALUE))
}

/// `2 data-loss, 1 additive`: the highest risk first.
fn by_risk<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
    let mut risks = BTreeMap::<Risk, usize>::new();
    for step in steps {
        *risks.entry(step.risk).or_default() += 1;
    }
    risks.into_iter().rev().map(|(risk, number)| format!("{number} {risk}")).collect::<Vec<_>>().join(", ")
}

/// Returns everything below the table, in at most `room` bytes.
fn rest(plan: &Plan, teams: &[Team<'_>], warnings: &[String], items: &[ReportItem], room: usize) -> String {
    let warnings = findings(warnings, room / 8);
    let access = access(plan, room / 4);
    let report = report(items, room / 8);
    let end = end(plan);
    let used = warnings.len() + access.len() + report.len() + end.len();
    let steps = steps(teams, room.saturating_sub(used));
    [warnings, steps, access, report, end].concat()
}

fn end(plan: &Plan) -> String {
    let shown = |text: &str| escaped(&cut(text, 80));
    let commit = plan.commit.as_ref().map(|commit| format!(", commit {}", shown(commit))).unwrap_or_default();
    let approval = if plan.approval_required { " This stage needs an approval." } else { "" };
    let (cluster, id, digest) = (shown(&plan.cluster), shown(&plan.cluster_id), shown(&plan.digest.0));
    format!("\n<sub>Cluster {cluster} ({id}){commit}. Digest {digest}.{approval}</sub>\n")
}

/// Adds the objects in trouble.
fn troubles(pages: &mut Pages, plan: &Plan) {
    if plan.blocked.is_empty() {
        return;
    }
    let heading = "\n> **Blocked: the plan leaves these alone.**\n>\n";
    let lines = blocked(&plan.blocked).map(|line| format!("> - {}", escaped(&cut(&line, LINE))));
    let room = COMMENT_LIMIT / 8 - heading.len();
    pages.block(&format!("{heading}{}", limited(lines, plan.blocked.len(), "> - ", room)));
}

/// Returns the warning about losses; empty without such steps.
fn losses(plan: &Plan, room: usize) -> String {
    let is_loss = |risk: Risk| match risk {
        Risk::Revoke | Risk::Destroy | Risk::DataLoss => true,
        Risk::Additive | Risk::Shared | Risk::PlatformWide | Risk::Change | Risk::Escalation => false,
    };
    let mut worst: Vec<&Step> = plan.steps.iter().filter(|step| is_loss(step.risk)).collect();
    if worst.is_empty() {
        return String::new();
    }
    worst.sort_by_key(|step| std::cmp::Reverse(step.risk));
    let what =
        if worst.iter().any(|step| step.risk >= Risk::Destroy) { "Data or objects are lost" } else { "Access is lost" };
    let heading = format!("\n> **Warning: {what}.**\n>\n");
    let lines = worst.iter().map(|step| {
        let meaning =
            step.meaning.first().map(|meaning| format!(": {}", escaped(&cut(meaning, LINE)))).unwrap_or_default();
        format!("> - {} ({}){meaning}", escaped(&cut(&headline(&step.change), LINE)), step.risk)
    });
    heading.clone() + &limited(lines, worst.len(), "> - ", room.saturating_sub(heading.len()))
}

/// Returns the findings about the files.
fn findings(warnings: &[String], room: usize) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let heading = format!("\n<details><summary>Findings about the files: {}</summary>\n\n", warnings.len());
    folded(&heading, warnings.iter().map(|warning| format!("- {}", escaped(&cut(warning, LINE)))), warnings.len(), room)
}

fn report(items: &[ReportItem], room: usize) -> String {
    if items.is_empty() {
        return String::new();
    }
    let heading = format!("\n<details><summary>Left as it is: {}</summary>\n\n", items.len());
    let lines = items
        .iter()
        .map(|item| format!("- {}: {}", escaped(&cut(&item.object, LINE)), escaped(&cut(&item.message, LINE))));
    folded(&heading, lines, items.len(), room)
}

fn folded(heading: &str, lines: impl Iterator<Item = String>, all: usize, room: usize) -> String {
    const END: &str = "\n</details>\n";
    format!("{heading}{}{END}", limited(lines, all, "- ", room.saturating_sub(heading.len() + END.len())))
}

/// Returns the lines that fit, and the number of the others.
fn limited(lines: impl Iterator<Item = String>, all: usize, begin: &str, room: usize) -> String {
    let more = |number: usize| format!("{begin}… and {number} more; {ELSEWHERE}\n");
    let room = room.saturating_sub(more(all).len());
    let mut out = String::new();
    let mut shown = 0;
    for line in lines.take(MOST_LINES) {
        if out.len() + line.len() + 1 > room {
            break;
        }
        out.push_str(&line);
        out.push('\n');
        shown += 1;
    }
    if shown < all {
        out.push_str(&more(all - shown));
    }
    out
}

/// The lines of a step or of an account: the first, and those below.
struct Lines {
    headline: String,
    below: String,
    /// The line in place of those below, when they do not fit.
    omitted: String,
}

impl Lines {
    fn new(headline: String, below: String) -> Self {
        let mut omitted = String::new();
        if !below.is_empty() {
            omitted = format!("      … {}; {ELSEWHERE}\n", count(below.lines().count(), "line"));
        }
        Self { headline, below, omitted }
    }

    fn of_step(step: &Step) -> Self {
        // A diff colours `!`, not `~`.
        let symbol = match verb(&step.change) {
            Verb::Create => '+',
            Verb::Update => '!',
            Verb::Delete => '-',
        };
        let headline = format!("{symbol} {}  [{}]\n", fenced(&cut(&headline(&step.change), LINE)), step.risk);
        let details = details(step, VALUE);
        let shown = details.iter().take(DETAILS).map(|detail| format!("      {}\n", fenced(&cut(detail, LINE))));
        let mut below: String = shown.collect();
        if details.len() > DETAILS {
            below.push_str(&format!("      … and {} more lines; {ELSEWHERE}\n", details.len() - DETAILS));
        }
        Self::new(headline, below)
    }

    fn of_access(change: &AccessChange) -> Self {
        let AccessChange { principal, gains, loses, everybody } = change;
        let principal = fenced(&cut(principal, LINE));
        if gains.is_empty() && loses.is_empty() && everybody.is_empty() {
            return Self::new(format!("  {principal}: the same as before\n"), String::new());
        }
        let mut below = String::new();
        for (symbol, rights) in [("+ ", gains), ("- ", loses), ("  every user may, by bindings of User:*: ", everybody)]
        {
            for right in rights.iter().take(MOST_LINES) {
                below.push_str(&format!("{symbol}{}\n", fenced(&cut(right, LINE))));
            }
            if rights.len() > MOST_LINES {
                below.push_str(&format!("{symbol}… and {} more; {ELSEWHERE}\n", rights.len() - MOST_LINES));
            }
        }
        Self::new(format!("  {principal}\n"), below)
    }

    /// Returns the bytes without the lines below the first.
    fn least(&self) -> usize {
        self.headline.len() + self.below.len().min(self.omitted.len())
    }

    fn all(&self) -> usize {
        self.headline.len() + self.below.len()
    }

    /// Returns those that fit into `room`, and their number: first lines before the lines below them.
    fn fitting(all: &[Self], mut room: usize) -> (String, usize) {
        let mut number = 0;
        for lines in all {
            let Some(left) = room.checked_sub(lines.least()) else { break };
            (room, number) = (left, number + 1);
        }
        let mut out = String::new();
        for lines in &all[..number] {
            out.push_str(&lines.headline);
            let more = lines.all() - lines.least();
            if more <= room {
                room -= more;
                out.push_str(&lines.below);
            } else {
                out.push_str(&lines.omitted);
            }
        }
        (out, number)
    }
}

/// A team's steps in the making.
struct Section<'a> {
    heading: String,
    /// Grants first.
    steps: Vec<&'a Step>,
    lines: Vec<Lines>,
    /// The bytes that the section may have beside heading and end.
    room: usize,
}

impl<'a> Section<'a> {
    const BEGIN: &'static str = "\n```diff\n";
    const END: &'static str = "```\n\n</details>\n";
    /// The bytes of the line that counts the steps left out, at most.
    const MORE: usize = 300;

    fn of((team, steps): &Team<'a>) -> Self {
        let counts = Counts::of(steps.iter().copied());
        let heading = format!("\n<details><summary><b>{}</b>: {}</summary>\n", named(*team), counts.sentence());
        let mut steps = steps.clone();
        steps.sort_by_key(|step| !matches!(step.change, Change::CreateAcl { .. } | Change::DeleteAcl { .. }));
        // More lines than a whole comment has are of no use.
        let mut length = 0;
        let lines = steps
            .iter()
            .map(|step| Lines::of_step(step))
            .take_while(|lines| {
                length += lines.least();
                length <= COMMENT_LIMIT
            })
            .collect();
        Self { heading, steps, lines, room: 0 }
    }

    fn edges(&self) -> usize {
        self.heading.len() + Self::BEGIN.len() + Self::END.len() + Self::MORE
    }

    fn wish(&self) -> usize {
        self.lines.iter().map(Lines::all).sum()
    }

    fn shown(&self) -> String {
        let (shown, number) = Lines::fitting(&self.lines, self.room);
        let mut out = [&self.heading, Self::BEGIN, &shown].concat();
        let left = &self.steps[number..];
        if !left.is_empty() {
            let risks = by_risk(left.iter().copied());
            out.push_str(&format!("  … and {} ({risks}); {ELSEWHERE}\n", count(left.len(), "more step")));
        }
        out.push_str(Self::END);
        out
    }
}

/// Returns the steps by team in at most `room` bytes: each team has its section, and a fair share of the bytes.
fn steps(teams: &[Team<'_>], room: usize) -> String {
    let mut sections: Vec<Section<'_>> = teams.iter().map(Section::of).collect();
    let edges: usize = sections.iter().map(Section::edges).sum();
    let Some(mut room) = room.checked_sub(edges) else {
        return match teams.len() {
            0 => String::new(),
            _ => format!("\nThe steps are too many for a comment: the table counts them, {ELSEWHERE}.\n"),
        };
    };
    // A team that needs less than its share leaves the rest to the others.
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by_key(|index| sections[*index].wish());
    let mut waiting = order.len();
    for index in order {
        let section = &mut sections[index];
        section.room = section.wish().min(room / waiting);
        room -= section.room;
        waiting -= 1;
    }
    sections.iter().map(Section::shown).collect()
}

fn access(plan: &Plan, room: usize) -> String {
    const BEGIN: &str = "\n```diff\n";
    const END: &str = "```\n\n</details>\n";
    if plan.access.is_empty() {
        return String::new();
    }
    let all = plan.access.len();
    let heading = format!("\n<details><summary>Effective access: {}</summary>\n", count(all, "account"));
    let more = |number: usize| format!("  … and {}; {ELSEWHERE}\n", count(number, "more account"));
    let room = room.saturating_sub(heading.len() + BEGIN.len() + END.len() + more(all).len());
    // More lines than a whole comment has are of no use.
    let mut length = 0;
    let lines = plan.access.iter().map(Lines::of_access).take_while(|lines| {
        length += lines.least();
        length <= COMMENT_LIMIT
    });
    let (mut shown, number) = Lines::fitting(&lines.collect::<Vec<_>>(), room);
    if number < all {
        shown.push_str(&more(all - number));
    }
    [&heading, BEGIN, &shown, END].concat()
}
