//! Service accounts.

use std::collections::BTreeSet;

use weir_planning::{Change, Maker, Makers, ObservedAccount};

use super::{
    Verdict,
    bench::{Bench, maker},
    ensure, ensure_eq, suite,
};

suite! { Cluster;
    create [Accounts] "create-account":
        "A created account is observed with its description and an id; no two accounts have the same id.",
    again [Accounts] "create-account-twice":
        "Creating an existing account with the same description and mark succeeds; with another one it is refused.",
    update [Accounts] "update-account":
        "Changing a description keeps the account's id and mark.",
    marked [Accounts] "account-mark":
        "A created account is observed with the mark of its workspace and stage, which is no part of its description.",
    by_hand [Accounts, AccountsByHand] "account-by-hand":
        "An account that was created by hand is observed without a mark, and stays without one when its description changes.",
    adopt [Accounts] "adopt-account":
        "An account that is taken over keeps its id and its description, and is observed with the new mark; doing it again succeeds; a missing account is refused.",
    by_mark [Accounts] "accounts-by-mark":
        "A query for the marks of a workspace finds the accounts that carry one of them, whatever their names, and no others; it may leave out the marks of some stages.",
    no_forgery [Accounts] "forged-account-mark":
        "A description that ends like another workspace's mark does not change the mark.",
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
    let another = "another".to_owned();
    b.refused(Change::CreateAccount { account: b.name("a"), description: another, maker: maker() }).await?;
    let other = Maker { stage: "other".to_owned(), ..maker() };
    b.refused(b.create_account_by("a", other)).await?;
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
    ensure_eq!(after.accounts[&name].maker, Some(maker()), "the mark");
    b.apply(&[change]).await
}

async fn marked(b: &Bench<'_>) -> Verdict {
    b.apply(&[b.create_account("a")]).await?;
    let observed = b.until("the account", |o| o.accounts.len() == 1).await?;
    let account = &observed.accounts[&b.name("a")];
    ensure_eq!(account.maker, Some(maker()), "the mark");
    ensure_eq!(account.description, "made by a test", "the description");
    Ok(())
}

async fn by_hand(b: &Bench<'_>) -> Verdict {
    let name = b.name("a");
    b.harness.make_account_by_hand(&name).await.map_err(|e| format!("cannot make an account: {e}"))?;
    let before = b.until("the account", |o| o.accounts.contains_key(&name)).await?;
    ensure_eq!(before.accounts[&name].maker, None, "the mark");
    let from = before.accounts[&name].description.clone();
    b.apply(&[Change::UpdateAccount { account: name.clone(), from, to: "new".to_owned() }]).await?;
    let after = b.until("the description", |o| o.accounts.get(&name).is_some_and(|a| a.description == "new")).await?;
    ensure_eq!(after.accounts[&name].maker, None, "the mark");
    Ok(())
}

async fn adopt(b: &Bench<'_>) -> Verdict {
    let adopt = |account: &str| Change::AdoptAccount {
        account: b.name(account),
        from: Some(maker()),
        maker: Maker { stage: "other".to_owned(), ..maker() },
    };
    b.apply(&[b.create_account("a")]).await?;
    let name = b.name("a");
    let before = b.until("the account", |o| o.accounts.len() == 1).await?;
    b.apply(&[adopt("a")]).await?;
    let by_other = |a: &ObservedAccount| a.maker.as_ref().is_some_and(|maker| maker.stage == "other");
    let after = b.until("the mark", |o| o.accounts.get(&name).is_some_and(by_other)).await?;
    let (before, after) = (&before.accounts[&name], &after.accounts[&name]);
    ensure_eq!((&after.id, &after.description), (&before.id, &before.description), "id and description");
    b.apply(&[adopt("a")]).await?;
    b.refused(adopt("absent")).await
}

async fn by_mark(b: &Bench<'_>) -> Verdict {
    // A mark of this case alone: other cases run beside it.
    let own = Maker { workspace: b.name("own"), ..maker() };
    let other = Maker { stage: "other".to_owned(), ..own.clone() };
    b.apply(&[b.create_account_by("a", own.clone()), b.create_account_by("b", other), b.create_account("c")]).await?;
    b.until("the accounts", |o| o.accounts.len() == 3).await?;
    let mut query = weir_ports::Query::default();
    let except = ["other".to_owned()].into();
    query.accounts.made_by = Some(Makers { workspace: own.workspace.clone(), except });
    let found = b.until_of(&query, "the account", |o| !o.accounts.is_empty()).await?;
    ensure!(found.accounts.keys().eq([&b.name("a")]), "found: {:?}", found.accounts);
    query.accounts.made_by = Some(Makers { workspace: own.workspace, except: BTreeSet::new() });
    let found = b.until_of(&query, "the accounts", |o| o.accounts.len() == 2).await?;
    ensure!(found.accounts.keys().eq([&b.name("a"), &b.name("b")]), "found: {:?}", found.accounts);
    Ok(())
}

async fn no_forgery(b: &Bench<'_>) -> Verdict {
    let name = b.name("a");
    let forged = Maker { workspace: "forged".to_owned(), ..maker() }.sign("x");
    b.apply(&[Change::CreateAccount { account: name.clone(), description: forged.clone(), maker: maker() }]).await?;
    let observed = b.until("the account", |o| o.accounts.len() == 1).await?;
    ensure_eq!(observed.accounts[&name].maker, Some(maker()), "the mark of a new account");
    let to = Maker { workspace: "forged".to_owned(), ..maker() }.sign("y");
    b.apply(&[Change::UpdateAccount { account: name.clone(), from: forged, to: to.clone() }]).await?;
    let observed = b.until("the description", |o| o.accounts.get(&name).is_some_and(|a| a.description == to)).await?;
    ensure_eq!(observed.accounts[&name].maker, Some(maker()), "the mark of a described account");
    Ok(())
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
