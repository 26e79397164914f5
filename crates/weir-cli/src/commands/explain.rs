use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use weir_findings::{
    RulePage, Severity, closest,
    render::{inert_json, inert_line, inert_lines},
};
use weir_pipeline::{read, rule_pages};
use weir_policy::{PolicyPage, StarterPolicy};

use crate::{Exit, Format, Stop, Terminal, WorkspaceFlag, print, print_json};

/// The format of `--format json`.
const FORMAT: &str = "weir.rules/v1";

/// Explains a rule or a policy: its purpose, examples, and how to waive it
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The rule's id or the policy's name, as printed in brackets; without it, all are listed
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// The format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    terminal: Terminal,
}

/// Returns the JSON Schema of `weir.rules/v1`.
pub fn rules_schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Rules<'_>>()
}

/// Rules and policies, explained.
#[derive(Serialize, JsonSchema)]
struct Rules<'a> {
    /// `weir.rules/v1`.
    format: &'static str,
    /// The rule that was named, or all rules.
    rules: Vec<Rule<'a>>,
}

/// A rule or a policy.
#[derive(Serialize, JsonSchema)]
struct Rule<'a> {
    /// The rule's id, or the policy's name.
    id: &'a str,
    /// The severity of the findings; milder ones are named in `what`.
    severity: Severity,
    /// The title, in a few words.
    title: &'a str,
    /// The mistakes that the rule reports.
    what: &'a str,
    /// The reason for the rule; may be empty.
    why: &'a str,
    /// YAML that the rule reports; empty if there is no example.
    bad: &'a str,
    /// YAML to write instead; empty if there is no example.
    good: &'a str,
    /// Advice beyond the example; may be empty.
    remedy: &'a str,
    /// The way to waive the rule in one place for some time, as markdown.
    silence: String,
}

impl<'a> From<&RulePage<'a>> for Rule<'a> {
    fn from(page: &RulePage<'a>) -> Self {
        let RulePage { id, severity, waivable: _, title, what, why, bad, good, remedy } = *page;
        Self { id, severity, title, what, why, bad, good, remedy, silence: page.silence() }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let policies = policies(&args.workspace)?;
    let policies: Vec<RulePage<'_>> = policies.iter().map(PolicyPage::rule_page).collect();
    let pages: Vec<&RulePage<'_>> = rule_pages().into_iter().chain(&policies).collect();
    let Some(rule) = &args.rule else {
        match args.format {
            Format::Text => {
                let line = |page: &&RulePage<'_>| format!("{:<32}  {}", page.id, page.title);
                print(&pages.iter().map(|page| inert_line(&line(page)).into_owned() + "\n").collect::<String>());
            }
            Format::Json => print_json(json(&pages)?),
        }
        return Ok(Exit::Fine);
    };
    // The organisation's own first: one of its policies may have the name of one of the starter pack.
    let page = policies.iter().chain(pages.iter().copied()).find(|page| page.id == rule);
    let Some(page) = page else {
        return Err(Stop::usage(format!("there is no rule `{rule}`"))
            .help(match closest(rule, pages.iter().map(|page| page.id)) {
                Some(id) => format!("did you mean `{id}`?"),
                None => "list all rules with: weir-validate explain".to_owned(),
            })
            .into());
    };
    match args.format {
        Format::Text => print(&inert_lines(&page.markdown())),
        Format::Json => print_json(json(&[page])?),
    }
    Ok(Exit::Fine)
}

fn json(pages: &[&RulePage<'_>]) -> anyhow::Result<String> {
    let rules = Rules { format: FORMAT, rules: pages.iter().map(|page| Rule::from(*page)).collect() };
    Ok(inert_json(format!("{}\n", serde_json::to_string_pretty(&rules)?)))
}

/// Returns the policies of the workspace and all policies of the starter pack.
fn policies(flag: &WorkspaceFlag) -> anyhow::Result<Vec<PolicyPage>> {
    // weir's own rules need no workspace.
    let dir = match flag.find() {
        Ok(dir) => Some(dir),
        Err(_) if flag.workspace.is_none() => None,
        Err(stop) => return Err(stop.into()),
    };
    let workspace = dir.map(|dir| read(&dir)).transpose()?.and_then(|read| read.loaded.workspace);
    let mut pages = workspace.as_ref().map(weir_policy::pages).unwrap_or_default();
    for StarterPolicy { name, description, spec, .. } in weir_policy::starter_pack() {
        if pages.iter().all(|page| page.name() != name) {
            pages.push(PolicyPage::new(name, description, spec));
        }
    }
    Ok(pages)
}
