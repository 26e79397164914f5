//! Cost grows with the number of entities, not with its square.

/// Returns a workspace of `n` topics, accounts and lists, in which every list reaches every topic of its team by
/// pattern.
fn workspace(n: usize) -> weir_model::Loaded {
    let mut text = String::new();
    for i in 0..n {
        let team = if i % 2 == 0 { "toll" } else { "cards" };
        text.push_str(&format!(
            "---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: {team}.t{i}, team: {team}}}\n\
             spec: {{partitions: 6, config: {{retention.ms: 7d}}}}\n\
             ---\napiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: {team}-a{i}, team: {team}}}\nspec: {{}}\n\
             ---\napiVersion: weir/v1\nkind: AccessControlList\nmetadata: {{name: {team}-a{i}, team: {team}}}\n\
             spec: {{serviceAccount: {team}-a{i}, allow: [{{consume: {team}.*, group: {team}-a{i}}}, {{produce: {team}.t{i}}}]}}\n",
        ));
    }
    weir_model::load([("weir.yaml", include_str!("../base/weir.yaml").to_owned()), ("all.yaml", text)])
}

/// 20,000 topics, service accounts and lists, each list with a pattern that matches half of all topics. A walk over
/// the topics for each list would be 400 million comparisons, and take minutes.
#[test]
fn the_check_of_a_large_workspace_is_linear() {
    let loaded = workspace(20_000);
    let workspace = loaded.workspace.as_ref().unwrap();
    assert_eq!(weir_validation::check(workspace, &Default::default(), None, None).unwrap(), []);
}

/// Returns the findings about a list with rules, and a topic with settings.
fn of_toll(rules: &str, config: &str) -> Vec<weir_findings::Finding<weir_model::Route>> {
    let text = format!(
        "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: toll-a, team: toll}}\nspec: {{}}\n\
         ---\napiVersion: weir/v1\nkind: AccessControlList\nmetadata: {{name: toll-a, team: toll}}\n\
         spec:\n  serviceAccount: toll-a\n  allow: [{{consume: toll.t}}]\n  rules:\n{rules}\
         ---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: toll.t, team: toll}}\nspec:\n  config:\n{config}",
    );
    let loaded = weir_model::load([("weir.yaml", include_str!("../base/weir.yaml").to_owned()), ("all.yaml", text)]);
    let workspace = loaded.workspace.as_ref().expect("well formed");
    weir_validation::check(workspace, &Default::default(), None, None).expect("no stage is asked for")
}

/// Each rule after the first repeats it. Comparisons of each pair would be 450 million.
#[test]
fn equal_rules_are_compared_once() {
    const RULES: usize = 30_000;
    let rule = "    - {resource: topic, name: toll.t, operations: [Describe]}\n";
    let findings = of_toll(&rule.repeat(RULES), "    retention.ms: 7d\n");
    assert_eq!(findings.iter().filter(|finding| finding.rule.as_str() == "duplicate-grant").count(), RULES - 1);
}

/// A suggestion compares the unknown name with all names of settings, so only the first findings have one.
#[test]
fn thousands_of_unknown_settings_are_reported() {
    const SETTINGS: usize = 30_000;
    let config: String = (0..SETTINGS).map(|i| format!("    retention.bytez{i}.of.no.known.setting: 1\n")).collect();
    let findings = of_toll("    - {resource: topic, name: toll.t, operations: [Describe]}\n", &config);
    let unknown = findings.iter().filter(|finding| finding.rule.as_str() == "unknown-setting");
    assert_eq!(unknown.clone().count(), SETTINGS);
    assert_eq!(unknown.filter(|finding| finding.help.is_some()).count(), 1_000);
}

/// 10,000 rules of one team for all names, beside 10,000 topics of another one. Only the first finding names topics: each
/// of them would name 100.
#[test]
fn the_topics_behind_a_beginning_of_names_are_looked_for_once() {
    const RULES: usize = 10_000;
    let settings = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {local: {sandbox: {path: .weir/local}}}
  stages: [{name: dev, cluster: local}]
  ownership: {platform: platform}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: toll}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}}
";
    let topic = |n| {
        format!(
            "---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: cards.t{n}, team: cards}}\nspec: {{partitions: 1}}\n"
        )
    };
    let rule =
        |n| format!("    - {{resource: topic, name: '*', operations: [Read], host: 10.0.{}.{}}}\n", n / 250, n % 250);
    let list = "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: toll-a, team: toll}\nspec: {}\n---\napiVersion: \
                weir/v1\nkind: AccessControlList\nmetadata: {name: toll-a, team: toll}\nspec:\n  serviceAccount: toll-a\n  \
                rules:\n";
    let loaded = weir_model::load([
        ("weir.yaml", settings.to_owned()),
        ("teams/cards/kafka.yaml", (0..RULES).map(topic).collect()),
        ("teams/toll/kafka.yaml", format!("{list}{}", (0..RULES).map(rule).collect::<String>())),
    ]);
    let findings = weir_validation::validate(&loaded, None, None).unwrap();
    let refused: Vec<_> = findings.iter().filter(|finding| finding.rule.as_str() == "sharing-consent").collect();
    assert_eq!(refused.len(), RULES);
    let note = |finding: &weir_findings::Finding| finding.note.clone().unwrap_or_default();
    assert!(refused.iter().all(|finding| note(finding).starts_with("it covers 10000 declared topics of other teams")));
    assert_eq!(refused.iter().filter(|finding| note(finding).contains("`cards.t0`")).count(), 1);
}
