use std::fmt::Write as _;

use crate::Severity;

/// A rule's published page: what it refuses, why, and what to write instead.
#[derive(Clone, Copy, Debug)]
pub struct RulePage<'p> {
    /// The rule's id.
    pub id: &'p str,
    /// The severity of its findings; those that are milder say so in `what`.
    pub severity: Severity,
    /// The worst of its findings that can be waived; nothing when none can.
    pub waivable: Option<Severity>,
    /// What it is about, in a few words.
    pub title: &'p str,
    /// What it looks at and what it reports, in sentences.
    pub what: &'p str,
    /// What happens without it; empty when nobody said.
    pub why: &'p str,
    /// YAML that it reports; empty when an example says nothing.
    pub bad: &'p str,
    /// YAML to write instead; empty likewise.
    pub good: &'p str,
    /// What to do about a finding, beyond the example; empty when there is nothing to add.
    pub remedy: &'p str,
}

impl RulePage<'_> {
    /// The page as markdown. The heading is the id, so that `#id` leads to it.
    pub fn markdown(&self) -> String {
        let Self { id, severity, title, what, why, bad, good, remedy, waivable: _ } = self;
        let mut out = format!("## {id}\n\n**{title}** ({severity})\n\n{}\n", what.trim());
        if !why.trim().is_empty() {
            // Writing into a `String` cannot fail.
            let _ = write!(out, "\n*Why:* {}\n", why.trim());
        }
        for (heading, yaml) in [("Reported", bad), ("Instead", good)] {
            if !yaml.trim().is_empty() {
                let _ = write!(out, "\n{heading}:\n\n```yaml\n{}\n```\n", yaml.trim_matches('\n').trim_end());
            }
        }
        if !remedy.trim().is_empty() {
            let _ = write!(out, "\n*What to do:* {}\n", remedy.trim());
        }
        let _ = write!(out, "\n*To silence it:* {}\n", self.silence());
        out
    }

    /// How to silence its findings for one place and a time, as markdown with the text to write.
    pub fn silence(&self) -> String {
        let Self { id, severity, waivable, .. } = self;
        let may = match waivable {
            None if *severity == Severity::Error => {
                return "it cannot be waived; put right what is reported.".to_owned();
            }
            None => return "it cannot be waived, and stops nothing.".to_owned(),
            Some(worst) if worst < severity => "what is an error cannot be waived, what is a warning can: write",
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
    fn a_page_leaves_out_what_is_empty() {
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
             *Why:* Kafka refuses none.\n\nReported:\n\n```yaml\nspec:\n  partitions: 0\n```\n\n\
             *To silence it:* it cannot be waived; put right what is reported.\n"
        );
        let silence = |severity, waivable| RulePage { severity, waivable, ..page }.silence();
        assert_eq!(silence(Severity::Warning, None), "it cannot be waived, and stops nothing.");
        let mixed = silence(Severity::Error, Some(Severity::Warning));
        assert!(mixed.starts_with("what is an error cannot be waived, what is a warning can: write `# weir: allow"));
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
