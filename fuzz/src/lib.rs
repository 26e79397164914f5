//! Fuzz targets: functions that receive hostile input.
//!
//! A target takes any bytes and panics if weir breaks a promise. `tests/corpus.rs` runs each target over its folder of
//! `corpus/` and over changed copies, as part of the tests. libFuzzer continues the search from there, for as long as
//! needed:
//!
//! ```console
//! $ cargo install cargo-fuzz
//! $ cargo +nightly fuzz run --fuzz-dir fuzz/libfuzzer workspace fuzz/corpus/workspace -- -timeout=10 -rss_limit_mb=2048
//! ```
//!
//! Each fault that it finds is repaired, and the input is kept in `corpus/`.

use jiff::Timestamp;
use weir_findings::{Finding, Sources, render};
use weir_model::Loaded;
use weir_planning::{ClusterFacts, Observed, PlanOptions, desired, plan};
use weir_policy::{Judging, check_plan, judge, plan_policies};

/// A function that takes any input.
pub type Target = fn(&[u8]);

/// All targets, with the names of their folders.
pub const TARGETS: [(&str, Target); 2] = [("workspace", workspace), ("policy", policy)];

const WORKSPACE: &str = include_str!("../base/weir.yaml");
const ENTITIES: &str = include_str!("../base/toll.yaml");

/// Reads the input as a file of a workspace: judges it with everything else, plans every stage, makes its fixes,
/// and renders its findings.
///
/// There must be no panic; each finding must lie in its file; reading the files in another order must give the same
/// findings.
pub fn workspace(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for files in [
        vec![("weir.yaml", text)],
        vec![("weir.yaml", WORKSPACE), ("teams/tried.yaml", text)],
        vec![("weir.yaml", WORKSPACE), ("teams/toll.yaml", ENTITIES), ("teams/tried.yaml", text)],
    ] {
        let loaded = weir_model::load(files.clone());
        let findings = findings_of(&loaded);
        shown(&findings, &loaded.sources);
        let again = weir_model::load(files.into_iter().rev());
        assert_eq!(findings, findings_of(&again), "another order of files gives other findings");
        planned(&loaded);
        // Each fix reads the whole workspace again, so inputs with many findings are skipped.
        if findings.len() <= 3 {
            fixed(loaded);
        }
    }
}

/// Reads the lines of the input as parts of policies: an expression, a message expression, and a pattern of names. The
/// policies are evaluated on topics, accounts, access control lists and teams, and on the steps of a plan.
///
/// There must be no panic, and the evaluation must end soon: an expression that fails or costs too much is a finding.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n').map(|line| serde_json::Value::from(line).to_string());
    let (expression, message) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_else(|| "''".to_owned()));
    let pattern = lines.next().unwrap_or_else(|| "'x'".to_owned());
    let validation = format!("validations: [{{expression: {expression}, messageExpression: {message}}}]");
    let head = "apiVersion: weir/v1\nkind: Policy\nmetadata:";
    let mut policies = String::new();
    for kind in ["Topic", "ServiceAccount", "AccessControlList", "Team", "Plan"] {
        let name = kind.to_lowercase();
        policies += &format!("---\n{head} {{name: {name}}}\nspec:\n  match: {{kinds: [{kind}]}}\n  {validation}\n");
    }
    policies += &format!(
        "---\n{head} {{name: named}}\nspec:\n  match: {{kinds: [Topic]}}\n  naming: {{pattern: '{{x}}', parts: {{x: {{pattern: {pattern}}}}}}}\n"
    );
    let loaded = weir_model::load([
        ("weir.yaml", WORKSPACE),
        ("teams/toll.yaml", ENTITIES),
        ("policies.yaml", policies.as_str()),
    ]);
    shown(&findings_of(&loaded), &loaded.sources);
    planned(&loaded);
}

/// Returns the fixed time of the tests, a Friday.
fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24)
}

/// Returns all findings of the loaded files.
fn findings_of(loaded: &Loaded) -> Vec<Finding> {
    let workspace = loaded.workspace.as_ref();
    let found = workspace.and_then(|workspace| weir_validation::check(workspace, &loaded.malformed, None, None).ok());
    let found = found.unwrap_or_default();
    let rules = weir_policy::rule_pages().iter().map(|page| page.id).collect();
    judge(loaded, found, &Judging { now: now(), stage: None, rules: &rules }).findings
}

/// Renders the findings in every format, and checks that each finding points into its file.
fn shown(findings: &[Finding], sources: &Sources) {
    for finding in findings {
        let text = sources.file(finding.at.file).text();
        let place = finding.at.start as usize..finding.at.end as usize;
        assert!(text.get(place).is_some(), "`{}` lies outside of its file: {:?}", finding.message, finding.at);
    }
    let _ = render::text(findings, sources, render::Style { color: true, width: 80 });
    let _ = render::concise(findings, sources);
    let _ = render::junit(findings, sources);
    for text in [render::github(findings, sources, ""), render::azure(findings, sources, "")] {
        let commands = text.lines().filter(|line| line.starts_with("::") || line.starts_with("##")).count();
        assert!(commands >= findings.len(), "an annotation is lost");
        assert_eq!(text.matches("##vso[").count(), text.lines().filter(|line| line.starts_with("##vso[")).count());
    }
    for json in [render::json(findings, sources), render::sarif(findings, sources, "", &[])] {
        let read = serde_json::from_str::<serde_json::Value>(&json);
        assert!(read.is_ok(), "no JSON: {read:?}");
    }
}

/// Plans every stage for an empty cluster, if the workspace could be read, and evaluates the policies on each plan.
fn planned(loaded: &Loaded) {
    let Some(workspace) = &loaded.workspace else { return };
    for view in workspace.stages() {
        let desired = desired(&view, now());
        let id = desired.cluster_id.clone().unwrap_or_default();
        let observed =
            Observed { cluster: ClusterFacts { id, brokers: 3, ..ClusterFacts::default() }, ..Observed::default() };
        let made = plan(&desired, &observed, &PlanOptions { now: now(), commit: None }).plan;
        let made = match plan_policies(loaded, &made) {
            Some(policies) => made.under(policies),
            None => made,
        };
        let _ = check_plan(&made, now());
        assert_eq!(made.verify().map_err(|e| e.to_string()), Ok(()));
    }
}

/// Makes the fixes, and checks that a second call changes nothing.
fn fixed(loaded: Loaded) {
    let once = weir_validation::fix(loaded, &Default::default(), findings_of);
    let files: Vec<(String, String)> =
        once.loaded.sources.iter().map(|(_, file)| (file.path().to_owned(), file.text().to_owned())).collect();
    let again = weir_validation::fix(weir_model::load(files), &Default::default(), findings_of);
    assert!(again.files.is_empty(), "fixing again changes more: {:?}", again.files);
}
