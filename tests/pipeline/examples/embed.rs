//! weir as a library: reads a folder, checks it, plans a stage. Give the folder, or run it in the repository.
#![expect(clippy::print_stdout, reason = "an example prints what it finds")]
use jiff::Timestamp;
use weir_findings::render::concise;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).unwrap_or("fixtures/quickstart".into());
    let checked = weir_pipeline::read(dir.as_ref())?.check(Some("dev"), Timestamp::now())?;
    print!("{}", concise(&checked.findings, &checked.loaded.sources));
    // An error among the findings ends here: there is no plan without a valid workspace.
    let workspace = checked.accept()?;

    // Reads the stage's cluster and vaults, and changes nothing.
    let planned = workspace.plan("dev").await?;
    print!("{}", concise(&planned.findings, &checked.loaded.sources));
    for step in planned.accept()?.steps {
        println!("{} [{}]", step.id, step.risk);
    }
    Ok(())
}
