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
