use super::words::line;
use crate::{Finding, Sources};

/// Renders each finding as one line, as compilers do: `path:line:column: severity[rule]: message`.
pub fn concise(findings: &[Finding], sources: &Sources) -> String {
    let one = |finding: &Finding| one_line(finding, sources) + "\n";
    findings.iter().map(one).collect()
}

/// Renders a finding as one line, without the line break.
pub(super) fn one_line(finding: &Finding, sources: &Sources) -> String {
    let position = sources.position(finding.at);
    let path = line(sources.file(finding.at.file).path());
    // A line that begins with two colons is a command to GitHub's runner. The path is followed by one colon, so a path
    // that begins with a colon gets a prefix.
    let guard = if path.trim_start().starts_with(':') { "./" } else { "" };
    format!(
        "{guard}{path}:{}:{}: {}[{}]: {}",
        position.line,
        position.column,
        finding.severity,
        line(finding.rule.as_str()),
        line(&finding.message)
    )
}
