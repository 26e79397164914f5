//! weir as a library: load a workspace, validate it, plan a stage. No network, no clock.
#![expect(clippy::print_stdout, reason = "an example prints what it finds")]
use weir_planning::{ClusterFacts, Observed, PlanOptions, desired, plan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let read = |name| Ok::<_, std::io::Error>((name, std::fs::read_to_string(format!("fixtures/quickstart/{name}"))?));
    let loaded = weir_model::load([read("weir.yaml")?, read("toll.yaml")?, read("cards.yaml")?]);
    for finding in weir_validation::validate(&loaded) {
        let place = loaded.sources.position(finding.at);
        println!("{}:{}: {}", loaded.sources.file(finding.at.file).path(), place.line, finding.message);
    }
    let workspace = loaded.workspace.ok_or("no weir.yaml")?;
    let desired = desired(&workspace.stage("dev")?);

    // What `weir-plan observe --out` writes; here, an empty cluster of three brokers.
    let cluster = ClusterFacts { id: "nonprod".into(), brokers: 3, ..Default::default() };
    let observed = Observed { cluster, ..Default::default() };
    let options = PlanOptions { now: "2026-01-01T00:00:00Z".parse()?, commit: None };
    for step in plan(&desired, &observed, &options).plan.steps {
        println!("{} [{}]", step.id, step.risk);
    }
    Ok(())
}
