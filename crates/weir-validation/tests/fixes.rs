//! Tests each folder of `fixes`: a file before and after its fixes, and the findings that remain. A case uses
//! `base/weir.yaml`. `WEIR_BLESS=1` rewrites the expected files.

#![expect(clippy::disallowed_methods, reason = "a case is a folder of files")]

use std::{fmt::Write as _, fs, path::Path};

use weir_findings::Finding;
use weir_model::Loaded;
use weir_validation::{Fixed, fix};

const BASE: &str = include_str!("base/weir.yaml");

fn validate(loaded: &Loaded) -> Vec<Finding> {
    weir_validation::validate(loaded, None, None).expect("all stages")
}

fn load(text: &str) -> Loaded {
    weir_model::load([("case.yaml", text), ("weir.yaml", BASE)])
}

fn case(before: &Path) -> datatest_stable::Result<()> {
    let text = fs::read_to_string(before)?;
    let Fixed { files, fixed, refused, loaded, findings } = fix(load(&text), &Default::default(), validate);
    let after = files.first().map_or(text.clone(), |file| file.after.clone());
    let mut said = format!("{fixed} fixed, {refused} refused\n");
    for finding in &findings {
        let line = loaded.sources.position(finding.at).line;
        writeln!(said, "{line}: {}[{}] {}", finding.severity, finding.rule, finding.message)?;
    }
    for (name, is) in [("after.yaml", after.clone()), ("left.txt", said)] {
        weir_testkit::expect(before.with_file_name(name), &is);
    }
    // A second call changes nothing, and no comment is lost.
    let again = fix(load(&after), &Default::default(), validate);
    assert_eq!((again.files.len(), again.fixed), (0, 0));
    let comments = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.split_once('#')).map(|(_, comment)| comment.to_owned()).collect()
    };
    assert_eq!(comments(&text), comments(&after));
    Ok(())
}

datatest_stable::harness! {
    { test = case, root = "tests/fixes", pattern = r"/before\.yaml$" },
}
