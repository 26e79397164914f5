//! One measurement, in the process that is measured.

use std::{fs, hint::black_box, path::Path, time::Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use granit_parser::{Options, Parser, options};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use weir_planning::{Observed, PlanOptions, desired, plan};
use weir_policy::{Policies, check};

use crate::{policies, state, written};

/// The work that is measured. Files are read before the clock starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// The YAML library's events of all files, one after the other: the lower bound for any reader.
    Parse,
    /// From texts to entities.
    Load,
    /// From texts to entities and findings, loading included.
    Validate,
    /// From entities to a plan, for a cluster with few differences from the files.
    PlanFew,
    /// From entities to a plan, for a cluster on which every topic and every account differs a little from the files.
    PlanChange,
    /// From entities to a plan, for an empty cluster.
    PlanAll,
    /// Thirty expressions on each topic in each stage, evaluated by the `cel` crate over prepared values: practically
    /// the lower bound for any check of policies.
    PoliciesBare,
    /// The same expressions as policies.
    Policies,
}

impl Work {
    pub(crate) const ALL: [Work; 8] = [
        Work::Parse,
        Work::Load,
        Work::Validate,
        Work::PlanFew,
        Work::PlanChange,
        Work::PlanAll,
        Work::PoliciesBare,
        Work::Policies,
    ];

    /// Returns the work to compare with.
    pub(crate) fn floor(self) -> Work {
        match self {
            Work::PoliciesBare | Work::Policies => Work::PoliciesBare,
            _ => Work::Parse,
        }
    }

    /// Returns the name for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Work::Parse => "bare parse",
            Work::Load => "load",
            Work::Validate => "load + validate",
            Work::PlanFew => "plan, few changes",
            Work::PlanChange => "plan, everything changes",
            Work::PlanAll => "plan, empty cluster",
            Work::PoliciesBare => "30 bare expressions",
            Work::Policies => "30 policies",
        }
    }

    /// Returns the name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Result of one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// Wall time in seconds.
    pub(crate) wall: f64,
    /// Processor time of all processors together, in seconds.
    pub(crate) cpu: f64,
    /// Peak of the process's resident memory in bytes, from its start; 0 if the system does not report it.
    pub(crate) peak: u64,
    /// Size of the YAML files in bytes.
    pub(crate) bytes: u64,
    /// Number of events, entities, findings or steps: proof that the work was done.
    pub(crate) counted: usize,
    /// Number of ACL bindings that the files declare for the stage; 0 if unknown.
    pub(crate) acls: usize,
}

/// The stage to plan: the last one, which has overlays.
const STAGE: &str = "prod";

/// Measures `work` on the workspace in `dir`.
///
/// # Errors
/// If the workspace cannot be read or has findings, because the measurement would then be of other work.
pub(crate) fn measure(work: Work, dir: &Path) -> Result<Taken> {
    let files = written::read(dir)?;
    let bytes = files.iter().map(|(_, text)| text.len() as u64).sum();
    let (clock, counted, acls) = match work {
        Work::Parse => {
            let clock = Clock::start();
            let counted = files.iter().map(|(_, text)| parse(text)).sum::<Result<usize>>()?;
            (clock.stop(), counted, 0)
        }
        Work::Load => {
            let clock = Clock::start();
            let loaded = weir_model::load(files);
            let clock = clock.stop();
            let workspace = loaded.workspace.as_ref().context("the workspace cannot be read")?;
            (clock, workspace.topics.len() + workspace.service_accounts.len() + workspace.access_control_lists.len(), 0)
        }
        Work::Validate => {
            let clock = Clock::start();
            let loaded = weir_model::load(files);
            let findings = weir_validation::validate(&loaded, None, None)?;
            let clock = clock.stop();
            if let Some(finding) = findings.first() {
                bail!("{} findings, the first: {}", findings.len(), finding.message);
            }
            black_box(&loaded);
            (clock, findings.len(), 0)
        }
        Work::PlanFew | Work::PlanChange | Work::PlanAll => {
            let loaded = weir_model::load(files);
            let workspace = loaded.workspace.as_ref().context("the workspace cannot be read")?;
            let view = || workspace.stage(STAGE);
            let now: Timestamp = state::NOW.parse()?;
            let observed = match work {
                Work::PlanFew => state::nearly(&desired(&view()?, now), 500, now),
                Work::PlanChange => state::nearly(&desired(&view()?, now), 1, now),
                _ => Observed { cluster: state::cluster(STAGE), ..Observed::default() },
            };
            let clock = Clock::start();
            let desired = desired(&view()?, now);
            let outcome = plan(&desired, &observed, &PlanOptions { now, commit: None });
            let clock = clock.stop();
            let acls = desired.accounts.values().map(|account| account.acls.len()).sum();
            match outcome.accept() {
                Ok(plan) => (clock, plan.steps.len(), acls),
                Err(findings) => bail!("no plan: {}", findings.first().map_or("", |finding| &finding.message)),
            }
        }
        Work::PoliciesBare => {
            let loaded = weir_model::load(files);
            let mut sum = (0.0, 0.0);
            let counted = policies::bare(&loaded, Clock::start, |clock| {
                let (wall, cpu) = clock.stop();
                sum = (sum.0 + wall, sum.1 + cpu);
            })?;
            (sum, counted, 0)
        }
        Work::Policies => {
            let mut files = files;
            files.push(("policies.yaml".to_owned(), policies::file()));
            let loaded = weir_model::load(files);
            let workspace = loaded.workspace.as_ref().context("the workspace cannot be read")?;
            let now: Timestamp = state::NOW.parse()?;
            let clock = Clock::start();
            let (compiled, mut findings) = Policies::compile(workspace);
            findings.extend(check(&compiled, workspace, None, now));
            let clock = clock.stop();
            if let Some(finding) = findings.first() {
                bail!("{} findings, the first: {}", findings.len(), finding.message);
            }
            (clock, workspace.topics.len(), 0)
        }
    };
    let (wall, cpu) = clock;
    Ok(Taken { wall, cpu, peak: peak(), bytes, counted, acls })
}

/// Counts the events of a text.
fn parse(text: &str) -> Result<usize> {
    let options: Options = options! { emit_comments: false };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut events = 0;
    while let Some(event) = parser.next_event() {
        let (event, span) = event?;
        black_box((&event, span));
        events += 1;
    }
    Ok(events)
}

struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu() }
    }

    /// Returns wall time and processor time in seconds since the start.
    fn stop(self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), cpu() - self.cpu)
    }
}

/// Returns the processor time of this process in seconds, in steps of 10 ms; 0 if the system does not report it.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program is in parentheses and may contain spaces; utime and stime are the 12th and 13th field
    // after it.
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Returns the peak of resident memory in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}
