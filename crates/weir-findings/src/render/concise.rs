use super::words::line;
use crate::{Finding, Sources};

/// A line for each finding, as compilers print them: `path:line:column: severity[rule]: message`.
pub fn concise(findings: &[Finding], sources: &Sources) -> String {
    let one = |finding: &Finding| one_line(finding, sources) + "\n";
    findings.iter().map(one).collect()
}

/// A finding in one line, without its break.
pub(super) fn one_line(finding: &Finding, sources: &Sources) -> String {
    let position = sources.position(finding.at);
    let path = line(sources.file(finding.at.file).path());
    // A line that begins with two colons commands GitHub's runner; one colon comes behind the path.
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
