use jiff::Timestamp;

use super::deploy::{Consent, Output, Planes, ReceiptFormat, Request, deploy};
use crate::{
    DeployedFlag, Exit, SignFlag, Stop, Terminal, WorkspaceFlag,
    checked::read_and_check,
    confirm,
    plans::{PlanFormat, look, make, print_plan},
    print, say,
};

/// Checks the files, plans a stage, shows the plan, asks, and deploys it
///
/// For your own machine, and for stages that need no approval. Pipelines use weir-validate, weir-plan and
/// weir-deploy, with the plan between them.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The stage
    #[arg(long, value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    #[command(flatten)]
    deployed: DeployedFlag,
    /// Deploy without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    sign: SignFlag,
    #[command(flatten)]
    terminal: Terminal,
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let Args { stage, workspace, deployed, yes, mut consent, output, sign, terminal } = args;
    terminal.apply();
    let dir = workspace.find()?;
    let checked = read_and_check(&dir, Some(&stage), Timestamp::now(), terminal)?;
    let mut made =
        make(checked, &stage, deployed.revision(), &[], |accepted, desired| look(accepted, desired, terminal))?;
    let signer = made.sign(&sign, &stage)?;
    let (Some(plan), Ok(accepted)) = (made.print(PlanFormat::Text), made.checked.accept()) else {
        return Ok(Exit::Refused);
    };
    print_plan(plan, &[], PlanFormat::Text);
    if plan.is_empty() {
        return Ok(if plan.blocked.is_empty() { Exit::Fine } else { Exit::Blocked });
    }
    // A plan that will be refused needs no question.
    let refused =
        plan.max_risk() > Some(consent.max_risk) || plan.beyond_threshold.is_some() && !consent.beyond_threshold;
    if !yes && !refused {
        match confirm(&format!("\nDeploy this plan to stage {stage}? Only `yes` does: ")) {
            // The answer approves the plan that was shown.
            Some(true) => consent.digest = consent.digest.or(Some(plan.digest.clone())),
            Some(false) => {
                say("nothing was done\n");
                return Ok(Exit::Refused);
            }
            None => {
                return Err(Stop::refused("this plan needs a confirmation, and there is no terminal to ask on")
                    .help("deploy it without a question: --yes")
                    .into());
            }
        }
    }
    print("\n");
    let planes = Planes::default();
    deploy(accepted, plan, signer, Request { consent, output, planes, format: ReceiptFormat::Text, terminal })
}
