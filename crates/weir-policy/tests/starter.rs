//! Each folder `starter/<policy>/…` is a case in the form of `weir-validate test`, with the whole starter pack
//! chosen.

use std::{collections::BTreeSet, path::Path};

use weir_policy::{Expect, Judging, OBSERVED_FILE, Time, judge};

const WORKSPACE: &str = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: cps}
spec:
  clusters: {local: {sandbox: {path: .weir/local}}}
  stages: [{name: dev, cluster: local}, {name: test, cluster: local}, {name: prod, cluster: local, approval: required}]
  policies: {starter: true}
---
apiVersion: weir/v1
kind: Team
metadata: {name: toll, description: Tolls of the city}
";

#[expect(clippy::disallowed_methods, reason = "a case is a folder of files")]
fn case(file: &Path) -> datatest_stable::Result<()> {
    let folder = file.parent().ok_or("no folder")?;
    let expect = Expect::parse(&std::fs::read_to_string(file)?)?;
    let entities = std::fs::read_to_string(folder.join("entities.yaml"))?;
    let loaded = weir_model::load([("weir.yaml", WORKSPACE), ("entities.yaml", &entities)]);
    let now = "2026-11-22T10:00:00Z".parse()?;
    let rules = BTreeSet::new();
    let now = expect.now.map_or(now, |Time(now)| now);
    let mut found =
        judge(&loaded, Vec::new(), &Judging { now, stage: expect.stage.as_deref(), rules: &rules }).findings;
    let observed = folder.join(OBSERVED_FILE);
    if observed.is_file() {
        found.extend(expect.plan(&loaded, &std::fs::read_to_string(observed)?, now)?);
    }
    let differences = expect.differences(&loaded, &found, &rules);
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n").into()) }
}

datatest_stable::harness! {
    { test = case, root = "tests/starter", pattern = r"expect\.yaml$" },
}
