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

#[test]
#[expect(clippy::disallowed_methods, reason = "measures time")]
fn ten_times_the_entities_cost_about_ten_times_as_much() {
    let [small, large] = [300, 3_000].map(|n| {
        let loaded = workspace(n);
        let workspace = loaded.workspace.as_ref().unwrap();
        // The fastest of three runs, because other work on the machine only adds time.
        (0..3)
            .map(|_| {
                let start = std::time::Instant::now();
                let findings = weir_validation::check(workspace, &Default::default(), None).unwrap();
                assert_eq!(findings, []);
                start.elapsed()
            })
            .min()
            .unwrap()
    });
    println!("300: {small:?}, 3000: {large:?}");
    assert!(large < small * 60, "300: {small:?}, 3000: {large:?}");
}
