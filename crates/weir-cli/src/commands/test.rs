//! An organisation's own cases for its policies.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use weir_findings::{Severity, render};
use weir_model::Loaded;
use weir_pipeline::{judge, read, rule_pages};
use weir_policy::{EXPECT_FILE, Expect, OBSERVED_FILE, Time, shared_kinds};

use crate::{Exit, Format, Stop, Terminal, WorkspaceFlag, findings::print_findings, instant, print, print_json};

/// The format of `--format json`.
const FORMAT: &str = "weir.policy-tests/v1";

/// The folder of the cases, unless another one is named.
const FOLDER: &str = "policy-tests";

/// Runs the workspace's own cases for its policies
///
/// A case is a folder with a few entities and an expect.yaml, which lists the findings they must give. The workspace's
/// stages, teams and policies apply to it. With an observed.json, as weir-plan observe writes it, the stage that
/// expect.yaml names is planned, and policies over plans are checked. Name the folder of the cases in .weirignore: their
/// entities do not belong to the workspace.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder of the cases [default: policy-tests in the workspace]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// Check for this time, unless a case names another one [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    now: Option<Timestamp>,
    /// The format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    terminal: Terminal,
}

/// Returns the JSON Schema of `weir.policy-tests/v1`.
pub fn policy_tests_schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Report>()
}

/// The results of the cases of an organisation's policies.
#[derive(Serialize, JsonSchema)]
struct Report {
    /// `weir.policy-tests/v1`.
    format: &'static str,
    /// Number of cases that passed.
    passed: usize,
    /// Number of cases that failed.
    failed: usize,
    /// The cases, by path.
    cases: Vec<Case>,
}

/// A case.
#[derive(Serialize, JsonSchema)]
struct Case {
    /// The case's folder, relative to the folder of the cases.
    path: String,
    /// `true` if the findings are as expected.
    passed: bool,
    /// The differences from the expected findings.
    why: Vec<String>,
}

impl Report {
    fn text(&self) -> String {
        let mut out = String::new();
        for Case { path, passed, why } in &self.cases {
            _ = writeln!(out, "{}  {}", if *passed { "pass" } else { "FAIL" }, render::inert(path));
            why.iter().for_each(|why| _ = writeln!(out, "      {}", render::inert_line(why)));
        }
        _ = writeln!(out, "\n{} passed, {} failed", self.passed, self.failed);
        out
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let workspace = args.workspace.find()?;
    let dir = args.dir.clone().unwrap_or_else(|| workspace.join(FOLDER));
    let mut cases = Vec::new();
    if args.dir.is_none() && dir.is_symlink() {
        return Err(no_cases(format!("`{}` is a symbolic link, which weir does not follow", dir.display())).into());
    }
    if !dir.is_dir() {
        return Err(no_cases(format!("there is no folder `{}`", dir.display())).into());
    }
    find(&dir, &mut cases).with_context(|| format!("the cases in `{}` cannot be read", dir.display()))?;
    if cases.is_empty() {
        return Err(no_cases(format!("there is no case in `{}`", dir.display())).into());
    }
    let loaded = read(&workspace)?.loaded;
    // Every case would report the files that cannot be read.
    if loaded.workspace.is_none() || loaded.findings.iter().any(|finding| finding.severity == Severity::Error) {
        print_findings(&loaded.findings, &loaded.sources, false);
        return Ok(Exit::Refused);
    }
    let now = args.now.unwrap_or_else(Timestamp::now);
    let mut report = Report { format: FORMAT, passed: 0, failed: 0, cases: Vec::new() };
    for case in &cases {
        let path = case.strip_prefix(&dir).unwrap_or(case).display().to_string();
        let path = if path.is_empty() { ".".to_owned() } else { path };
        let why = one(&loaded, case, now)?.unwrap_or_default();
        if why.is_empty() {
            report.passed += 1
        } else {
            report.failed += 1
        }
        report.cases.push(Case { path, passed: why.is_empty(), why });
    }
    match args.format {
        Format::Text => print(&report.text()),
        Format::Json => print_json(format!("{}\n", serde_json::to_string_pretty(&report)?)),
    }
    Ok(if report.failed == 0 { Exit::Fine } else { Exit::Refused })
}

fn no_cases(message: String) -> Stop {
    Stop::usage(message).help(format!(
        "a case is a folder with a few entities and an {EXPECT_FILE} such as: findings: [{{rule: topic-retention}}]"
    ))
}

/// Collects all folders below `dir` that hold a case, sorted.
fn find(dir: &Path, cases: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        } else if entry.file_name() == EXPECT_FILE {
            cases.push(dir.to_owned());
        }
    }
    folders.sort();
    folders.iter().try_for_each(|folder| find(folder, cases))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("yaml") || ext.eq_ignore_ascii_case("yml"))
}

/// Returns the differences from the findings that a case expects.
fn one(workspace: &Loaded, case: &Path, now: Timestamp) -> anyhow::Result<Option<Vec<String>>> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()));
    let mut entries = fs::read_dir(case)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    // A link could lead out of the repository, and the findings would show the text of that file.
    let is_used = |path: &Path| is_yaml(path) || path.ends_with(OBSERVED_FILE);
    if let Some(link) = entries.iter().map(fs::DirEntry::path).find(|path| is_used(path) && path.is_symlink()) {
        let name = link.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(Some(vec![format!("{name} is a symbolic link, which weir does not follow")]));
    }
    let expect = match Expect::parse(&read(&case.join(EXPECT_FILE))?) {
        Ok(expect) => expect,
        Err(why) => return Ok(Some(vec![format!("{EXPECT_FILE} cannot be used: {why}")])),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_yaml(&path) && name != EXPECT_FILE && path.is_file() {
            files.push((name, read(&path)?));
        }
    }
    if files.is_empty() && !case.join(OBSERVED_FILE).is_file() {
        return Ok(Some(vec!["the case has no entities and no observed state".to_owned()]));
    }
    // A case may bring a workspace of its own.
    if !files.iter().any(|(name, _)| name == "weir.yaml") {
        let shared = workspace.files_with(&shared_kinds());
        files.extend(shared.into_iter().map(|(path, text)| (format!("../{path}"), text)));
    }
    let loaded = weir_model::load(files);
    let now = expect.now.map_or(now, |Time(now)| now);
    let mut findings = match judge(&loaded, expect.stage.as_deref(), now) {
        Ok(judged) => judged.findings,
        Err(unknown) => return Ok(Some(vec![unknown.to_string()])),
    };
    let observed = case.join(OBSERVED_FILE);
    if observed.is_file() {
        match expect.plan(&loaded, &read(&observed)?, now) {
            Ok(found) => findings.extend(found),
            Err(why) => return Ok(Some(vec![why])),
        }
    }
    let rules = rule_pages().iter().map(|page| page.id).collect();
    let differences = expect.differences(&loaded, &findings, &rules);
    if differences.is_empty() {
        return Ok(None);
    }
    Ok(Some(expect.about.iter().chain(&differences).cloned().collect()))
}
