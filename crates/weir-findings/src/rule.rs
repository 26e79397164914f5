use std::fmt::Write as _;

use crate::Severity;

/// A rule's published page: the problem it reports, the reason, and the text to write instead.
#[derive(Clone, Copy, Debug)]
pub struct RulePage<'p> {
    /// The rule's id.
    pub id: &'p str,
    /// Highest severity of the rule's findings; `what` says which findings are milder.
    pub severity: Severity,
    /// Highest severity that can be waived; `None` if no finding of the rule can be waived.
    pub waivable: Option<Severity>,
    /// Title of the page, a few words.
    pub title: &'p str,
    /// The check, in sentences: the rule's input and the problem it reports.
    pub what: &'p str,
    /// The harm that the rule prevents; empty if no reason was given.
    pub why: &'p str,
    /// YAML that the rule reports; empty if an example would not help.
    pub bad: &'p str,
    /// YAML to write instead; empty if an example would not help.
    pub good: &'p str,
    /// Steps to solve the problem beyond the example; empty if there are none.
    pub remedy: &'p str,
}

impl RulePage<'_> {
    /// Returns the page as Markdown. Its heading is the id, so that `#id` links to it.
    pub fn markdown(&self) -> String {
        let Self { id, severity, title, what, why, bad, good, remedy, waivable: _ } = self;
        let mut out = format!("## {id}\n\n**{title}** ({severity})\n\n{}\n", what.trim());
        if !why.trim().is_empty() {
            // Writing into a `String` cannot fail.
            let _ = write!(out, "\n*Reason:* {}\n", why.trim());
        }
        for (heading, yaml) in [("Reported", bad), ("Instead", good)] {
            if !yaml.trim().is_empty() {
                let _ = write!(out, "\n{heading}:\n\n```yaml\n{}\n```\n", yaml.trim_matches('\n').trim_end());
            }
        }
        if !remedy.trim().is_empty() {
            let _ = write!(out, "\n*Remedy:* {}\n", remedy.trim());
        }
        let _ = write!(out, "\n*To silence it:* {}\n", self.silence());
        out
    }

    /// Returns instructions to silence the rule's findings at one place for a limited time, as Markdown with the text
    /// to write.
    pub fn silence(&self) -> String {
        let Self { id, severity, waivable, .. } = self;
        let may = match waivable {
            None if *severity == Severity::Error => {
                return "it cannot be waived; remove the cause.".to_owned();
            }
            None => return "it cannot be waived, and does not stop the pipeline.".to_owned(),
            Some(worst) if worst < severity => "its errors cannot be waived; to waive a warning, write",
            Some(_) => "write",
        };
        format!(
            "{may} `# weir: allow {id} reason=\"…\" until=2027-01-31` behind its line, or a waiver:\n\n```yaml\n\
             apiVersion: weir/v1\nkind: Waiver\nmetadata: {{name: {id}-for-now}}\n\
             spec: {{rule: {id}, entity: KIND/NAME, reason: …, owner: TEAM, until: 2027-01-31}}\n```"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leaves_out_empty_parts() {
        let page = RulePage {
            id: "partitions",
            severity: Severity::Error,
            waivable: None,
            title: "A number of partitions",
            what: "There is at least one.",
            why: "Kafka refuses none.",
            bad: "\nspec:\n  partitions: 0\n",
            good: "",
            remedy: "",
        };
        assert_eq!(
            page.markdown(),
            "## partitions\n\n**A number of partitions** (error)\n\nThere is at least one.\n\n\
             *Reason:* Kafka refuses none.\n\nReported:\n\n```yaml\nspec:\n  partitions: 0\n```\n\n\
             *To silence it:* it cannot be waived; remove the cause.\n"
        );
        let silence = |severity, waivable| RulePage { severity, waivable, ..page }.silence();
        assert_eq!(silence(Severity::Warning, None), "it cannot be waived, and does not stop the pipeline.");
        let mixed = silence(Severity::Error, Some(Severity::Warning));
        assert!(mixed.starts_with("its errors cannot be waived; to waive a warning, write `# weir: allow"));
        for whole in
            [silence(Severity::Warning, Some(Severity::Warning)), silence(Severity::Error, Some(Severity::Error))]
        {
            assert_eq!(
                whole,
                "write `# weir: allow partitions reason=\"…\" until=2027-01-31` behind its line, or a waiver:\n\n\
                 ```yaml\napiVersion: weir/v1\nkind: Waiver\nmetadata: {name: partitions-for-now}\n\
                 spec: {rule: partitions, entity: KIND/NAME, reason: …, owner: TEAM, until: 2027-01-31}\n```"
            );
        }
    }
}
