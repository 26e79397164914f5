use weir_cli::{Exit, Stop, Terminal, WorkspaceFlag, clap, print};
use weir_connect::read_workspace;
use weir_findings::{
    RulePage,
    render::{inert_line, inert_lines},
};
use weir_policy::{PolicyPage, StarterPolicy};

/// Explains a rule or a policy: what it wants, why, what to write, how to silence it
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The rule's id or the policy's name, as printed in brackets; left out: all of them, with a line each
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    #[command(flatten)]
    terminal: Terminal,
}

/// The pages of all rules, by id: of form, of meaning, of plans, and about policies and waivers.
pub fn rule_pages() -> Vec<&'static RulePage<'static>> {
    let mut pages: Vec<_> = weir_connect::rule_pages()
        .iter()
        .chain(weir_validation::pages())
        .chain(weir_planning::RULES)
        .chain(weir_policy::RULES)
        .collect();
    pages.sort_by_key(|page| page.id);
    pages
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let pages = rule_pages();
    let policies = policies(&args.workspace)?;
    match &args.rule {
        None => {
            let rules = pages.iter().map(|page| (page.id, page.title));
            let own = policies.iter().map(|policy| (policy.name(), policy.description()));
            let line = |(id, title)| inert_line(&format!("{id:<32}  {title}")).into_owned() + "\n";
            print(&rules.chain(own).map(line).collect::<String>());
        }
        Some(rule) => {
            // The organisation's own first: it may have a policy of the starter pack's name.
            if let Some(policy) = policies.iter().find(|policy| policy.name() == rule) {
                print(&inert_lines(&policy.markdown()));
            } else if let Some(page) = pages.iter().find(|page| page.id == rule) {
                print(&page.markdown());
            } else {
                let ids = pages.iter().map(|page| page.id).chain(policies.iter().map(|policy| policy.name()));
                let near = ids
                    .map(|id| (strsim::jaro_winkler(id, rule), id))
                    .max_by(|a, b| a.0.total_cmp(&b.0))
                    .filter(|(likeness, _)| *likeness > 0.8);
                return Err(Stop::usage(format!("there is no rule `{rule}`"))
                    .help(match near {
                        Some((_, id)) => format!("did you mean `{id}`?"),
                        None => "weir-validate explain lists them all".to_owned(),
                    })
                    .into());
            }
        }
    }
    Ok(Exit::Fine)
}

/// The policies of the workspace, and those of the starter pack, whether chosen or not.
fn policies(flag: &WorkspaceFlag) -> anyhow::Result<Vec<PolicyPage>> {
    // Without a workspace there are still the rules of weir itself.
    let dir = match flag.find() {
        Ok(dir) => Some(dir),
        Err(_) if flag.workspace.is_none() => None,
        Err(stop) => return Err(stop.into()),
    };
    let workspace = dir.map(|dir| read_workspace(&dir)).transpose()?.and_then(|read| read.loaded.workspace);
    let mut pages = workspace.as_ref().map(weir_policy::pages).unwrap_or_default();
    for StarterPolicy { name, description, spec, .. } in weir_policy::starter_pack() {
        if pages.iter().all(|page| page.name() != name) {
            pages.push(PolicyPage::new(name, description, spec));
        }
    }
    Ok(pages)
}
