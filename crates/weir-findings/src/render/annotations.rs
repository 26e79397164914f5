//! Findings as commands to a build agent, which shows each finding at its line.
//!
//! All text is made harmless before it is escaped. So an agent that parses more loosely than its documentation says
//! finds no second command in the text.

use super::{concise::one_line, words::line};
use crate::{Finding, Severity, Sources};

/// Renders findings as commands for GitHub's runner: `::error file=…,line=…,title=rule::message`.
///
/// `root` is the workspace's path in the repository: empty, or ending in `/`. GitHub shows ten errors and ten warnings
/// for each step. Format and escapes: `@actions/core`, `src/command.ts`.
pub fn github(findings: &[Finding], sources: &Sources, root: &str) -> String {
    let mut out = String::new();
    for finding in findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let file = sources.file(finding.at.file);
        let (start, end) = (file.position(finding.at.start as usize), file.position(finding.at.end as usize));
        // The runner refuses columns for a place of several lines.
        let columns = if start.line == end.line {
            format!(",col={},endColumn={}", start.column, end.column.max(start.column))
        } else {
            String::new()
        };
        let property = |text: &str| percent(&line(text), &['%', '\r', '\n', ':', ',']);
        out.push_str(&format!(
            "::{command} file={},line={},endLine={}{columns},title={}::{}\n",
            property(&format!("{root}{}", file.path())),
            start.line,
            end.line,
            property(finding.rule.as_str()),
            percent(&message(finding), &['%', '\r', '\n']),
        ));
    }
    out
}

/// Renders findings as commands for the agent of Azure Pipelines: `##vso[task.logissue
/// type=error;sourcepath=…;linenumber=…;code=rule]…`.
///
/// `root` is the same as for [`github`]. The agent knows errors and warnings only; remarks become plain lines. Format
/// and escapes: `azure-pipelines-task-lib`, `node/taskcommand.ts`.
pub fn azure(findings: &[Finding], sources: &Sources, root: &str) -> String {
    let mut out = String::new();
    for finding in findings {
        let kind = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => {
                out.push_str(&one_line(finding, sources));
                out.push('\n');
                continue;
            }
        };
        let position = sources.position(finding.at);
        let property = |text: &str| azure_escaped(&line(text), &[';', ']']);
        out.push_str(&format!(
            "##vso[task.logissue type={kind};sourcepath={};linenumber={};columnnumber={};code={};]{}\n",
            property(&format!("{root}{}", sources.file(finding.at.file).path())),
            position.line,
            position.column,
            property(finding.rule.as_str()),
            azure_escaped(&message(finding), &[]),
        ));
    }
    out
}

/// Returns the message, the note and the help, each on its own line and made harmless.
fn message(finding: &Finding) -> String {
    let mut text = line(&finding.message);
    for (what, words) in [("note", &finding.note), ("help", &finding.help)] {
        if let Some(words) = words {
            text.push_str(&format!("\n{what}: {}", line(words)));
        }
    }
    text
}

fn percent(text: &str, special: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(&c) {
            out.push_str(&format!("%{:02X}", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}

fn azure_escaped(text: &str, special: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%AZP25"),
            '\r' | '\n' => out.push_str(&format!("%{:02X}", c as u32)),
            c if special.contains(&c) => out.push_str(&format!("%{:02X}", c as u32)),
            c => out.push(c),
        }
    }
    out
}
