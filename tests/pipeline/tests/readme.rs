//! Runs the tour of the README word for word and compares the output. `cargo xtask bless` rewrites the README's blocks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

fn weir(dir: &Path, words: &str) -> String {
    let output = Command::new(pipeline::binary("weir"))
        .args(words.split(' '))
        .current_dir(dir)
        .env_clear()
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

/// Returns the fenced block behind `<!-- tested: NAME -->`, without its fences.
fn block<'a>(readme: &'a str, name: &str) -> &'a str {
    let (_, rest) = readme.split_once(&format!("<!-- tested: {name} -->\n```")).unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("```\n").unwrap().0
}

/// Runs the first command, on a copy, and compares the numbers with those in the README.
#[test]
fn the_first_command_does_what_the_readme_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains("$ cargo run -- up --workspace fixtures/cps --stage dev --yes"));
    let dir = tempfile::tempdir().unwrap();
    pipeline::copy(&root.join("fixtures/cps"), &dir.path().join("cps"));
    let up = weir(dir.path(), "up --workspace cps --stage dev --yes");
    let keys = up.lines().filter(|line| line.starts_with("+ created     create-key ")).count();
    let valid = weir(dir.path(), "validate --workspace cps");
    let number = |what: &str| valid.split(what).next().and_then(|text| text.rsplit(' ').next()).unwrap_or_default();
    for told in [
        format!("{} teams with {} topics", number(" teams"), number(" topics")),
        format!("stores {keys} API keys in vaults"),
    ] {
        let readme = readme.replace('\n', " ");
        assert!(readme.contains(&told), "the README does not say `{told}`");
    }
    let again = weir(dir.path(), "up --workspace cps --stage dev --yes");
    assert!(again.starts_with("No changes"), "{again}");
}

#[test]
fn the_readme_matches_the_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut readme = fs::read_to_string(root.join("README.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let demo = dir.path().join("demo");
    fs::create_dir(&demo).unwrap();
    for file in ["weir.yaml", "toll.yaml", "cards.yaml"] {
        fs::copy(root.join("fixtures/quickstart").join(file), demo.join(file)).unwrap();
    }
    let edit = |from: &str, to: &str| {
        let text = fs::read_to_string(demo.join("toll.yaml")).unwrap();
        assert!(text.contains(from), "the tour edits `{from}`");
        fs::write(demo.join("toll.yaml"), text.replacen(from, to, 1)).unwrap();
    };

    let up = weir(dir.path(), "up --workspace demo --stage dev --yes");
    let again = weir(dir.path(), "up --workspace demo --stage dev --yes");
    assert!(again.starts_with("No changes"), "{again}");
    edit("partitions: 3, config: {retention.ms: 1d}", "partitions: 6, config: {retention.ms: 12h}");
    let plan = weir(dir.path(), "plan --workspace demo --stage dev");
    edit("consume: cards.status.v1", "consume: cards.statsu.v1");
    let validate = weir(dir.path(), "validate --workspace demo");
    let embed = fs::read_to_string(root.join("tests/pipeline/examples/embed.rs")).unwrap();
    let embed: String =
        embed.lines().skip_while(|line| !line.starts_with("use ")).map(|line| format!("{line}\n")).collect();

    for (name, text) in [("up", up), ("plan", plan), ("validate", validate), ("embed", embed)] {
        let scrub = |text: &str| pipeline::scrub(text, &BTreeMap::new());
        let shown = block(&readme, name).to_owned();
        if scrub(&shown) != scrub(&text) {
            let block = |text: &str| {
                let language = if name == "embed" { "rust" } else { "text" };
                format!("<!-- tested: {name} -->\n```{language}\n{text}```")
            };
            readme = readme.replacen(&block(&shown), &block(&text), 1);
        }
    }
    weir_testkit::expect(root.join("README.md"), &readme);
}
