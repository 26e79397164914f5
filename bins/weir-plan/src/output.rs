use weir_cli::{clap, print, style};
use weir_findings::render::{inert_json, json};
use weir_planning::{Plan, render};
use weir_validate_cli::print_findings;

use crate::Made;

/// How a plan is printed.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanFormat {
    /// For people
    #[default]
    Text,
    /// For a pull request
    Markdown,
    /// For programs: what --out writes, or the findings when there is no plan; the `format` field says which
    Json,
}

/// Prints a plan to stdout.
pub fn print_plan(plan: &Plan, format: PlanFormat) {
    print(&match format {
        PlanFormat::Text => render::text(plan, style(false).color),
        PlanFormat::Markdown => render::markdown(plan),
        PlanFormat::Json => inert_json(plan.to_json()),
    });
}

/// Prints what was found; gives the plan when there is one.
pub(crate) fn print_made(made: &Made, format: PlanFormat) -> Option<&Plan> {
    let (findings, sources) = (&made.checked.findings, &made.checked.loaded.sources);
    match (&made.plan, format) {
        // Without a plan the findings are the data.
        (None, PlanFormat::Json) => print(&json(findings, sources)),
        _ if findings.is_empty() => {}
        _ => print_findings(findings, sources, false),
    }
    made.plan.as_ref()
}
