//! The secrets of accounts that no file declares any more.

use std::collections::BTreeSet;

use weir_planning::*;

use crate::sample::{PRUNING, desired_of, now, options};

const ENTITIES: &str = r#"
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
metadata: {name: stays, team: toll}
spec: {}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: stays-too, team: cards}
spec: {}
"#;

#[test]
fn the_mark_of_a_key_shows_which_vault_holds_it() {
    let leaver = "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: leaver, team: toll}\nspec: {apiKeys: [{slot: batch}]}\n";
    let before = plan(&desired_of([PRUNING, ENTITIES, leaver]), &Observed::default(), &options()).plan;
    let issue = before.steps.iter().find(|step| matches!(step.change, Change::CreateKey { .. })).unwrap();
    let Change::CreateKey { secret, tags, .. } = &issue.change else { unreachable!() };
    let key = ObservedKey {
        account: "dev-leaver".to_owned(),
        slot: Some("batch".to_owned()),
        marker: Some(issue.marker(&before).unwrap().to_string()),
        created: Some(now()),
    };
    let mut observed = Observed::default();
    observed.accounts.insert("dev-leaver".to_owned(), ObservedAccount::default());
    observed.keys.insert("K1".to_owned(), key);

    let desired = desired_of([PRUNING, ENTITIES]);
    // The other accounts have no keys: a former key of theirs would be in the same vault.
    let of_leaver = |desired: &Desired| -> BTreeSet<SecretRef> {
        let needed = secrets_needed(desired, &observed).into_iter();
        needed.filter(|at| at.name.starts_with("kafka-dev-leaver")).collect()
    };
    let needed = of_leaver(&desired);
    let vaults: BTreeSet<&str> = needed.iter().map(|at| at.vault.as_str()).collect();
    assert!(needed.contains(secret) && vaults == BTreeSet::from(["https://kv-toll"]), "{needed:?}");

    // Also when the team has no other account.
    let (without, _) = ENTITIES.split_once("---\napiVersion: weir/v1\nkind: ServiceAccount").unwrap();
    assert_eq!(of_leaver(&desired_of([PRUNING, without])), needed);

    // So the secret goes with the account.
    let mut tags = tags.clone();
    tags.insert(ObservedSecret::TAG_KEY_ID.to_owned(), "K1".to_owned());
    observed.secrets.insert(secret.clone(), ObservedSecret { at: secret.clone(), state: SecretState::Present, tags });
    let steps = plan(&desired, &observed, &options()).plan.steps;
    let takes_secret = |step: &Step| matches!(&step.change, Change::DeleteKey { secret: Some(at), delete_secret: true, .. } if at == secret);
    assert!(steps.iter().any(takes_secret), "{steps:#?}");

    // Where nothing is pruned nothing is looked at.
    assert!(secrets_needed(&Desired { prune: false, ..desired }, &observed).is_empty());
}
