//! Secrets that the list of a vault shows.

use std::collections::BTreeMap;

use weir_planning::*;

use crate::sample::{desired_of, options};

const WORKSPACE: &str = r#"
apiVersion: weir/v1
kind: Workspace
metadata: {name: cps}
spec:
  clusters:
    local: {sandbox: {path: .weir, clusterId: here}}
    other: {sandbox: {path: .weir/other, clusterId: there}}
  stages:
    - {name: dev, cluster: local, prefix: {topic: "dev.", serviceAccount: "dev-"}, vault: "https://kv-{team}"}
    - {name: prod, cluster: other, vault: "https://kv-{team}"}
---
apiVersion: weir/v1
kind: Team
metadata: {name: toll}
---
apiVersion: weir/v1
kind: Team
metadata: {name: cards}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: gate, team: toll}
spec: {}
"#;

/// Returns a secret in the list of a vault, with the tags of a key of `gate` in the slot `batch` and other `tags`.
fn listed(vault: &str, name: &str, tags: &[(&str, &str)]) -> ObservedSecret {
    let usual = [
        (ObservedSecret::TAG_MANAGED_BY, "weir"),
        (ObservedSecret::TAG_WORKSPACE, "cps"),
        (ObservedSecret::TAG_STAGE, "dev"),
        (ObservedSecret::TAG_CLUSTER, "here"),
        (ObservedSecret::TAG_ACCOUNT, "dev-gate"),
        (ObservedSecret::TAG_SLOT, "batch"),
        (ObservedSecret::TAG_KEY_ID, "K1"),
    ];
    let tags = usual.iter().chain(tags).map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned()));
    ObservedSecret {
        at: SecretRef { vault: vault.to_owned(), name: name.to_owned() },
        state: SecretState::Present,
        tags: tags.collect::<BTreeMap<_, _>>(),
    }
}

/// Returns the names of the secrets that a plan acts on, and of those that it only reports.
fn sorted(secrets: impl IntoIterator<Item = ObservedSecret>) -> (Vec<String>, Vec<String>) {
    let (desired, mut observed) = (desired_of([WORKSPACE]), Observed::default());
    observed.cluster.id = "here".to_owned();
    add_listed(&desired, &mut observed, secrets);
    let names = |map: BTreeMap<SecretRef, ObservedSecret>| map.into_keys().map(|at| at.to_string()).collect();
    (names(observed.secrets), names(observed.other_secrets))
}

#[test]
fn a_plan_acts_only_on_secrets_in_their_own_place() {
    let (acted_on, reported) = sorted([
        listed("https://kv-toll", "kafka-dev-gate-batch", &[]),
        listed("https://kv-toll", "kafka-dev-gate-batch-key", &[(ObservedSecret::TAG_PROJECTION, "key")]),
        // Tags that do not fit the name are not weir's: a team may write them to speak for another account.
        listed("https://kv-toll", "copied", &[]),
        listed("https://kv-toll", "kafka-dev-gate-batch", &[(ObservedSecret::TAG_ACCOUNT, "dev-cards")]),
        // Somebody copied a secret with its tags into a vault of another team.
        listed("https://kv-cards", "kafka-dev-gate-batch", &[]),
    ]);
    assert_eq!(acted_on, ["https://kv-toll/kafka-dev-gate-batch", "https://kv-toll/kafka-dev-gate-batch-key"]);
    assert_eq!(reported, ["https://kv-cards/kafka-dev-gate-batch"]);
}

#[test]
fn only_secrets_of_this_stage_and_of_former_ones_concern_a_plan() {
    let (acted_on, reported) = sorted([
        listed("https://kv-toll", "kafka-dev-gate-batch", &[(ObservedSecret::TAG_MANAGED_BY, "terraform")]),
        listed("https://kv-toll", "kafka-dev-gate-batch", &[(ObservedSecret::TAG_WORKSPACE, "other")]),
        listed(
            "https://kv-toll",
            "kafka-dev-gate-batch",
            &[(ObservedSecret::TAG_STAGE, "prod"), (ObservedSecret::TAG_CLUSTER, "there")],
        ),
        ObservedSecret { state: SecretState::Deleted, ..listed("https://kv-toll", "kafka-dev-gate-batch", &[]) },
        listed(
            "https://kv-toll",
            "kafka-test-gate-batch",
            &[(ObservedSecret::TAG_STAGE, "test"), (ObservedSecret::TAG_ACCOUNT, "test-gate")],
        ),
    ]);
    assert_eq!((acted_on, reported), (Vec::new(), vec!["https://kv-toll/kafka-test-gate-batch".to_owned()]));
}

#[test]
fn the_vaults_of_accounts_without_keys_are_listed() {
    let (desired, observed) = (desired_of([WORKSPACE]), Observed::default());
    let vaults = vaults_to_list(&desired, &observed);
    assert_eq!(vaults, ["https://kv-toll"].into(), "no service account of cards is known");
}

/// The last slot of a team is gone from the files, and somebody deleted its key by hand.
#[test]
fn the_secret_of_the_last_slot_goes() {
    let (desired, mut observed) = (desired_of([WORKSPACE]), Observed::default());
    observed.cluster.id = "here".to_owned();
    observed
        .accounts
        .insert("dev-gate".to_owned(), ObservedAccount { maker: Some(desired.maker()), ..Default::default() });
    let secret = listed("https://kv-toll", "kafka-dev-gate-batch", &[]);
    add_listed(&desired, &mut observed, [secret.clone()]);
    let steps = plan(&desired, &observed, &options()).plan.steps;
    let takes = |step: &Step| matches!(&step.change, Change::DeleteKey { secret: Some(at), delete_secret: true, .. } if *at == secret.at);
    assert!(steps.iter().any(takes), "{steps:#?}");
}
