//! Observes the cluster through both planes.

use std::collections::{BTreeMap, BTreeSet};

use futures::{
    StreamExt as _, TryStreamExt as _,
    future::{try_join, try_join_all, try_join3},
    stream,
};
use weir_kafka::{Access, Kafka};
use weir_planning::{ClusterFacts, Limits, Maker, Observed, ObservedAccount, ObservedKey, Principal};
use weir_ports::{ErrorKind, PortError, Query, Selection};

use crate::{
    ConfluentCloud,
    answer::{Account, Key},
    apply::untold,
    cloud::{Deployer, FEW},
    control::ControlPlane,
    dialect,
    failure::Trouble,
    limits::{self, Used},
    names::{Bindings, Names},
};

/// The largest number of principals that are queried at the same time.
const AT_ONCE: usize = 16;

/// The control plane's part of the selected state.
#[derive(Debug, Default)]
struct View {
    accounts: Vec<Account>,
    keys: Vec<Key>,
    limits: Limits,
}

pub(crate) async fn observe(cloud: &ConfluentCloud, query: &Query) -> Result<Observed, PortError> {
    let mut observed = if cloud.options.data.is_some() {
        with_brokers(cloud, query).await?
    } else {
        without_brokers(cloud, query).await?
    };
    dialect::facts(&mut observed.cluster);
    Ok(observed)
}

async fn without_brokers(cloud: &ConfluentCloud, query: &Query) -> Result<Observed, PortError> {
    if !query.topics.is_empty() {
        cloud.data()?;
    }
    let control = cloud.control()?;
    let (cluster, view, owner) =
        try_join3(control.cluster(), view(cloud, control, &query.accounts), control_owner(cloud, query)).await?;
    let cluster = ClusterFacts { id: cluster.id.clone(), control: owner, ..ClusterFacts::default() };
    let mut observed = Observed { format: Observed::FORMAT.to_owned(), cluster, ..Observed::default() };
    show(&mut observed, view);
    Ok(observed)
}

async fn with_brokers(cloud: &ConfluentCloud, query: &Query) -> Result<Observed, PortError> {
    let selection = &query.accounts;
    let kafka = cloud.kafka().await?;
    let access = async {
        let everything = async { if is_few(selection) { Ok(None) } else { all_acls(cloud, kafka).await } };
        let (view, deployer, all) = try_join3(accounts(cloud, selection), deployer(cloud), everything).await?;
        let mut named: Vec<(&str, &str)> =
            view.accounts.iter().map(|account| (account.display_name.as_str(), account.id.as_str())).collect();
        let own_id = deployer.principal.as_ref().and_then(Principal::user);
        named.extend(deployer.name.as_deref().zip(own_id));
        let names = Names::new(named.iter().copied());
        let acls = match all {
            Some(all) => all,
            None => acls_of(kafka, named.iter().map(|(_, id)| *id), deployer.principal.as_ref()).await?,
        };
        let acls = names.write(acls, selection.everything)?;
        let deployer = deployer.principal.as_ref().map(|principal| names.written(principal));
        let selected = view.accounts.iter().map(|account| account.display_name.clone()).collect();
        Ok((Access { deployer, acls, selected }, view))
    };
    let ((mut observed, view), owner) =
        try_join(kafka.observe_with(query, access), control_owner(cloud, query)).await?;
    observed.cluster.control = owner;
    show(&mut observed, view);
    limits(cloud, kafka, query, &mut observed.cluster.limits).await?;
    if !query.topics.everything {
        let (ours, internal): (BTreeMap<_, _>, BTreeMap<_, _>) =
            observed.topics.into_iter().partition(|(name, _)| !dialect::is_internal(name));
        observed.topics = ours;
        observed.other_topics.extend(internal.into_keys());
    }
    Ok(observed)
}

/// Adds the limits on partitions and bindings, and their usage.
async fn limits(cloud: &ConfluentCloud, kafka: &Kafka, query: &Query, limits: &mut Limits) -> Result<(), PortError> {
    let (Ok(control), Some(options)) = (cloud.control(), &cloud.options.control) else { return Ok(()) };
    let cluster = control.cluster().await?;
    let counted = cloud.memory().bindings;
    let acls = match counted {
        // Only the bindings of a few accounts were read, so all are counted here.
        None if !query.accounts.is_empty() && limits::counts_acls(limits, cluster, options.takes) => {
            let bindings = kafka.acls(None).await?.values().map(|acls| acls.len() as u64).sum();
            cloud.memory().bindings = Some(bindings);
            Some(bindings)
        }
        counted => counted,
    };
    limits::add(limits, cluster, options.takes, Used { partitions: kafka.partitions(), acls });
    Ok(())
}

/// Adds the selected accounts and their keys.
fn show(observed: &mut Observed, view: View) {
    let View { accounts, keys, limits } = view;
    for key in keys {
        let Some(account) = accounts.iter().find(|account| account.id == key.owner()) else { continue };
        let marker = key.marker();
        let seen = ObservedKey {
            account: account.display_name.clone(),
            slot: marker.as_ref().map(|marker| marker.slot.clone()),
            marker: marker.map(|marker| marker.to_string()),
            created: key.created(),
        };
        observed.keys.insert(key.id, seen);
    }
    let account = |account: Account| {
        let (description, maker) = Maker::signed(&account.description);
        let seen = ObservedAccount { id: account.id, description: description.to_owned(), maker };
        (account.display_name, seen)
    };
    observed.accounts = accounts.into_iter().map(account).collect();
    observed.cluster.limits = limits;
}

/// Returns `true` if looking up each account costs less than listing all.
fn is_few(selection: &Selection) -> bool {
    selection.is_named() && selection.names.len() <= FEW
}

async fn accounts(cloud: &ConfluentCloud, selection: &Selection) -> Result<View, PortError> {
    if let Ok(control) = cloud.control() {
        // Checks the cluster at the same time, so that a wrong cluster is reported early.
        return Ok(try_join(control.cluster(), view(cloud, control, selection)).await?.1);
    }
    let known = &cloud.data()?.account_ids;
    if let Some(name) = selection.names.iter().find(|name| *name != "*" && !known.contains_key(*name)) {
        return Err(untold(name));
    }
    let accounts = known.iter().map(|(name, id)| Account {
        id: id.clone(),
        display_name: name.clone(),
        description: String::new(),
    });
    Ok(View { accounts: accounts.filter(|a| selection.contains(&a.display_name)).collect(), ..View::default() })
}

/// Reads the selected accounts and their keys: a few by name, or else from all pages of both lists, once.
async fn view(cloud: &ConfluentCloud, control: &ControlPlane, selection: &Selection) -> Result<View, PortError> {
    if selection.is_empty() {
        return Ok(View { limits: cloud.memory().limits.clone().unwrap_or_default(), ..View::default() });
    }
    let (mut accounts, keys, limits) = if is_few(selection) {
        let names: Vec<&str> = selection.names.iter().map(String::as_str).collect();
        let remembered = cloud.memory().limits.clone();
        let limits = async {
            match remembered {
                Some(limits) => Ok(limits),
                None => control.limits().await,
            }
        };
        let known = async {
            let accounts = control.accounts(Some(&names)).await?;
            let keys = try_join_all(accounts.iter().map(|account| control.keys(Some(&account.id)))).await?;
            Ok((accounts, keys.concat()))
        };
        let ((accounts, keys), limits) = try_join(known, limits).await?;
        (accounts, keys, limits)
    } else {
        try_join3(control.accounts(None), control.keys(None), control.limits()).await?
    };
    let mut memory = cloud.memory();
    memory.ids.extend(accounts.iter().map(|account| (account.display_name.clone(), account.id.clone())));
    memory.limits = Some(limits.clone());
    let mut makers = BTreeMap::<&str, Vec<Maker>>::new();
    for key in &keys {
        makers.entry(key.owner()).or_default().extend(key.marker().map(|marker| marker.maker));
    }
    accounts.retain(|account| {
        let (_, maker) = Maker::signed(&account.description);
        let of_keys = makers.get(account.id.as_str()).into_iter().flatten();
        selection.contains_account(&account.display_name, maker.iter().chain(of_keys))
    });
    Ok(View { accounts, keys, limits })
}

/// Returns the owner of the control plane's API key, by id; `None` for a query without accounts. A key that may not see
/// itself protects no account.
async fn control_owner(cloud: &ConfluentCloud, query: &Query) -> Result<Option<Principal>, PortError> {
    let (Ok(control), Some(options)) = (cloud.control(), &cloud.options.control) else { return Ok(None) };
    if query.accounts.is_empty() {
        return Ok(None);
    }
    let read = async {
        match control.key(&options.key.id).await {
            Ok(key) => Ok(Some(Principal::of_account(key.owner()))),
            Err(failure) if matches!(failure.trouble, Trouble::Status(403 | 404)) => Ok(None),
            Err(failure) => Err(PortError::from(failure)),
        }
    };
    cloud.control_owner.get_or_try_init(|| read).await.cloned()
}

/// Returns the owner of the data plane's API key, whose rights weir protects.
async fn deployer(cloud: &ConfluentCloud) -> Result<Deployer, PortError> {
    let data = cloud.data()?;
    let Ok(control) = cloud.control() else {
        let id = data.deployer.as_ref().and_then(|name| data.account_ids.get(name));
        return Ok(Deployer { principal: id.map(Principal::of_account), name: data.deployer.clone() });
    };
    let read = async {
        let unknown = |failure| {
            let mut error = PortError::from(failure);
            error.message = format!(
                "cannot find the owner of the API key {} that logs in at the brokers: {}",
                data.key.id, error.message
            );
            error
        };
        let key = control.key(&data.key.id).await.map_err(unknown)?;
        if key.is_for(&cloud.options.cluster) == Some(false) {
            let message = format!("the API key {} is for another cluster than {}", data.key.id, cloud.options.cluster);
            return Err(PortError::new(ErrorKind::WrongCluster, message));
        }
        let owner = key.owner();
        let name = match owner.starts_with("sa-") {
            true => Some(control.account(owner).await.map_err(unknown)?.display_name),
            false => None,
        };
        Ok(Deployer { principal: Some(Principal::of_account(owner)), name })
    };
    cloud.deployer.get_or_try_init(|| read).await.cloned()
}

/// Returns all bindings, by ids; `None` if the cluster does not list them by id.
///
/// Without a principal to filter by, Confluent lists accounts by their old numbers. `UserV2:*` lists them by id, as
/// documented for the REST interface. A broker that does not know `UserV2:*` answers with an empty list, as for any
/// principal without bindings. Then the list without a filter shows whether there are bindings.
async fn all_acls(cloud: &ConfluentCloud, kafka: &Kafka) -> Result<Option<Bindings>, PortError> {
    let listed = match kafka.acls(Some("UserV2:*")).await {
        Err(error) if error.kind == ErrorKind::Refused => Bindings::new(),
        listed => listed?,
    };
    if !listed.is_empty() {
        cloud.learn_by_id();
        cloud.memory().bindings = Some(listed.values().map(|acls| acls.len() as u64).sum());
    }
    if cloud.knows_by_id() || kafka.acls(None).await?.is_empty() {
        return Ok(Some(listed));
    }
    Ok(None)
}

/// Returns the bindings of accounts by their ids, of the deployer, and of `User:*`: one request each.
async fn acls_of(
    kafka: &Kafka,
    ids: impl Iterator<Item = &str>,
    deployer: Option<&Principal>,
) -> Result<Bindings, PortError> {
    let mut principals: BTreeSet<Principal> = ids.map(Principal::of_account).collect();
    principals.extend(deployer.cloned());
    principals.insert(Principal::EVERYBODY.into());
    let mut requests = Vec::with_capacity(principals.len());
    for principal in &principals {
        requests.push(kafka.acls(Some(principal)));
    }
    let answers: Vec<Bindings> = stream::iter(requests).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut bindings = Bindings::new();
    for (principal, acls) in answers.into_iter().flatten() {
        bindings.entry(principal).or_default().extend(acls);
    }
    Ok(bindings)
}
