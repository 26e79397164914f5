//! From a folder and a stage to a plan.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use weir_adapters::{OpenError, commit, observe, open, read_workspace_at};
use weir_cli::{Exit, Stop, Terminal, block_on, read_argument, say};
use weir_findings::{Severity, sort};
use weir_model::Workspace;
use weir_planning::{Desired, Observed, Plan, PlanOptions, desired, plan};
use weir_policy::{check_plan, plan_policies};
use weir_ports::ErrorKind;
use weir_validate_cli::{Checked, check_at};

/// Where the observed state is from.
#[derive(Clone, Debug)]
pub enum Observation {
    /// Read from the cluster and the vaults.
    Live,
    /// Read from a file that `weir-plan observe` wrote.
    File(PathBuf),
}

/// What planning came to.
#[derive(Debug)]
pub struct Made {
    /// What was read, with the findings of validation and of the planner, sorted.
    pub checked: Checked,
    /// The plan; absent when there are errors.
    pub plan: Option<Plan>,
}

/// Checks the workspace in `dir`, observes `stage` and plans it.
///
/// # Errors
/// When the files or the cluster cannot be read, or there is no such stage.
pub fn make(
    dir: &Path,
    stage: &str,
    observation: &Observation,
    now: Option<Timestamp>,
    terminal: Terminal,
) -> anyhow::Result<Made> {
    Ok(plan_both(dir, stage, observation, None, now, terminal)?.made)
}

/// A stage's plan, and the plans of what was deployed, against the same observed state.
pub(crate) struct Compared {
    pub(crate) made: Made,
    /// For now, and for a time before anything was due. Absent when no revision was given.
    pub(crate) deployed: Option<(Plan, Plan)>,
}

/// Plans `stage` of the workspace in `dir`, and of the workspace as it was in the git revision `deployed`.
pub(crate) fn compare(
    dir: &Path,
    stage: &str,
    deployed: Option<&str>,
    now: Option<Timestamp>,
    terminal: Terminal,
) -> anyhow::Result<Compared> {
    plan_both(dir, stage, &Observation::Live, deployed, now, terminal)
}

fn plan_both(
    dir: &Path,
    stage: &str,
    observation: &Observation,
    deployed: Option<&str>,
    now: Option<Timestamp>,
    terminal: Terminal,
) -> anyhow::Result<Compared> {
    let now = now.unwrap_or_else(Timestamp::now);
    let mut checked = check_at(dir, Some(stage), now, terminal)?;
    let Some(workspace) = checked.workspace() else {
        return Ok(Compared { made: Made { checked, plan: None }, deployed: None });
    };
    let wanted = desired(&workspace.stage(stage)?);
    let before = deployed.map(|revision| desired_at(dir, stage, revision)).transpose()?;
    let options = PlanOptions { now, commit: commit(dir) };
    let seen = match observation {
        Observation::Live => look(dir, workspace, stage, &wanted, terminal)?,
        Observation::File(path) => parse_observed(path, stage)?,
    };
    let deployed = match &before {
        // What was deployed has other names: they are looked for as well.
        Some(before) => {
            let seen = look(dir, workspace, stage, before, terminal)?;
            let timeless = PlanOptions { now: Timestamp::UNIX_EPOCH, commit: None };
            Some((plan(before, &seen, &options).plan, plan(before, &seen, &timeless).plan))
        }
        None => None,
    };
    let mut outcome = plan(&wanted, &seen, &options);
    if let Some(policies) = plan_policies(&checked.loaded, &outcome.plan) {
        outcome.plan = outcome.plan.under(policies);
        outcome.findings.extend(check_plan(&outcome.plan, now));
    }
    let refused = outcome.findings.iter().any(|finding| finding.severity == Severity::Error);
    let loaded = &checked.loaded;
    checked.findings.extend(
        outcome.findings.into_iter().map(|finding| finding.locate(|route| loaded.locate_in_stage(&route, stage))),
    );
    sort(&mut checked.findings, &checked.loaded.sources);
    Ok(Compared { made: Made { checked, plan: (!refused).then_some(outcome.plan) }, deployed })
}

/// What the files asked for in the git revision `revision`.
fn desired_at(dir: &Path, stage: &str, revision: &str) -> anyhow::Result<Desired> {
    let not_there = |why: String| Stop::usage(why).help("name the commit of the plan that was deployed last");
    let loaded =
        read_workspace_at(dir, revision).map_err(|err| not_there(format!("{:#}", anyhow::Error::from(err))))?;
    let Some(workspace) = loaded.workspace.filter(|_| loaded.findings.is_empty()) else {
        return Err(not_there(format!("the workspace of `{revision}` cannot be read")).into());
    };
    Ok(desired(&workspace.stage(stage)?))
}

/// Observes a stage.
pub(crate) fn look(
    dir: &Path,
    workspace: &Workspace,
    stage: &str,
    wanted: &Desired,
    terminal: Terminal,
) -> anyhow::Result<Observed> {
    let live = open(dir, workspace, stage).map_err(|err| unreachable(err, stage))?;
    let observed = block_on(observe(&live, wanted))?;
    let asked = live.cluster.asked();
    if terminal.verbose && !asked.is_empty() {
        say(&format!("{asked}\n"));
    }
    observed.with_context(|| format!("failed to observe stage `{stage}`"))
}

/// A cluster that cannot be reached from here can still be planned for.
fn unreachable(err: OpenError, stage: &str) -> anyhow::Error {
    match err {
        // Another cluster than the one that is meant: what it holds is no help.
        OpenError::Port { ref source, .. } if source.kind == ErrorKind::WrongCluster => err.into(),
        OpenError::Unsupported { .. } | OpenError::NoVaults { .. } | OpenError::Port { .. } => {
            Stop::new(Exit::Outside, format!("{:#}", anyhow::Error::from(err)))
                .help(format!(
                    "plan from what it holds, written down before: weir-plan --stage {stage} --observed FILE"
                ))
                .into()
        }
        OpenError::Patience(_) => Stop::usage(err.to_string()).into(),
        err => err.into(),
    }
}

fn parse_observed(path: &Path, stage: &str) -> anyhow::Result<Observed> {
    let text = read_argument(path)?;
    let shown = path.display();
    let observed = Observed::from_json(&text).map_err(|why| {
        Stop::usage(format!("`{shown}` is no observed state: {why}"))
            .help("write one with: weir-plan observe --stage STAGE --out FILE")
    })?;
    match observed.stage.as_deref().filter(|other| *other != stage) {
        Some(other) => Err(Stop::usage(format!("`{shown}` was observed for stage `{other}`, not for `{stage}`"))
            .help(format!("write one with: weir-plan observe --stage {stage} --out FILE"))
            .into()),
        None => Ok(observed),
    }
}
