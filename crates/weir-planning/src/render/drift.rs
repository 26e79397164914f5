//! The differences between the files and the cluster, as text.

use weir_findings::count;
use weir_model::settings::KafkaValue;

use super::{
    plain::{escaped, plain},
    text::Paint,
    words::{WHOLE, are_blocked, blocked, details, headline},
};
use crate::{
    Change, Plan, ReportItem, ReportKind, Step,
    drift::{Cause, Difference, Drift},
};

/// The headings of differences by their cause, in the order they are shown.
const CAUSES: [(Option<Cause>, Option<&str>); 4] = [
    (None, None),
    (Some(Cause::ByHand), Some("Changed by hand")),
    (Some(Cause::Due), Some("Due, not deployed yet")),
    (Some(Cause::AskedFor), Some("Asked for in git, not deployed yet")),
];

/// Most differences of one cause in markdown: comments on pull requests have at most about 64,000 characters.
const MOST_LINES: usize = 100;

/// The differences between files and cluster, for a terminal. One line when nothing differs.
pub fn drift(drift: &Drift, colour: bool) -> String {
    let troubles: String = blocked(&drift.blocked).map(|line| format!("  blocked: {}\n", plain(&line))).collect();
    if drift.differences.is_empty() {
        return plain(&no_drift(drift)) + "\n" + &troubles;
    }
    let mut out = Paint(colour).bold(&plain(&title(drift)));
    out.push('\n');
    for (heading, differences) in by_cause(drift) {
        if let Some(heading) = heading {
            out.push_str(&format!("\n{}\n", Paint(colour).bold(heading)));
        }
        for difference in differences {
            out.push_str(&format!("  {}\n", plain(&difference.text)));
        }
    }
    out + &troubles
}

/// The differences between files and cluster as markdown, for a comment or the summary of a pipeline. One line when
/// nothing differs.
pub fn drift_markdown(drift: &Drift) -> String {
    let troubles = blocked(&drift.blocked).take(MOST_LINES).map(|line| format!("- blocked: {}\n", escaped(&line)));
    let troubles = match drift.blocked.is_empty() {
        true => String::new(),
        false => format!("\n{}", troubles.collect::<String>()),
    };
    if drift.differences.is_empty() {
        return format!("**weir:** {}\n{troubles}", escaped(&no_drift(drift)));
    }
    let mut out = format!("### weir: {}\n", escaped(&title(drift)));
    for (heading, differences) in by_cause(drift) {
        match heading {
            Some(heading) => out.push_str(&format!("\n**{heading}**\n\n")),
            None => out.push('\n'),
        }
        for difference in differences.iter().take(MOST_LINES) {
            out.push_str(&format!("- {}\n", escaped(&difference.text)));
        }
        if differences.len() > MOST_LINES {
            out.push_str(&format!("\n… and {} more; `--format json` has them all.\n", differences.len() - MOST_LINES));
        }
    }
    out + &troubles
}

fn no_drift(drift: &Drift) -> String {
    match drift.blocked.len() {
        0 => format!("No drift: stage {} is as its files say.", drift.stage),
        some => format!("No drift in what can be compared of stage {}; {}.", drift.stage, are_blocked(some)),
    }
}

fn title(drift: &Drift) -> String {
    format!("Drift in stage {}: {}", drift.stage, count(drift.differences.len(), "difference"))
}

/// The differences of each cause that has some, below its heading.
fn by_cause(drift: &Drift) -> impl Iterator<Item = (Option<&'static str>, Vec<&Difference>)> {
    let of = |cause| drift.differences.iter().filter(|difference| difference.cause == cause).collect::<Vec<_>>();
    let all = CAUSES.into_iter().map(move |(cause, heading)| (heading, of(cause)));
    all.filter(|(_, differences)| !differences.is_empty())
}

/// All differences of a plan's stage.
pub(crate) fn of_plan(plan: &Plan) -> Vec<Difference> {
    let of_step = |step: &Step| {
        let object = step.change.about().object.name().to_owned();
        differences(step).into_iter().map(move |text| Difference { object: object.clone(), text, cause: None })
    };
    let of_item = |item: &ReportItem| Difference {
        object: item.object.clone(),
        text: format!("{}: {}", item.object, item.message),
        cause: None,
    };
    // Markdown shows the first differences.
    let items = plan.report.items.iter().filter(|item| item.kind.is_drift());
    let (rights, others): (Vec<_>, Vec<_>) = items.partition(|item| item.kind == ReportKind::RightLeftBehind);
    let steps = plan.steps.iter().flat_map(of_step);
    rights.into_iter().map(of_item).chain(steps).chain(others.into_iter().map(of_item)).collect()
}

fn differences(step: &Step) -> Vec<String> {
    let what = headline(&step.change);
    match &step.change {
        Change::AdoptAccount { account, .. } => {
            vec![format!("service account {account} was not made by this workspace, and the files take it over")]
        }
        Change::CreateAccount { .. } | Change::CreateTopic { .. } => vec![format!("{what} is missing")],
        Change::UpdateAccount { account, from, to } => {
            vec![format!("service account {account} is described as “{from}”, the files say “{to}”")]
        }
        Change::AddPartitions { topic, from, to } => {
            vec![format!("topic {topic} has {from} partitions, the files say {to}")]
        }
        Change::ChangeReplicationFactor { topic, from, to } => {
            vec![format!("topic {topic} has replication factor {from}, the files say {to}")]
        }
        Change::AlterConfig { topic, settings: changes } => changes
            .iter()
            .map(|(name, change)| {
                let value = |value: &Option<KafkaValue>| {
                    value
                        .as_ref()
                        .map_or_else(|| "the cluster's default".to_owned(), |value| value.human_readable(name))
                };
                format!("topic {topic}: {name} is {}, the files say {}", value(&change.from), value(&change.to))
            })
            .collect(),
        Change::CreateAcl { .. } => vec![format!("the files say that {what}; the binding is missing")],
        Change::DeleteAcl { .. } => vec![format!("{what}, which no file says")],
        Change::CreateKey { .. } => {
            let why = details(step, WHOLE).into_iter().next().unwrap_or_default();
            vec![format!("{what}: {why}")]
        }
        Change::DeleteKey { .. } => {
            let why = details(step, WHOLE).into_iter().next().unwrap_or_default();
            vec![format!("{what} exists: {why}")]
        }
        Change::DeleteTopic { .. } | Change::DeleteAccount { .. } => {
            vec![format!("{what} exists, and must not")]
        }
    }
}
