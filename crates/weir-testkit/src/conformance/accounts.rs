//! Service accounts.

use weir_planning::{Change, ObservedAccount};

use super::{Verdict, bench::Bench, ensure, ensure_eq, suite};

suite! { Cluster;
    create [Accounts] "create-account":
        "A created account is observed with its description and an id; no two accounts have the same id.",
    again [Accounts] "create-account-twice":
        "Creating an existing account with the same description succeeds; with another description it is refused.",
    update [Accounts] "update-account":
        "Changing a description keeps the account's id.",
    describe_absent [Accounts] "update-absent-account":
        "Changing the description of a missing account is refused.",
    delete [Accounts] "delete-account":
        "A deleted account no longer exists; deleting it again succeeds; other accounts stay.",
    long_name [Accounts, ShortAccountNames] "long-account-name":
        "A name of 65 characters is refused, a name of 64 is accepted.",
}

async fn create(b: &Bench<'_>) -> Verdict {
    b.apply(&[b.create_account("a"), b.create_account("b")]).await?;
    let observed = b.until("the accounts", |o| o.accounts.len() == 2).await?;
    let ids: Vec<&str> = observed.accounts.values().map(|account| account.id.as_str()).collect();
    ensure!(ids[0] != ids[1] && !ids[0].is_empty(), "ids: {ids:?}");
    ensure!(observed.accounts.values().all(|a| a.description == "made by a test"), "other descriptions: {observed:?}");
    Ok(())
}

async fn again(b: &Bench<'_>) -> Verdict {
    let create = b.create_account("a");
    b.apply(std::slice::from_ref(&create)).await?;
    let before = b.until("the account", |o| o.accounts.len() == 1).await?;
    b.apply(&[create]).await?;
    b.refused(Change::CreateAccount { account: b.name("a"), description: "another".to_owned() }).await?;
    ensure_eq!(b.observe(&b.everything()).await?.accounts, before.accounts, "the account changed");
    Ok(())
}

async fn update(b: &Bench<'_>) -> Verdict {
    b.apply(&[b.create_account("a")]).await?;
    let name = b.name("a");
    let before = b.until("the account", |o| o.accounts.len() == 1).await?;
    let change =
        Change::UpdateAccount { account: name.clone(), from: "made by a test".to_owned(), to: "new".to_owned() };
    b.apply(std::slice::from_ref(&change)).await?;
    let after = b.until("the description", |o| o.accounts.get(&name).is_some_and(|a| a.description == "new")).await?;
    ensure_eq!(after.accounts[&name].id, before.accounts[&name].id, "the id changed");
    b.apply(&[change]).await
}

async fn describe_absent(b: &Bench<'_>) -> Verdict {
    b.refused(Change::UpdateAccount { account: b.name("absent"), from: String::new(), to: "new".to_owned() }).await
}

async fn delete(b: &Bench<'_>) -> Verdict {
    b.apply(&[b.create_account("a"), b.create_account("b")]).await?;
    b.until("the accounts", |o| o.accounts.len() == 2).await?;
    let delete = Change::delete_account(b.name("a"), &ObservedAccount::default());
    b.apply(std::slice::from_ref(&delete)).await?;
    let rest = [b.name("b")];
    b.until("the deletion", |o| o.accounts.keys().eq(&rest)).await?;
    b.apply(&[delete]).await
}

async fn long_name(b: &Bench<'_>) -> Verdict {
    let name = |length: usize| "x".repeat(length - b.prefix.len());
    b.refused(b.create_account(&name(65))).await?;
    b.apply(&[b.create_account(&name(64))]).await?;
    b.until("the account", |o| o.accounts.len() == 1).await?;
    Ok(())
}
