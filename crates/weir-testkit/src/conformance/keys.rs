//! API keys.

use weir_ports::{CreatedKey, ExposeSecret as _};

use super::{
    Verdict,
    bench::{Bench, refusal},
    ensure, ensure_eq, suite,
};

suite! { Cluster;
    create [Accounts, Keys] "create-key":
        "A created key has an id and a secret, and is observed as its account's key.",
    marked [Accounts, Keys, KeyMarks] "key-mark":
        "A created key is observed with its mark, its slot and its time of creation.",
    apart [Accounts, Keys, SeveralKeys] "keys-apart":
        "Two keys of one account have different ids and different secrets.",
    delete [Accounts, Keys] "delete-key":
        "A deleted key no longer exists; deleting it again succeeds; the account stays.",
    delete_one [Accounts, Keys, SeveralKeys] "delete-one-key":
        "Deleting a key leaves the other keys of the account.",
    unknown [Accounts, Keys] "key-for-nobody":
        "A key for a missing account is refused.",
    by_hand [Accounts, Keys, KeysByHand] "key-by-hand":
        "A key that was created by hand is observed without a mark or a slot.",
    login [Accounts, Keys, Login] "login":
        "A client can log in with a created key, but not with a deleted one.",
    unseen [Accounts, Keys] "keys-of-others":
        "Keys of an account outside the query are not reported.",
}

async fn key(b: &Bench<'_>, account: &str, number: u32) -> Result<CreatedKey, String> {
    b.cluster()
        .create_key(&b.name(account), &b.marker("default", number))
        .await
        .map_err(|e| format!("cannot create a key: {e}"))
}

async fn delete_key(b: &Bench<'_>, account: &str, id: &str) -> Verdict {
    b.cluster().delete_key(&b.name(account), id).await.map_err(|e| format!("cannot delete the key: {e}"))
}

async fn create(b: &Bench<'_>) -> Verdict {
    b.principal("a").await?;
    let key = key(b, "a", 1).await?;
    ensure!(!key.id.is_empty() && key.secret.expose_secret().len() >= 16, "the id or the secret is too short");
    ensure!(key.connection.contains_key("bootstrap.servers"), "where to connect is missing: {:?}", key.connection);
    let told = key.connection.values().any(|value| value.contains(key.secret.expose_secret()));
    ensure!(!told && !key.id.contains(key.secret.expose_secret()), "the secret is told beside itself");
    let observed = b.until("the key", |o| o.keys.contains_key(&key.id)).await?;
    ensure_eq!(observed.keys[&key.id].account, b.name("a"), "whose key it is");
    Ok(())
}

async fn marked(b: &Bench<'_>) -> Verdict {
    b.principal("a").await?;
    let marker = b.marker("batch", 7);
    let key = b.cluster().create_key(&b.name("a"), &marker).await.map_err(|e| format!("cannot create a key: {e}"))?;
    let observed = b.until("the key", |o| o.keys.contains_key(&key.id)).await?;
    let seen = &observed.keys[&key.id];
    ensure_eq!(seen.marker, Some(marker.to_string()), "the mark");
    ensure_eq!(seen.slot.as_deref(), Some("batch"), "the slot");
    ensure!(seen.created.is_some(), "the time of creation is missing");
    Ok(())
}

async fn apart(b: &Bench<'_>) -> Verdict {
    b.principal("a").await?;
    let (one, two) = (key(b, "a", 1).await?, key(b, "a", 2).await?);
    ensure!(one.id != two.id, "both have the id {}", one.id);
    ensure!(one.secret.expose_secret() != two.secret.expose_secret(), "both have the same secret");
    b.until("both keys", |o| o.keys.len() == 2).await?;
    Ok(())
}

async fn delete(b: &Bench<'_>) -> Verdict {
    b.principal("a").await?;
    let key = key(b, "a", 1).await?;
    b.until("the key", |o| o.keys.contains_key(&key.id)).await?;
    delete_key(b, "a", &key.id).await?;
    let observed = b.until("the deletion", |o| o.keys.is_empty()).await?;
    ensure!(observed.accounts.contains_key(&b.name("a")), "the account is gone");
    delete_key(b, "a", &key.id).await
}

async fn delete_one(b: &Bench<'_>) -> Verdict {
    b.principal("a").await?;
    let (one, two) = (key(b, "a", 1).await?, key(b, "a", 2).await?);
    b.until("both keys", |o| o.keys.len() == 2).await?;
    delete_key(b, "a", &one.id).await?;
    b.until("the deletion", |o| o.keys.keys().eq([&two.id])).await?;
    Ok(())
}

async fn unknown(b: &Bench<'_>) -> Verdict {
    refusal("the key", b.cluster().create_key(&b.name("absent"), &b.marker("default", 1)).await)
}

async fn by_hand(b: &Bench<'_>) -> Verdict {
    b.principal("a").await?;
    let id = b.harness.make_key_by_hand(&b.name("a")).await.map_err(|e| format!("cannot make a key: {e}"))?;
    let observed = b.until("the key", |o| o.keys.contains_key(&id)).await?;
    let key = &observed.keys[&id];
    ensure!(key.marker.is_none() && key.slot.is_none(), "it is taken for ours: {key:?}");
    Ok(())
}

async fn login(b: &Bench<'_>) -> Verdict {
    b.principal("a").await?;
    let key = key(b, "a", 1).await?;
    ensure!(b.harness.logs_in(&key).await, "the new key is not let in");
    let forged = CreatedKey {
        id: key.id.clone(),
        secret: "forged".to_owned().into(),
        created: key.created,
        connection: key.connection.clone(),
    };
    ensure!(!b.harness.logs_in(&forged).await, "a wrong secret is let in");
    delete_key(b, "a", &key.id).await?;
    ensure!(!b.harness.logs_in(&key).await, "the deleted key is let in");
    Ok(())
}

async fn unseen(b: &Bench<'_>) -> Verdict {
    b.principal("a").await?;
    b.principal("b").await?;
    let (of_a, of_b) = (key(b, "a", 1).await?, key(b, "b", 1).await?);
    b.until("both keys", |o| o.keys.len() == 2).await?;
    let mut query = weir_ports::Query::default();
    query.accounts.names.insert(b.name("a"));
    let observed = b.observe(&query).await?;
    ensure!(observed.keys.contains_key(&of_a.id) && !observed.keys.contains_key(&of_b.id), "{:?}", observed.keys);
    Ok(())
}
