//! Observation, and states that must not be mistaken for absence.

use std::collections::BTreeSet;

use weir_planning::{NamePattern, Observed, Principal};
use weir_ports::{ErrorKind, Query};

use super::{Verdict, bench::Bench, ensure, ensure_eq, suite};

suite! { Cluster;
    facts [] "cluster-facts":
        "The cluster reports its id, its brokers, and defaults that it would accept itself.",
    names [] "select-by-name":
        "Topics are selected by exact names; a longer name with the same beginning is another topic.",
    patterns [] "select-by-pattern":
        "Topics are selected by the beginning of their names.",
    others [] "other-topics":
        "Every topic is reported either as selected or by name as another topic, never both.",
    nothing [] "select-nothing":
        "An empty query selects no topic and no account, but reports the names of all topics.",
    absent [] "absent":
        "Missing topics and accounts in a query are left out.",
    denied [Denied] "denied":
        "A client without the right to read gets an error that says so, and not an empty answer.",
    accounts [Accounts] "select-accounts":
        "Accounts are selected by names and patterns.",
    no_secrets [] "no-secrets":
        "A cluster reports nothing about secrets in vaults.",
    lossless_facts [] "facts-of-topics":
        "Facts are reported for existing topics only; a new topic holds no records.",
    records [Records] "facts-of-records":
        "The number of records in a topic is reported.",
}

async fn facts(b: &Bench<'_>) -> Verdict {
    let observed = b.observe(&Query::default()).await?;
    let facts = &observed.cluster;
    ensure_eq!(observed.format, Observed::FORMAT, "the format");
    ensure!(!facts.id.is_empty() && facts.brokers > 0 && facts.default_partitions > 0, "{facts:?}");
    ensure!(
        facts.default_replication_factor > 0 && u32::from(facts.default_replication_factor) <= facts.brokers,
        "{facts:?}"
    );
    ensure!(facts.deployer.as_deref().is_none_or(|deployer| Principal::user_in(deployer).is_some()), "{facts:?}");
    let again = b.observe(&Query::default()).await?;
    ensure_eq!(again.cluster.id, facts.id, "the id changes");
    Ok(())
}

async fn topics(b: &Bench<'_>, names: &[&str]) -> Verdict {
    let changes: Vec<_> = names.iter().map(|name| b.create_topic(name)).collect();
    b.apply(&changes).await?;
    b.until("the topics", |o| o.topics.len() == names.len()).await?;
    Ok(())
}

async fn names(b: &Bench<'_>) -> Verdict {
    topics(b, &["a", "a.b", "c"]).await?;
    let mut query = Query::default();
    query.topics.names.extend([b.name("a"), b.name("c")]);
    let observed = b.observe(&query).await?;
    ensure!(observed.topics.keys().eq(&[b.name("a"), b.name("c")]), "{:?}", observed.topics.keys());
    ensure!(observed.other_topics.contains(&b.name("a.b")), "the other topic is not named");
    Ok(())
}

async fn patterns(b: &Bench<'_>) -> Verdict {
    topics(b, &["a", "a.b", "a.c", "b"]).await?;
    let mut query = Query::default();
    query.topics.patterns.push(NamePattern::try_from(b.name("a.*"))?);
    query.topics.names.insert(b.name("b"));
    let observed = b.observe(&query).await?;
    ensure!(observed.topics.keys().eq(&[b.name("a.b"), b.name("a.c"), b.name("b")]), "{:?}", observed.topics.keys());
    Ok(())
}

async fn others(b: &Bench<'_>) -> Verdict {
    topics(b, &["a", "b"]).await?;
    let mut query = Query::default();
    query.topics.names.insert(b.name("a"));
    let observed = b.observe(&query).await?;
    let selected: BTreeSet<String> = observed.topics.keys().cloned().collect();
    ensure!(selected.is_disjoint(&observed.other_topics), "in both: {selected:?}");
    ensure!(selected.contains(&b.name("a")) && observed.other_topics.contains(&b.name("b")), "{observed:?}");
    Ok(())
}

async fn nothing(b: &Bench<'_>) -> Verdict {
    topics(b, &["a"]).await?;
    let observed = b.observe(&Query::default()).await?;
    ensure!(observed.topics.is_empty() && observed.accounts.is_empty() && observed.keys.is_empty(), "{observed:?}");
    ensure!(observed.other_topics.contains(&b.name("a")), "the topic is not named");
    Ok(())
}

async fn absent(b: &Bench<'_>) -> Verdict {
    let mut query = Query::default();
    query.topics.names.insert(b.name("absent"));
    query.accounts.names.insert(b.name("absent"));
    let observed = b.observe(&query).await?;
    ensure!(observed.topics.is_empty() && observed.accounts.is_empty(), "{observed:?}");
    ensure!(!observed.other_topics.contains(&b.name("absent")), "it is named as another");
    Ok(())
}

async fn denied(b: &Bench<'_>) -> Verdict {
    match b.harness.denied().observe(&b.everything()).await {
        Err(e) if e.kind == ErrorKind::Denied => Ok(()),
        Err(e) => Err(format!("the error is {:?}, not Denied: {e}", e.kind)),
        Ok(observed) => Err(format!("there is an answer: {observed:?}")),
    }
}

async fn accounts(b: &Bench<'_>) -> Verdict {
    b.apply(&[b.create_account("a"), b.create_account("ab"), b.create_account("c")]).await?;
    b.until("the accounts", |o| o.accounts.len() == 3).await?;
    let mut query = Query::default();
    query.accounts.names.insert(b.name("a"));
    let observed = b.observe(&query).await?;
    ensure!(observed.accounts.keys().eq(&[b.name("a")]), "by name: {:?}", observed.accounts.keys());
    query.accounts.patterns.push(NamePattern::try_from(b.name("a*"))?);
    let observed = b.observe(&query).await?;
    ensure!(observed.accounts.keys().eq(&[b.name("a"), b.name("ab")]), "by pattern: {:?}", observed.accounts.keys());
    Ok(())
}

async fn no_secrets(b: &Bench<'_>) -> Verdict {
    let observed = b.observe(&b.everything()).await?;
    ensure!(observed.secrets.is_empty(), "{:?}", observed.secrets);
    Ok(())
}

async fn lossless_facts(b: &Bench<'_>) -> Verdict {
    topics(b, &["a"]).await?;
    let asked = BTreeSet::from([b.name("a"), b.name("absent")]);
    let facts = b.cluster().topic_facts(&asked).await.map_err(|e| format!("cannot read facts: {e}"))?;
    ensure!(facts.keys().eq([&b.name("a")]), "{facts:?}");
    let facts = &facts[&b.name("a")];
    ensure!(facts.records == 0 && facts.groups.is_empty() && facts.oldest.is_none(), "{facts:?}");
    Ok(())
}

async fn records(b: &Bench<'_>) -> Verdict {
    topics(b, &["a"]).await?;
    b.harness.write_records(&b.name("a"), 5).await.map_err(|e| format!("cannot write records: {e}"))?;
    let asked = BTreeSet::from([b.name("a")]);
    let facts = b.cluster().topic_facts(&asked).await.map_err(|e| format!("cannot read facts: {e}"))?;
    ensure_eq!(facts.get(&b.name("a")).map(|facts| facts.records), Some(5), "records");
    Ok(())
}
