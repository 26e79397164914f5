//! The rules about policies and waivers themselves.

use weir_findings::{RuleId, RulePage, Severity};

macro_rules! rules {
    ($($(#[doc = $what:literal])+ $name:ident = $id:literal, $severity:ident, $title:literal; why $why:literal; bad $bad:literal; good $good:literal; remedy $remedy:literal;)+) => {
        $($(#[doc = $what])+ pub(crate) const $name: RuleId = RuleId::new($id);)+

        const PAGES: &[RulePage] = &[$(RulePage {
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

/// Returns the pages of the rules about policies and waivers, by id.
pub fn rule_pages() -> &'static [RulePage<'static>] {
    PAGES
}

rules! {
    /// Each evaluation, and each match of a name, may spend about 500,000 operations. For the entities of one team, or the
    /// steps of one team in a plan, a policy may spend 10,000,000 operations, and 100 for each entity and stage, or step; all
    /// policies together may spend twenty times as much. A workspace has at most 500 policies.
    POLICY_COST = "policy-cost", Error, "a policy is cheap enough";
    why "A person who may write a file must not be able to keep a build agent busy for hours.";
    bad "validations:\n  - expression: workspace.topics.all(a, workspace.topics.all(b, a != b || a == b))";
    good "validations:\n  - expression: \"!(entity.name + '-dlq' in workspace.topics)\"";
    remedy "Use `in workspace.topics` instead of a loop over all names.";

    /// An expression that gives no value for an entity is reported where the expression is written. It does not count
    /// as fulfilled.
    POLICY_FAILED = "policy-failed", Error, "a policy judges every entity it is about";
    why "A rule that fails silently protects nothing.";
    bad "validations:\n  - expression: entity.metadata.description.size() > 10";
    good "validations:\n  - expression: has(entity.metadata.description) && entity.metadata.description.size() > 10";
    remedy "Ask with `has`, `in` or `[?…]` before using a value that may be missing.";

    /// A policy names its kinds and its demands, and every expression, pattern, name, field, stage, team and value in
    /// it is valid: something can match it, and something can fulfil it. weir checks this before it looks at any
    /// entity.
    POLICY_INVALID = "policy-invalid", Error, "a policy makes sense";
    why "A misspelt field in a rule would let everything pass.";
    bad "spec:\n  match: {kinds: [Topic]}\n  validations: [{expression: entity.spec.partitons <= 12}]";
    good "spec:\n  match: {kinds: [Topic]}\n  validations: [{expression: \"!has(entity.spec.partitions) || entity.spec.partitions <= 12\"}]";
    remedy "";

    /// A waiver ends within 14 days, or within `ownership.warnBefore`.
    WAIVER_ENDING = "waiver-ending", Warning, "a waiver is about to end";
    why "On the day after, the finding that it silences counts again, and stops the plan.";
    bad "# on 2027-01-20\n# weir: allow topic-retention reason=\"read once a quarter\" until=2027-01-31";
    good "# on 2027-01-20\n# weir: allow topic-retention reason=\"read once a quarter\" until=2027-06-30";
    remedy "Correct what the finding reports, or decide again and write a later day.";

    /// The last day of a waiver, in UTC, has not passed.
    WAIVER_EXPIRED = "waiver-expired", Warning, "a waiver is still in force";
    why "Without a last day, exceptions become the rule.";
    bad "# weir: allow topic-retention reason=\"migration\" until=2020-01-31";
    good "# weir: allow topic-retention reason=\"migration\" until=2027-01-31";
    remedy "Follow the rule, or decide again and write a later day.";

    /// A waiver names an existing rule, entity, stages and team, and gives a reason and a last day. A comment is
    /// written as `# weir: allow RULE reason=\"…\" until=2027-01-31`. In a workspace with `ownership`, only files of the
    /// platform team waive a rule. An entity that does not exist is a warning: its team may have deleted it.
    WAIVER_INVALID = "waiver-invalid", Error, "a waiver has a rule, a reason and a last day";
    why "Reviewers cannot judge an exception that they cannot understand, and a waiver that does not work is noticed too late.";
    bad "# weir: allow topic-retention";
    good "# weir: allow topic-retention reason=\"read by the archive once a quarter\" until=2027-01-31";
    remedy "";

    /// Errors of weir's own rules cannot be waived; warnings of weir's own rules can. Policies with `waivable: false`
    /// cannot be waived.
    WAIVER_REFUSED = "waiver-refused", Error, "a waiver covers only findings that may be waived";
    why "The cluster would refuse an error of weir's own rules, or the change would break a promise to another team.";
    bad "# weir: allow sharing-consent reason=\"they know\" until=2027-01-31";
    good "# weir: allow topic-retention reason=\"they know\" until=2027-01-31";
    remedy "Correct the mistake that the finding reports.";

    /// A waiver that silences nothing is reported when all stages are checked. Waivers of policies about plans are
    /// not reported: another plan may need them tomorrow.
    WAIVER_UNUSED = "waiver-unused", Warning, "a waiver is needed";
    why "An unneeded waiver would silence the next violation, which nobody has approved.";
    bad "spec: {partitions: 12}   # weir: allow topic-partitions reason=\"migration\" until=2027-01-31";
    good "spec: {partitions: 12}";
    remedy "Delete it.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_sorted_and_whole() {
        assert!(PAGES.is_sorted_by_key(|page| page.id));
        for page in PAGES {
            assert!(!page.title.is_empty() && !page.what.is_empty() && !page.why.is_empty(), "{}", page.id);
        }
    }
}
