//! What differs between the files and the cluster, without saying what to do.

use weir_model::settings::KafkaValue;

use super::{
    plain::plain,
    text::Paint,
    words::{details, headline},
};
use crate::{
    Change, Plan, Step,
    drift::{Cause, Difference, Drift},
};

/// What the cluster has otherwise than the files say, for a terminal. One line when nothing differs.
pub fn drift(drift: &Drift, colour: bool) -> String {
    if drift.differences.is_empty() {
        return plain(&format!("No drift: stage {} is as its files say.", drift.stage)) + "\n";
    }
    let number = drift.differences.len();
    let noun = if number == 1 { "difference" } else { "differences" };
    let mut out = Paint(colour).bold(&plain(&format!("Drift in stage {}: {number} {noun}", drift.stage)));
    out.push('\n');
    for (cause, heading) in [
        (None, None),
        (Some(Cause::ByHand), Some("Changed by hand")),
        (Some(Cause::Due), Some("Due by now, not deployed yet")),
        (Some(Cause::AskedFor), Some("Asked for in git, not deployed yet")),
    ] {
        let mut some = drift.differences.iter().filter(|difference| difference.cause == cause).peekable();
        if let (Some(heading), Some(_)) = (heading, some.peek()) {
            out.push_str(&format!("\n{}\n", Paint(colour).bold(heading)));
        }
        for difference in some {
            out.push_str(&format!("  {}\n", plain(&difference.text)));
        }
    }
    out
}

/// All differences of a plan's stage.
pub(crate) fn of_plan(plan: &Plan) -> Vec<Difference> {
    let of_step = |step: &Step| {
        let object = step.change.about().object.name().to_owned();
        differences(step).into_iter().map(move |text| Difference { object: object.clone(), text, cause: None })
    };
    let undeclared = plan.report.items.iter().filter(|item| item.kind.is_drift()).map(|item| Difference {
        object: item.object.clone(),
        text: format!("{}: {}", item.object, item.message),
        cause: None,
    });
    plan.steps.iter().flat_map(of_step).chain(undeclared).collect()
}

fn differences(step: &Step) -> Vec<String> {
    let what = headline(&step.change);
    match &step.change {
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
            let why = details(step).into_iter().next().unwrap_or_default();
            vec![format!("{what}: {why}")]
        }
        Change::DeleteKey { .. } => {
            let why = details(step).into_iter().next().unwrap_or_default();
            vec![format!("{what} exists: {why}")]
        }
        Change::DeleteTopic { .. } | Change::DeleteAccount { .. } => {
            vec![format!("{what} exists, and shall not")]
        }
    }
}
