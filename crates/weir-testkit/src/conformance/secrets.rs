//! Secrets in vaults.

use std::collections::BTreeMap;

use weir_planning::{ObservedSecret, SecretRef, SecretState};
use weir_ports::{ExposeSecret as _, SecretString};

use super::{
    Verdict,
    bench::{Bench, refusal, tags},
    ensure, ensure_eq, suite,
};

suite! { SecretSink;
    store [] "store":
        "A stored secret is observed with its tags.",
    readable [ReadSecrets] "read-what-was-stored":
        "An application reads the value that was stored last.",
    absent [] "absent-secret":
        "A missing secret is left out of answers, may be stored, and may be disabled and deleted without effect.",
    newer [] "store-again":
        "After a secret is stored again, the tags of the newest version are observed.",
    disable [] "disable":
        "Disabling the versions of a key disables the secret; disabling them again succeeds; storing makes the secret readable.",
    disable_other [] "disable-another-key":
        "Disabling the versions of another key leaves the secret unchanged.",
    disable_old [ReadSecrets] "disable-old-version":
        "Disabling the versions of the replaced key leaves the newest version readable.",
    delete [] "delete":
        "A deleted secret keeps its name and is recoverable; deleting it again succeeds.",
    recover [] "recover":
        "Storing under the name of a deleted secret recovers the secret.",
    recovered [ReadSecrets] "read-what-was-recovered":
        "After a recovery, an application reads the new value, not the old one.",
    foreign [SecretsByHand] "foreign-secret":
        "A secret that was stored by hand is not overwritten, disabled or deleted.",
    foreign_deleted [SecretsByHand] "deleted-foreign-secret":
        "A secret that was stored and deleted by hand keeps its name: it is not recovered or overwritten.",
    names [] "secret-names-ignore-case":
        "Names that differ only in case are the same secret.",
    bad_names [] "illegal-secret-names":
        "A name is refused if it is empty, too long, or holds a character other than letters, digits and `-`.",
    bad_content [] "too-large-for-a-vault":
        "A value of more than 25 KiB is refused, and so are more than 15 tags.",
    several [] "inspect-several":
        "One call inspects several secrets; missing ones are left out.",
    many [] "inspect-many":
        "Each of many secrets inspected in one call is reported with the same state and tags as alone.",
    list [] "list":
        "The list of a vault shows each of its secrets as it is inspected, the deleted ones too.",
    at_once [] "store-many-at-once":
        "Secrets that are stored at the same time are all kept.",
    writers [] "two-writers-of-a-secret":
        "If two clients store the same secret at the same time, both get true answers: the version stored last is the one observed.",
    disable_deleted [] "disable-deleted-secret":
        "Disabling the versions of a deleted secret succeeds, and leaves the secret deleted.",
    recover_twice [ReadSecrets] "delete-and-recover-again":
        "A secret that was deleted and recovered can be disabled, deleted and recovered again.",
    bad_tags [] "too-long-a-tag":
        "A tag of more than 512 characters is refused.",
    bad_vaults [] "illegal-vault-addresses":
        "The address of a vault is refused if it has no host, no encryption, a path or a user.",
    spelling [] "vault-addresses-are-compared":
        "Addresses that differ only in case or in a slash at the end name the same vault.",
}

fn ours(key: &str) -> BTreeMap<String, String> {
    tags(&[(ObservedSecret::TAG_MANAGED_BY, "weir"), (ObservedSecret::TAG_KEY_ID, key)])
}

async fn put(b: &Bench<'_>, at: &SecretRef, value: &str, key: &str) -> Verdict {
    let value = SecretString::from(value);
    b.sink().store(at, &value, &ours(key)).await.map_err(|e| format!("cannot store: {e}"))
}

async fn is(b: &Bench<'_>, at: &SecretRef, state: SecretState, key: &str) -> Verdict {
    b.secret_until(at, &format!("{state:?} with the key {key}"), |found| {
        found.is_some_and(|found| found.state == state && found.key_id() == Some(key) && found.at == *at)
    })
    .await
}

async fn reads(b: &Bench<'_>, at: &SecretRef, expected: Option<&str>) -> Verdict {
    let value = b.harness.read_secret(at).await.map_err(|e| format!("cannot read: {e}"))?;
    ensure!(value.as_ref().map(|value| value.expose_secret()) == expected, "something else is read than {expected:?}");
    Ok(())
}

async fn store(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    b.sink().preflight(&at).await.map_err(|e| format!("cannot store a new secret: {e}"))?;
    put(b, &at, "one", "K1").await?;
    is(b, &at, SecretState::Present, "K1").await?;
    let found = b.inspect(&at).await?.map(|found| found.tags);
    ensure_eq!(found, Some(ours("K1")), "the tags");
    b.sink().preflight(&at).await.map_err(|e| format!("cannot store our own again: {e}"))
}

async fn readable(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    let value = "{\"secret\":\"a\\\\b \u{fc}\"}\n";
    put(b, &at, "one", "K1").await?;
    put(b, &at, value, "K2").await?;
    reads(b, &at, Some(value)).await
}

async fn absent(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    ensure_eq!(b.inspect(&at).await?, None, "it is there");
    b.sink().preflight(&at).await.map_err(|e| format!("cannot store: {e}"))?;
    b.sink().disable(&at, "K1").await.map_err(|e| format!("cannot disable: {e}"))?;
    b.sink().delete(&at).await.map_err(|e| format!("cannot delete: {e}"))?;
    ensure_eq!(b.inspect(&at).await?, None, "it is there now");
    Ok(())
}

async fn newer(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    put(b, &at, "two", "K2").await?;
    is(b, &at, SecretState::Present, "K2").await
}

async fn disable(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    for _ in 0..2 {
        b.sink().disable(&at, "K1").await.map_err(|e| format!("cannot disable: {e}"))?;
        is(b, &at, SecretState::Disabled, "K1").await?;
    }
    put(b, &at, "two", "K2").await?;
    is(b, &at, SecretState::Present, "K2").await
}

async fn disable_other(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    b.sink().disable(&at, "K2").await.map_err(|e| format!("cannot disable: {e}"))?;
    is(b, &at, SecretState::Present, "K1").await
}

async fn disable_old(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    put(b, &at, "two", "K2").await?;
    b.sink().disable(&at, "K1").await.map_err(|e| format!("cannot disable: {e}"))?;
    is(b, &at, SecretState::Present, "K2").await?;
    reads(b, &at, Some("two")).await
}

async fn delete(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    for _ in 0..2 {
        b.sink().delete(&at).await.map_err(|e| format!("cannot delete: {e}"))?;
        is(b, &at, SecretState::Deleted, "K1").await?;
    }
    b.sink().preflight(&at).await.map_err(|e| format!("a deleted secret of ours cannot be stored again: {e}"))
}

async fn recover(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    b.sink().delete(&at).await.map_err(|e| format!("cannot delete: {e}"))?;
    is(b, &at, SecretState::Deleted, "K1").await?;
    put(b, &at, "two", "K2").await?;
    is(b, &at, SecretState::Present, "K2").await
}

async fn recovered(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    b.sink().delete(&at).await.map_err(|e| format!("cannot delete: {e}"))?;
    reads(b, &at, None).await?;
    put(b, &at, "two", "K2").await?;
    reads(b, &at, Some("two")).await
}

async fn foreign(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    b.harness.store_by_hand(&at).await.map_err(|e| format!("cannot store by hand: {e}"))?;
    let before = b.inspect(&at).await?;
    ensure!(before.as_ref().is_some_and(|found| !found.is_ours()), "it is taken for ours: {before:?}");
    refusal("the preflight", b.sink().preflight(&at).await)?;
    refusal("the overwriting", b.sink().store(&at, &"new".into(), &ours("K1")).await)?;
    refusal("the deletion", b.sink().delete(&at).await)?;
    // Both a refusal and a success without effect are right.
    let _ = b.sink().disable(&at, "BYHAND").await;
    ensure_eq!(b.inspect(&at).await?, before, "it changed");
    Ok(())
}

async fn foreign_deleted(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    b.harness.store_by_hand(&at).await.map_err(|e| format!("cannot store by hand: {e}"))?;
    b.harness.delete_by_hand(&at).await.map_err(|e| format!("cannot delete by hand: {e}"))?;
    b.secret_until(&at, "the deletion", |found| found.is_some_and(|found| found.state == SecretState::Deleted)).await?;
    refusal("the preflight", b.sink().preflight(&at).await)?;
    refusal("the overwriting", b.sink().store(&at, &"new".into(), &ours("K1")).await)?;
    refusal("the deletion", b.sink().delete(&at).await)?;
    let state = b.inspect(&at).await?.map(|found| found.state);
    ensure_eq!(state, Some(SecretState::Deleted), "its state");
    Ok(())
}

async fn names(b: &Bench<'_>) -> Verdict {
    let (lower, upper) = (b.secret("name"), b.secret("NAME"));
    put(b, &lower, "one", "K1").await?;
    is(b, &upper, SecretState::Present, "K1").await?;
    put(b, &upper, "two", "K2").await?;
    is(b, &lower, SecretState::Present, "K2").await
}

async fn bad_names(b: &Bench<'_>) -> Verdict {
    let long = "x".repeat(128);
    for name in ["", "a.b", "a_b", "a/b", "..", "ä", &long] {
        let at = SecretRef { vault: b.harness.vault().to_owned(), name: name.to_owned() };
        refusal(&format!("the name {name:?}"), b.sink().preflight(&at).await)?;
        refusal(&format!("the name {name:?}"), b.sink().store(&at, &"one".into(), &ours("K1")).await)?;
    }
    let longest = b.secret(&"x".repeat(127 - b.prefix.len()));
    put(b, &longest, "one", "K1").await
}

async fn bad_content(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    let large = SecretString::from("x".repeat(25 * 1024 + 1));
    refusal("25 KiB and a byte", b.sink().store(&at, &large, &ours("K1")).await)?;
    let mut many = ours("K1");
    many.extend((0..14).map(|n| (format!("tag-{n}"), String::new())));
    refusal("16 tags", b.sink().store(&at, &"one".into(), &many).await)?;
    ensure_eq!(b.inspect(&at).await?, None, "it is there");
    put(b, &at, &"x".repeat(25 * 1024), "K1").await
}

async fn several(b: &Bench<'_>) -> Verdict {
    let (one, two, absent) = (b.secret("one"), b.secret("two"), b.secret("absent"));
    put(b, &one, "one", "K1").await?;
    put(b, &two, "two", "K2").await?;
    is(b, &two, SecretState::Present, "K2").await?;
    let asked = [one.clone(), two.clone(), absent].into();
    let found = b.sink().inspect(&asked).await.map_err(|e| format!("cannot inspect: {e}"))?;
    ensure!(found.keys().eq([&one, &two]), "{found:?}");
    Ok(())
}

async fn list(b: &Bench<'_>) -> Verdict {
    let (one, two, gone) = (b.secret("one"), b.secret("TWO"), b.secret("gone"));
    for at in [&one, &two, &gone] {
        put(b, at, "v", "K1").await?;
    }
    b.sink().disable(&two, "K1").await.map_err(|e| format!("cannot disable: {e}"))?;
    b.sink().delete(&gone).await.map_err(|e| format!("cannot delete: {e}"))?;
    for (at, state) in [(&one, SecretState::Present), (&two, SecretState::Disabled), (&gone, SecretState::Deleted)] {
        is(b, at, state, "K1").await?;
    }
    let listed = b.sink().list(&one.vault).await.map_err(|e| format!("cannot list: {e}"))?;
    for at in [one, two, gone] {
        let alone = b.inspect(&at).await?;
        let at = SecretRef { name: at.name.to_ascii_lowercase(), ..at };
        let alone = alone.map(|alone| ObservedSecret { at: at.clone(), ..alone });
        ensure_eq!(listed.get(&at).cloned(), alone, "{at} in the list");
    }
    Ok(())
}

async fn many(b: &Bench<'_>) -> Verdict {
    let names: Vec<_> = (0..12).map(|n| b.secret(&format!("s{n}"))).collect();
    for (n, at) in names.iter().enumerate().skip(1) {
        put(b, at, "value", &format!("K{n}")).await?;
    }
    b.sink().disable(&names[1], "K1").await.map_err(|e| format!("cannot disable: {e}"))?;
    b.sink().delete(&names[2]).await.map_err(|e| format!("cannot delete: {e}"))?;
    put(b, &names[3], "newer", "K33").await?;
    is(b, &names[1], SecretState::Disabled, "K1").await?;
    is(b, &names[2], SecretState::Deleted, "K2").await?;
    is(b, &names[3], SecretState::Present, "K33").await?;
    let asked = names.iter().cloned().collect();
    let found = b.sink().inspect(&asked).await.map_err(|e| format!("cannot inspect: {e}"))?;
    ensure_eq!(found.len(), 11, "how many are found");
    for at in &names[1..] {
        ensure_eq!(found.get(at).cloned(), b.inspect(at).await?, "what is found");
    }
    Ok(())
}

async fn at_once(b: &Bench<'_>) -> Verdict {
    let (one, two, three) = (b.secret("one"), b.secret("two"), b.secret("three"));
    let (first, second, third) =
        tokio::join!(put(b, &one, "1", "K1"), put(b, &two, "2", "K2"), put(b, &three, "3", "K3"));
    first.and(second).and(third)?;
    is(b, &one, SecretState::Present, "K1").await?;
    is(b, &two, SecretState::Present, "K2").await?;
    is(b, &three, SecretState::Present, "K3").await
}

async fn writers(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    let (first, second) = tokio::join!(put(b, &at, "one", "K1"), put(b, &at, "two", "K2"));
    first.and(second)?;
    let keys = ["K1", "K2"];
    b.secret_until(&at, "either key", |found| {
        found.and_then(ObservedSecret::key_id).is_some_and(|key| keys.contains(&key))
    })
    .await?;
    put(b, &at, "three", "K3").await?;
    is(b, &at, SecretState::Present, "K3").await
}

async fn disable_deleted(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    b.sink().delete(&at).await.map_err(|e| format!("cannot delete: {e}"))?;
    is(b, &at, SecretState::Deleted, "K1").await?;
    b.sink().disable(&at, "K1").await.map_err(|e| format!("cannot disable: {e}"))?;
    is(b, &at, SecretState::Deleted, "K1").await
}

async fn recover_twice(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    for (value, key) in [("one", "K1"), ("two", "K2")] {
        put(b, &at, value, key).await?;
        b.sink().delete(&at).await.map_err(|e| format!("cannot delete: {e}"))?;
        is(b, &at, SecretState::Deleted, key).await?;
    }
    put(b, &at, "three", "K3").await?;
    b.sink().disable(&at, "K2").await.map_err(|e| format!("cannot disable: {e}"))?;
    is(b, &at, SecretState::Present, "K3").await?;
    reads(b, &at, Some("three")).await
}

async fn bad_tags(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    for (name, value) in [("x".repeat(513), String::new()), ("x".to_owned(), "x".repeat(513))] {
        let mut tags = ours("K1");
        tags.insert(name, value);
        refusal("513 characters", b.sink().store(&at, &"one".into(), &tags).await)?;
    }
    ensure_eq!(b.inspect(&at).await?, None, "it is there");
    let mut longest = ours("K1");
    longest.insert("x".to_owned(), "x".repeat(512));
    b.sink().store(&at, &"one".into(), &longest).await.map_err(|e| format!("cannot store 512 characters: {e}"))
}

async fn bad_vaults(b: &Bench<'_>) -> Verdict {
    let host = b.harness.vault().trim_start_matches("https://").to_owned();
    let wrong = ["".to_owned(), "https://".to_owned(), format!("http://{host}"), format!("https://{host}/secrets")];
    for vault in wrong.into_iter().chain([format!("https://user@{host}"), format!("https://{host}?a")]) {
        let at = SecretRef { vault, name: b.name("a") };
        refusal(&format!("the vault {:?}", at.vault), b.sink().preflight(&at).await)?;
        refusal(&format!("the vault {:?}", at.vault), b.sink().store(&at, &"one".into(), &ours("K1")).await)?;
        refusal(&format!("the vault {:?}", at.vault), b.sink().inspect(&[at.clone()].into()).await.map(drop))?;
    }
    Ok(())
}

async fn spelling(b: &Bench<'_>) -> Verdict {
    let at = b.secret("a");
    put(b, &at, "one", "K1").await?;
    let upper = at.vault.to_uppercase().replacen("HTTPS://", "https://", 1);
    for vault in [format!("{}/", at.vault), upper] {
        let same = SecretRef { vault, name: at.name.clone() };
        is(b, &same, SecretState::Present, "K1").await?;
    }
    Ok(())
}
