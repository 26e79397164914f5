//! The formats of findings, and the files they are written to.

use std::path::Path;

use weir_findings::{Finding, RulePage, Sources, render};
use weir_model::Loaded;
use weir_pipeline::rule_pages;
use weir_policy::PolicyPage;

use crate::{OutFile, print, say, style};

/// Prints findings with their count: as data to stdout, or beside other data to stderr.
pub(crate) fn print_findings(findings: &[Finding], sources: &Sources, as_data: bool) {
    let text = render::text(findings, sources, style(!as_data));
    let text = format!("{text}\n{}\n", render::summary(findings));
    if as_data { print(&text) } else { say(&text) }
}

/// The format of findings.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FindingsFormat {
    /// For people, with source lines
    #[default]
    Text,
    /// A line for each finding
    Concise,
    /// For programs: weir.findings/v1
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For test tabs: a case for each file
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// Annotations of Azure Pipelines
    Azure,
}

impl FindingsFormat {
    /// Returns the findings in this format, as a file holds them. `dir` is the workspace's folder.
    pub(crate) fn render(self, findings: &[Finding], loaded: &Loaded, dir: &Path) -> String {
        let sources = &loaded.sources;
        match self {
            Self::Text => {
                let text = render::text(findings, sources, render::Style::default());
                format!("{text}{}{}\n", if text.is_empty() { "" } else { "\n" }, render::summary(findings))
            }
            Self::Concise => render::concise(findings, sources),
            Self::Json => render::json(findings, sources),
            Self::Sarif => {
                // The organisation's own pages first: one of its policies may have the name of one of the starter pack.
                let own = loaded.workspace.as_ref().map(weir_policy::pages).unwrap_or_default();
                let own: Vec<RulePage<'_>> = own.iter().map(PolicyPage::rule_page).collect();
                let pages: Vec<&RulePage<'_>> = own.iter().chain(rule_pages()).collect();
                render::sarif(findings, sources, &root(dir), &pages)
            }
            Self::Junit => render::junit(findings, sources),
            Self::Github => render::github(findings, sources, &root(dir)),
            Self::Azure => render::azure(findings, sources, &root(dir)),
        }
    }
}

/// A format of findings and the file to write them to, from a command line's `FORMAT=FILE`.
#[derive(Clone, Debug)]
pub(crate) struct FindingsTarget {
    format: FindingsFormat,
    path: String,
}

/// Files for findings, tried before the work begins.
pub(crate) struct FindingsFiles(Vec<(FindingsFormat, OutFile)>);

impl FindingsFiles {
    /// Checks that the files can be written.
    ///
    /// # Errors
    /// If one cannot be written.
    pub(crate) fn prepare(targets: &[FindingsTarget]) -> anyhow::Result<Self> {
        let prepare = |target: &FindingsTarget| Ok((target.format, OutFile::prepare(Path::new(&target.path))?));
        Ok(Self(targets.iter().map(prepare).collect::<anyhow::Result<_>>()?))
    }

    /// Writes the findings of the workspace in `dir` in each of the formats.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(crate) fn write(self, findings: &[Finding], loaded: &Loaded, dir: &Path) -> anyhow::Result<()> {
        self.0.into_iter().try_for_each(|(format, file)| file.write(&format.render(findings, loaded, dir)))
    }
}

/// Reads `FORMAT=FILE`.
///
/// # Errors
/// A sentence that says what is wrong.
pub(crate) fn findings_target(text: &str) -> Result<FindingsTarget, String> {
    let (format, path) = text.split_once('=').ok_or("expected a format and a file, such as `sarif=weir.sarif`")?;
    let format = <FindingsFormat as clap::ValueEnum>::from_str(format, false)
        .map_err(|_| format!("there is no format `{format}`; see --format"))?;
    if path.is_empty() {
        return Err("the file is missing; `-` is stdout".to_owned());
    }
    Ok(FindingsTarget { format, path: path.to_owned() })
}

/// Returns the path of `dir` in its git repository: empty, or with `/` at the end. Agents look for files from the top
/// of the repository.
fn root(dir: &Path) -> String {
    let Ok(dir) = dir.canonicalize() else { return String::new() };
    let Some(top) = dir.ancestors().find(|folder| folder.join(".git").exists()) else { return String::new() };
    let below = dir.strip_prefix(top).unwrap_or(Path::new(""));
    below.components().map(|part| part.as_os_str().to_string_lossy().into_owned() + "/").collect()
}
