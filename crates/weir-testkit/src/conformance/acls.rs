//! ACL bindings.

use std::collections::BTreeSet;

use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Principal};

use super::{
    Verdict,
    bench::{Bench, allow},
    ensure, ensure_eq, suite,
};

suite! { Cluster;
    create [] "create-acl":
        "Created bindings of every kind of resource are observed, and no others.",
    prefixed [] "create-acl-prefixed":
        "A prefixed and a literal binding of the same name are two bindings.",
    deny [] "create-acl-deny":
        "An allowing and a denying binding that are equal otherwise are two bindings.",
    host [Hosts] "create-acl-host":
        "A binding for one address and a binding for any address are two bindings.",
    wildcard [] "create-acl-wildcard":
        "A literal binding with the name `*` is observed with this name.",
    again [] "create-acl-twice":
        "Creating an existing binding succeeds and makes no second binding.",
    delete [] "delete-acl":
        "A deleted binding no longer exists; deleting it again succeeds.",
    exact [] "delete-acl-exactly":
        "Deleting a binding leaves bindings that differ in name, pattern, operation or permission.",
    apart [] "principals-apart":
        "Bindings of a principal outside the query are not reported, and stay.",
    deployer [] "deployer-bindings":
        "Bindings of the deploying principal are reported for every query.",
    without_topic [] "create-acl-before-topic":
        "A binding can be created before its topic exists.",
    bad_resource [] "wrong-acl-resource":
        "An empty resource name is refused, and so is any cluster name but Kafka's own.",
    meaningless [MeaninglessOperations] "meaningless-operation":
        "An operation that does not apply to its resource is refused.",
    half [] "half-a-batch-of-acls":
        "In a batch of good and bad bindings, each gets its answer in its place, and the good ones are created.",
}

fn creations(principal: &Principal, acls: &[Acl]) -> Vec<Change> {
    acls.iter().map(|acl| Change::CreateAcl { principal: principal.clone(), acl: acl.clone() }).collect()
}

/// Waits until a principal has exactly these bindings.
async fn has(b: &Bench<'_>, principal: &Principal, acls: &[Acl]) -> Verdict {
    let expected: BTreeSet<Acl> = acls.iter().cloned().collect();
    b.until(&format!("{expected:?}"), |o| o.acls.get(principal).cloned().unwrap_or_default() == expected).await?;
    Ok(())
}

async fn create(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let name = b.name("a");
    let acls = [
        allow(Operation::Read, &name),
        allow(Operation::DescribeConfigs, &name),
        Acl { resource: Resource::Group, ..allow(Operation::Read, &name) },
        Acl { resource: Resource::TransactionalId, ..allow(Operation::Write, &name) },
        Acl { resource: Resource::Cluster, ..allow(Operation::Describe, Acl::CLUSTER_NAME) },
    ];
    b.apply(&creations(&principal, &acls)).await?;
    has(b, &principal, &acls).await
}

async fn prefixed(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let literal = allow(Operation::Read, &b.name("a"));
    let acls = [Acl { pattern: PatternType::Prefixed, ..literal.clone() }, literal];
    b.apply(&creations(&principal, &acls)).await?;
    has(b, &principal, &acls).await
}

async fn deny(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let allowed = allow(Operation::Write, &b.name("a"));
    let acls = [Acl { permission: Permission::Deny, ..allowed.clone() }, allowed];
    b.apply(&creations(&principal, &acls)).await?;
    has(b, &principal, &acls).await
}

async fn host(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let any = allow(Operation::Read, &b.name("a"));
    let acls = [Acl { host: "10.0.0.1".into(), ..any.clone() }, any.clone()];
    b.apply(&creations(&principal, &acls)).await?;
    has(b, &principal, &acls).await?;
    b.apply(&[Change::DeleteAcl { principal: principal.clone(), acl: any }]).await?;
    has(b, &principal, &acls[..1]).await
}

async fn wildcard(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let acls = [allow(Operation::Describe, "*")];
    b.apply(&creations(&principal, &acls)).await?;
    has(b, &principal, &acls).await
}

async fn again(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let acls = [allow(Operation::Read, &b.name("a"))];
    b.apply(&creations(&principal, &acls)).await?;
    has(b, &principal, &acls).await?;
    b.apply(&creations(&principal, &acls)).await?;
    has(b, &principal, &acls).await
}

async fn delete(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let acl = allow(Operation::Read, &b.name("a"));
    b.apply(&creations(&principal, std::slice::from_ref(&acl))).await?;
    has(b, &principal, std::slice::from_ref(&acl)).await?;
    let delete = Change::DeleteAcl { principal: principal.clone(), acl };
    b.apply(std::slice::from_ref(&delete)).await?;
    has(b, &principal, &[]).await?;
    b.apply(&[delete]).await
}

async fn exact(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let one = allow(Operation::Read, &b.name("a"));
    let others = [
        Acl { name: b.name("a.b").into(), ..one.clone() },
        Acl { pattern: PatternType::Prefixed, ..one.clone() },
        Acl { operation: Operation::Write, ..one.clone() },
        Acl { permission: Permission::Deny, ..one.clone() },
        Acl { resource: Resource::Group, ..one.clone() },
    ];
    b.apply(&creations(&principal, &others)).await?;
    b.apply(&creations(&principal, std::slice::from_ref(&one))).await?;
    b.until("all bindings", |o| o.acls.get(&principal).is_some_and(|acls| acls.len() == 6)).await?;
    b.apply(&[Change::DeleteAcl { principal: principal.clone(), acl: one }]).await?;
    has(b, &principal, &others).await
}

async fn apart(b: &Bench<'_>) -> Verdict {
    let (p, q) = (b.principal("p").await?, b.principal("q").await?);
    let acl = allow(Operation::Read, &b.name("a"));
    b.apply(&creations(&p, std::slice::from_ref(&acl))).await?;
    b.apply(&creations(&q, std::slice::from_ref(&acl))).await?;
    b.until("both", |o| o.acls.contains_key(&p) && o.acls.contains_key(&q)).await?;
    let mut query = weir_ports::Query::default();
    query.accounts.names.insert(b.name("p"));
    let observed = b.observe(&query).await?;
    ensure!(
        observed.acls.contains_key(&p) && !observed.acls.contains_key(&q),
        "not only {p}: {:?}",
        observed.acls.keys()
    );
    b.apply(&[Change::DeleteAcl { principal: p.clone(), acl: acl.clone() }]).await?;
    has(b, &p, &[]).await?;
    has(b, &q, &[acl]).await
}

async fn deployer(b: &Bench<'_>) -> Verdict {
    // A cluster that does not report its deploying principal has nothing to show.
    let query = weir_ports::Query::default();
    let Some(deployer) = b.observe(&query).await?.cluster.deployer else { return Ok(()) };
    let acl = allow(Operation::Describe, &b.name("a"));
    b.apply(&creations(&deployer, std::slice::from_ref(&acl))).await?;
    let has = |o: &weir_planning::Observed| o.acls.get(&deployer).is_some_and(|acls| acls.contains(&acl));
    let seen = b.until_of(&query, "the binding", has).await;
    b.apply(&[Change::DeleteAcl { principal: deployer.clone(), acl: acl.clone() }]).await?;
    b.until_of(&query, "the deletion", |o| !has(o)).await?;
    seen.map(|_| ())
}

async fn without_topic(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let acls = [allow(Operation::Read, &b.name("later"))];
    b.apply(&creations(&principal, &acls)).await?;
    has(b, &principal, &acls).await?;
    b.apply(&[b.create_topic("later")]).await?;
    b.until("the topic", |o| o.topics.len() == 1).await?;
    Ok(())
}

async fn bad_resource(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let cluster = Acl { resource: Resource::Cluster, ..allow(Operation::Describe, &b.name("a")) };
    for acl in [allow(Operation::Read, ""), cluster] {
        b.refused(Change::CreateAcl { principal: principal.clone(), acl }).await?;
    }
    has(b, &principal, &[]).await
}

async fn meaningless(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let acl = allow(Operation::IdempotentWrite, &b.name("a"));
    b.refused(Change::CreateAcl { principal: principal.clone(), acl }).await?;
    let acl = Acl { resource: Resource::Group, ..allow(Operation::Write, &b.name("a")) };
    b.refused(Change::CreateAcl { principal, acl }).await
}

async fn half(b: &Bench<'_>) -> Verdict {
    let principal = b.principal("p").await?;
    let good = [allow(Operation::Read, &b.name("a")), allow(Operation::Read, &b.name("b"))];
    let answers =
        b.answers(&creations(&principal, &[good[0].clone(), allow(Operation::Read, ""), good[1].clone()])).await?;
    let done: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    ensure_eq!(done, [true, false, true], "which were granted");
    has(b, &principal, &good).await
}
