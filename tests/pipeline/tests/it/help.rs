//! Tests that `docs/cli.md` is the text of `--help`.

use crate::{World, repository};

const COMMANDS: [&str; 17] = [
    "weir",
    "weir up",
    "weir init",
    "weir-validate",
    "weir-validate show",
    "weir-validate explain",
    "weir-validate test",
    "weir-validate schema",
    "weir-plan",
    "weir-plan observe",
    "weir-plan show",
    "weir-plan drift",
    "weir-deploy",
    "weir-entity",
    "weir-entity import",
    "weir validate",
    "weir plan drift",
];

#[test]
fn the_cli_reference_matches_help() {
    let world = World::new();
    let mut page = String::from(
        "# The command line\n\n\
         Written by `cargo xtask bless` from what `--help` says; a test fails when it differs.\n",
    );
    for line in COMMANDS {
        let output = world.command(&format!("{line} --help")).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{line}");
        let help = String::from_utf8(output.stdout).expect("UTF-8");
        for text in help.lines() {
            assert!(text.chars().count() <= 100, "`{line} --help` has a line that terminals break: {text}");
        }
        // The last two are only looked at: they are the same commands under another name.
        if line.starts_with("weir ") && !["weir up", "weir init"].contains(&line) {
            assert!(help.contains(&format!("Usage: {line}")), "{help}");
            continue;
        }
        let help: String = help.lines().map(|text| text.trim_end().to_owned() + "\n").collect();
        page.push_str(&format!("\n## {line}\n\n```text\n{}\n```\n", help.trim_end()));
    }
    weir_testkit::expect(repository().join("docs/cli.md"), &page);
}
