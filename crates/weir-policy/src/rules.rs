//! The rules about policies and waivers themselves.

use weir_findings::{RuleId, RulePage, Severity};

macro_rules! rules {
    ($($(#[doc = $what:literal])+ $name:ident = $id:literal, $severity:ident, $title:literal; why $why:literal; bad $bad:literal; good $good:literal; remedy $remedy:literal;)+) => {
        $($(#[doc = $what])+ pub(crate) const $name: RuleId = RuleId::new($id);)+

        /// The pages of the findings that policies and waivers can give about themselves, by id.
        pub const RULES: &[RulePage] = &[$(RulePage {
            id: $id,
            severity: Severity::$severity,
            waivable: None,
            title: $title,
            what: concat!($($what),+),
            why: $why,
            bad: $bad,
            good: $good,
            remedy: $remedy,
        }),+];
    };
}

rules! {
    /// An evaluation, and the matching of one name, spends at most as much as 500,000 operations; a policy in all of a
    /// workspace or plan 10,000,000, and 100 for each entity and stage, or step.
    POLICY_COST = "policy-cost", Error, "a policy is cheap enough";
    why "Whoever may write a file must not be able to keep a build agent busy for hours.";
    bad "validations:\n  - expression: workspace.topics.all(a, workspace.topics.all(b, a != b || a == b))";
    good "validations:\n  - expression: \"!(entity.name + '-dlq' in workspace.topics)\"";
    remedy "Ask `in workspace.topics` instead of walking through all names.";

    /// An expression that gives no value for an entity is told where the expression is written: it is not taken as
    /// kept.
    POLICY_FAILED = "policy-failed", Error, "a policy judges every entity it is about";
    why "A rule that fails and is taken as kept is no rule.";
    bad "validations:\n  - expression: entity.metadata.description.size() > 10";
    good "validations:\n  - expression: has(entity.metadata.description) && entity.metadata.description.size() > 10";
    remedy "Ask with `has`, `in` or `[?…]` before using what may be missing.";

    /// A policy says what it is about and what must hold, and every expression, pattern, name, field, stage, team and
    /// value in it makes sense: there is something that it could match, and something that could keep it. All of it is
    /// checked before any entity is looked at.
    POLICY_INVALID = "policy-invalid", Error, "a policy makes sense";
    why "A misspelt field in a rule would let everything pass.";
    bad "spec:\n  match: {kinds: [Topic]}\n  validations: [{expression: entity.spec.partitons <= 12}]";
    good "spec:\n  match: {kinds: [Topic]}\n  validations: [{expression: \"!has(entity.spec.partitions) || entity.spec.partitions <= 12\"}]";
    remedy "";

    /// A waiver's last day is not over. The last day is a day in UTC.
    WAIVER_EXPIRED = "waiver-expired", Warning, "a waiver is still in force";
    why "Exceptions that nobody looks at again become the rule.";
    bad "# weir: allow topic-retention reason=\"migration\" until=2020-01-31";
    good "# weir: allow topic-retention reason=\"migration\" until=2027-01-31";
    remedy "Keep the rule, or decide anew and write a later day.";

    /// A waiver names a rule, an entity, stages and a team that there are, says why, and until when. A comment is written as
    /// `# weir: allow RULE reason=\"…\" until=2027-01-31`.
    WAIVER_INVALID = "waiver-invalid", Error, "a waiver says what, why and until when";
    why "An exception that cannot be understood cannot be judged, and one that does not work is found out too late.";
    bad "# weir: allow topic-retention";
    good "# weir: allow topic-retention reason=\"read by the archive once a quarter\" until=2027-01-31";
    remedy "";

    /// Errors of weir's own rules cannot be waived, nor policies that say `waivable: false`. Warnings of weir's own
    /// can.
    WAIVER_REFUSED = "waiver-refused", Error, "only what may be waived is waived";
    why "What weir calls an error the cluster would refuse, or it would break a promise to somebody else.";
    bad "# weir: allow sharing-consent reason=\"they know\" until=2027-01-31";
    good "# weir: allow topic-retention reason=\"they know\" until=2027-01-31";
    remedy "Repair what is found.";

    /// A waiver that silences nothing is told, when all stages are looked at. Waivers for policies about plans are not:
    /// there may be another plan tomorrow.
    WAIVER_UNUSED = "waiver-unused", Warning, "a waiver is needed";
    why "What is no longer needed would silence the next violation, which nobody decided on.";
    bad "spec: {partitions: 12}   # weir: allow topic-partitions reason=\"migration\" until=2027-01-31";
    good "spec: {partitions: 12}";
    remedy "Delete it.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_sorted_and_whole() {
        assert!(RULES.is_sorted_by_key(|page| page.id));
        for page in RULES {
            assert!(!page.title.is_empty() && !page.what.is_empty() && !page.why.is_empty(), "{}", page.id);
        }
    }
}
