//! The rules that [`crate::load`] checks, each with its page: the form that a file must have before its content can be
//! judged.

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

/// Returns the pages of all rules of form, by id.
pub fn rule_pages() -> &'static [RulePage<'static>] {
    PAGES
}

rules! {
    /// A document's `apiVersion` is `weir/v1`.
    API_VERSION = "api-version", "the version of the format is stated";
    why "When the format changes, files that say which version they are written in can still be read rightly.";
    bad "kind: Topic\nmetadata: {name: toll.transactions.v1, team: toll}\nspec: {}\n";
    good "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.transactions.v1, team: toll}\nspec: {}\n";

    /// No two documents of a workspace have the same kind and name, even in different files.
    DUPLICATE_ENTITY = "duplicate-entity", "an entity is declared once";
    why "With two declarations it would depend on chance which one the cluster gets.";
    bad "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n";
    good "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: cards}\n";

    /// A key is written once in its mapping.
    DUPLICATE_KEY = "duplicate-key", "a key is written once";
    why "YAML readers differ in which of the two they take, so people and programs would read different values.";
    bad "spec:\n  partitions: 6\n  partitions: 12\n";
    good "spec:\n  partitions: 12\n";

    /// A required field is there.
    MISSING_FIELD = "missing-field", "a required field is there";
    why "weir does not guess who owns an entity or what it is called.";
    bad "kind: Topic\nmetadata:\n  name: toll.transactions.v1\n";
    good "kind: Topic\nmetadata:\n  name: toll.transactions.v1\n  team: toll\n";

    /// A mapping that offers alternatives has exactly one of them: a cluster's provider, the source of a credential,
    /// a member's group or user, a grant's `produce` or `consume`.
    ONE_OF = "one-of", "exactly one of the alternatives is written";
    why "With none there is nothing to do; with two it is unclear which is meant.";
    bad "allow:\n  - {produce: toll.transactions.v1, consume: toll.status.v1}\n";
    good "allow:\n  - {produce: toll.transactions.v1}\n  - {consume: toll.status.v1, group: toll-billing}\n";

    /// Every field is one that the kind has.
    UNKNOWN_FIELD = "unknown-field", "every field is known";
    why "Without this rule, weir would ignore a misspelt field, and the cluster would stay as it was.";
    bad "spec:\n  partitons: 6\n";
    good "spec:\n  partitions: 6\n";

    /// A document's `kind` is one that weir has.
    UNKNOWN_KIND = "unknown-kind", "the kind is known";
    why "Without this rule, weir would ignore a document with a misspelt kind.";
    bad "apiVersion: weir/v1\nkind: Topics\n";
    good "apiVersion: weir/v1\nkind: Topic\n";

    /// A field that takes one of a few words has one of them.
    UNKNOWN_VALUE = "unknown-value", "the word is one of those allowed";
    why "Words outside the list have no meaning to the cluster.";
    bad "spec:\n  ensure: deleted\n";
    good "spec:\n  ensure: absent\n";

    /// There is only one document of kind `Workspace`.
    WORKSPACE_DUPLICATE = "workspace-duplicate", "there is one workspace";
    why "Stages and clusters are named in one place, so that everybody means the same by them.";
    bad "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps}\nspec: {clusters: {}, stages: []}\n---\napiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps2}\nspec: {clusters: {}, stages: []}\n";
    good "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps}\nspec: {clusters: {}, stages: []}\n";

    /// There is one document of kind `Workspace`.
    WORKSPACE_MISSING = "workspace-missing", "there is a workspace";
    why "The workspace names stages and clusters; without it entities belong nowhere.";
    bad "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n";
    good "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps}\nspec:\n  clusters: {local: {sandbox: {path: .weir/local}}}\n  stages: [{name: dev, cluster: local}]\n";

    /// A value has the type of its field: text, a whole number, `true` or `false`, a duration, a list, a mapping.
    WRONG_TYPE = "wrong-type", "a value has its field's type";
    why "weir does not convert: `010`, `yes` or `6.0` mean different things to different readers.";
    bad "spec:\n  partitions: \"6\"\n";
    good "spec:\n  partitions: 6\n";

    /// Only the plain part of YAML is used: no anchors, aliases, merge keys or tags, keys that are text, at most
    /// 64 levels deep.
    YAML_FEATURE = "yaml-feature", "only plain YAML is used";
    why "A value that is written elsewhere in the file cannot be reviewed in a diff, nor changed by a command.";
    bad "spec: &base\n  partitions: 6\n";
    good "spec:\n  partitions: 6\n";

    /// The file is YAML.
    YAML_SYNTAX = "yaml-syntax", "the file is YAML";
    why "A document that cannot be read is not taken as absent: the whole run stops.";
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
