//! From checked files to a plan on the terminal.

use anyhow::Context;
use weir_findings::{
    Finding, closest,
    render::{concise, json},
    sort,
};
use weir_pipeline::{Accepted, Checked, Live, OpenError, PlanError, RevisionError, Signer, UnknownTeam, observe};
use weir_planning::{Desired, Observed, Plan, render};
use weir_ports::ErrorKind;

use crate::{Exit, SignFlag, Stop, Terminal, block_on, findings::print_findings, print, print_json, say, style};

/// The format of a plan on stdout.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlanFormat {
    /// For people
    #[default]
    Text,
    /// For a pull request
    Markdown,
    /// For programs: the plan as --out writes it, or the findings if there is no plan; see the `format` field
    Json,
}

/// Prints a plan to stdout; `warnings` are the findings about its files, one line each.
pub(crate) fn print_plan(plan: &Plan, warnings: &[String], format: PlanFormat) {
    match format {
        PlanFormat::Text => print(&render::text(plan, style(false).color)),
        PlanFormat::Markdown => print(&render::comments(plan, warnings).join("\n")),
        PlanFormat::Json => print_json(plan.to_json()),
    }
}

/// A check and, unless it found errors, a plan.
pub(crate) struct Made {
    pub(crate) checked: Checked,
    /// The findings of the check and of the planner, sorted.
    pub(crate) findings: Vec<Finding>,
    /// The plan; absent when there are errors.
    pub(crate) plan: Option<Plan>,
}

/// Plans `stage` from what `observe` reads, unless the check found errors. The head of the plan also shows changes of
/// authority since the git revision `deployed`. The plan leaves the teams in `held` alone.
pub(crate) fn make(
    checked: Checked,
    stage: &str,
    deployed: Option<&str>,
    held: &[String],
    observe: impl FnOnce(Accepted<'_>, &Desired) -> anyhow::Result<Observed>,
) -> anyhow::Result<Made> {
    let mut findings = checked.findings.clone();
    let Ok(accepted) = checked.accept() else { return Ok(Made { checked, findings, plan: None }) };
    let desired = accepted.desired(stage)?;
    let moved = deployed.map(|revision| accepted.moved_since(stage, revision)).transpose().map_err(not_there)?;
    let held = accepted.held(held).map_err(unknown_team)?;
    let observed = observe(accepted, &desired)?;
    let planned = accepted.plan_from(&desired, &observed, &held).map_err(|err| match err {
        PlanError::OtherStage { .. } => Stop::usage(err.to_string())
            .help(format!("write the state of this stage with: weir-plan observe --stage {stage} --out FILE"))
            .into(),
        err => anyhow::Error::from(err),
    })?;
    findings.extend(planned.findings.iter().cloned());
    sort(&mut findings, &checked.loaded.sources);
    let plan = planned.accept().ok().map(|plan| match moved {
        Some(moved) => plan.headed(moved),
        None => plan,
    });
    Ok(Made { checked, findings, plan })
}

/// Returns the error for a wrong `--hold-team`.
fn unknown_team(err: UnknownTeam) -> Stop {
    let near = closest(&err.asked, err.known.iter().map(String::as_str));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the teams are {}", err.known.join(", ")),
    };
    Stop::usage(err.to_string()).help(help)
}

/// Returns the error for a revision whose files cannot be compared.
pub(crate) fn not_there(err: RevisionError) -> anyhow::Error {
    match err {
        RevisionError::Stage(err) => err.into(),
        err => Stop::usage(format!("{:#}", anyhow::Error::from(err)))
            .help("name the commit of the plan that was deployed last")
            .into(),
    }
}

impl Made {
    /// Signs the plan, if there is one and the flag names a key. Returns the key.
    pub(crate) fn sign(&mut self, flag: &SignFlag, stage: &str) -> anyhow::Result<Option<Signer>> {
        let (Some(plan), Ok(accepted)) = (&mut self.plan, self.checked.accept()) else { return Ok(None) };
        let signer = flag.signer(accepted, stage)?;
        if let Some(signer) = &signer {
            signer.sign_plan(plan);
        }
        Ok(signer)
    }

    /// Prints the findings; returns the plan if there is one.
    pub(crate) fn print(&self, format: PlanFormat) -> Option<&Plan> {
        let (findings, sources) = (&self.findings, &self.checked.loaded.sources);
        match (&self.plan, format) {
            // Without a plan the findings are the data.
            (None, PlanFormat::Json) => print_json(json(findings, sources)),
            _ if findings.is_empty() => {}
            _ => print_findings(findings, sources, false),
        }
        self.plan.as_ref()
    }

    /// Returns the findings, one line each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        concise(&self.findings, &self.checked.loaded.sources).lines().map(str::to_owned).collect()
    }
}

/// Observes a stage's cluster and vaults, as far as `wanted` needs.
pub(crate) fn look(accepted: Accepted<'_>, wanted: &Desired, terminal: Terminal) -> anyhow::Result<Observed> {
    let stage = &wanted.stage;
    block_on(async {
        let live = accepted.open(stage).await.map_err(|err| unreachable(err, stage))?;
        let observed = observe(&live, wanted).await;
        say_requests(&live, terminal);
        observed.with_context(|| format!("failed to observe stage `{stage}`"))
    })?
}

/// With `--verbose`, prints the number of requests.
pub(crate) fn say_requests(live: &Live, terminal: Terminal) {
    let asked = live.cluster.request_counts();
    if terminal.verbose && !asked.is_empty() {
        say(&format!("{asked}\n"));
    }
}

/// Adds the advice to plan from a file to the error of a cluster that cannot be reached.
fn unreachable(err: OpenError, stage: &str) -> anyhow::Error {
    match err {
        // The state of another cluster does not help.
        OpenError::Port { ref source, .. } if source.kind == ErrorKind::WrongCluster => err.into(),
        OpenError::Unsupported { .. } | OpenError::NoVaults { .. } | OpenError::Port { .. } => {
            Stop::new(Exit::Outside, format!("{:#}", anyhow::Error::from(err)))
                .help(format!(
                    "plan from a file that weir-plan observe wrote: weir-plan --stage {stage} --observed FILE"
                ))
                .into()
        }
        err => err.into(),
    }
}
