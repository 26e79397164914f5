//! The rules that [`crate::load`] checks, each with its page: what the form of a file has to be before anybody can ask
//! whether its content makes sense.

use weir_findings::{RuleId, RulePage, Severity};

macro_rules! rules {
    ($($(#[doc = $what:literal])+ $name:ident = $id:literal, $title:literal; why $why:literal; bad $bad:literal; good $good:literal;)+) => {
        $($(#[doc = $what])+ pub const $name: RuleId = RuleId::new($id);)+

        const PAGES: &[RulePage] = &[$(RulePage {
            id: $id,
            severity: Severity::Error,
            waivable: None,
            title: $title,
            what: concat!($($what),+),
            why: $why,
            bad: $bad,
            good: $good,
            remedy: "",
        }),+];
    };
}

/// The pages of all rules of form, by id.
pub fn rule_pages() -> &'static [RulePage<'static>] {
    PAGES
}

rules! {
    /// A document's `apiVersion` is `weir/v1`.
    API_VERSION = "api-version", "the version of the format is written";
    why "If the format changes, weir can still read files that name their version.";
    bad "kind: Topic\nmetadata: {name: toll.transactions.v1, team: toll}\nspec: {}\n";
    good "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.transactions.v1, team: toll}\nspec: {}\n";

    /// No two documents of a workspace have the same kind and name, even in different files.
    DUPLICATE_ENTITY = "duplicate-entity", "an entity is declared once";
    why "With two declarations, chance would decide between them.";
    bad "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n";
    good "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: cards}\n";

    /// A key is written once in its mapping.
    DUPLICATE_KEY = "duplicate-key", "a key is written once";
    why "Of two equal keys, some YAML readers take the first and some the last, so people and programs would read \
         different values.";
    bad "spec:\n  partitions: 6\n  partitions: 12\n";
    good "spec:\n  partitions: 12\n";

    /// Every required field of the kind is present.
    MISSING_FIELD = "missing-field", "required fields are present";
    why "weir does not guess the owner or the name of an entity.";
    bad "kind: Topic\nmetadata:\n  name: toll.transactions.v1\n";
    good "kind: Topic\nmetadata:\n  name: toll.transactions.v1\n  team: toll\n";

    /// A mapping with alternatives holds exactly one of them: the provider of a cluster, the source of a
    /// credential, the identity of a member, the purpose of a grant.
    ONE_OF = "one-of", "exactly one of the alternatives is written";
    why "With none, the entity has no effect; with two, the choice is unclear.";
    bad "allow:\n  - {produce: toll.transactions.v1, consume: toll.status.v1}\n";
    good "allow:\n  - {produce: toll.transactions.v1}\n  - {consume: toll.status.v1, group: toll-billing}\n";

    /// Every field belongs to its kind.
    UNKNOWN_FIELD = "unknown-field", "every field is known";
    why "If weir ignored a misspelt field, the cluster would silently stay unchanged.";
    bad "spec:\n  partitons: 6\n";
    good "spec:\n  partitions: 6\n";

    /// A document's `kind` is one of weir's kinds.
    UNKNOWN_KIND = "unknown-kind", "the kind is known";
    why "weir would silently ignore a document of an unknown kind.";
    bad "apiVersion: weir/v1\nkind: Topics\n";
    good "apiVersion: weir/v1\nkind: Topic\n";

    /// A field with a list of words has one of these words.
    UNKNOWN_VALUE = "unknown-value", "the word is allowed";
    why "Words outside the list have no meaning to the cluster.";
    bad "spec:\n  ensure: deleted\n";
    good "spec:\n  ensure: absent\n";

    /// There is only one document of kind `Workspace`.
    WORKSPACE_DUPLICATE = "workspace-duplicate", "there is one workspace";
    why "Stages and clusters are declared in one place, so that their names have one meaning.";
    bad "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps}\nspec: {clusters: {}, stages: []}\n---\napiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps2}\nspec: {clusters: {}, stages: []}\n";
    good "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps}\nspec: {clusters: {}, stages: []}\n";

    /// There is one document of kind `Workspace`.
    WORKSPACE_MISSING = "workspace-missing", "there is a workspace";
    why "The workspace declares stages and clusters; without it, entities have no stage.";
    bad "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n";
    good "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps}\nspec:\n  clusters: {local: {sandbox: {path: .weir/local}}}\n  stages: [{name: dev, cluster: local}]\n";

    /// A value has the type of its field: text, a whole number, `true` or `false`, a duration, a list, a mapping.
    WRONG_TYPE = "wrong-type", "a value has its field's type";
    why "weir does not convert values: YAML readers disagree about `010`, `yes` and `6.0`.";
    bad "spec:\n  partitions: \"6\"\n";
    good "spec:\n  partitions: 6\n";

    /// A file has no anchors, aliases, merge keys or tags. Its keys are text, and it is at most 64 levels deep.
    YAML_FEATURE = "yaml-feature", "only plain YAML is used";
    why "With an alias, the value is elsewhere in the file: reviewers do not see it in a diff, and commands cannot \
         change it.";
    bad "spec: &base\n  partitions: 6\n";
    good "spec:\n  partitions: 6\n";

    /// The file is YAML.
    YAML_SYNTAX = "yaml-syntax", "the file is YAML";
    why "weir never treats an unreadable document as a deleted one, so it leaves everything of the team alone.";
    bad "spec:\n  config: {retention.ms: 7d\n";
    good "spec:\n  config: {retention.ms: 7d}\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_sorted_and_whole() {
        assert!(PAGES.is_sorted_by_key(|page| page.id));
        for page in PAGES {
            assert!(page.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", page.id);
            for text in [page.title, page.what, page.why, page.bad, page.good] {
                assert!(!text.trim().is_empty(), "{} lacks a part of its page", page.id);
            }
        }
    }
}
