//! The control plane: sends calls and reads their answers.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join;
use serde::de::DeserializeOwned;
use tokio::{sync::OnceCell, time::Instant};
use weir_planning::{KeyMarker, Limits};
use weir_ports::{ErrorKind, ExposeSecret as _, PortError};

use crate::{
    Control, Request,
    answer::{self, Account, KafkaCluster, Key, NewKey, Page, Quota},
    failure::{Failure, Trouble},
    http::Http,
};

/// The control plane of a cluster.
pub(crate) struct ControlPlane {
    http: Http,
    cluster: String,
    environment: String,
    assigned_owner: Option<String>,
    described: OnceCell<KafkaCluster>,
}

impl ControlPlane {
    pub(crate) fn new(cluster: &str, control: &Control) -> Result<Self, PortError> {
        Ok(Self {
            http: Http::new(control)?,
            cluster: cluster.to_owned(),
            environment: control.environment.clone(),
            assigned_owner: control.assigned_owner.clone(),
            described: OnceCell::new(),
        })
    }

    /// Returns the deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Instant {
        self.http.deadline()
    }

    pub(crate) fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.http.requests()
    }

    /// Returns the accounts with these names, or all. Names must match exactly, even if the service's filter is
    /// laxer.
    pub(crate) async fn accounts(&self, names: Option<&[&str]>) -> Result<Vec<Account>, Failure> {
        let mut accounts: Vec<Account> = self.all(&Request::list_accounts(names)).await?;
        if let Some(names) = names {
            accounts.retain(|account| names.contains(&account.display_name.as_str()));
        }
        Ok(accounts)
    }

    pub(crate) async fn account(&self, id: &str) -> Result<Account, Failure> {
        self.one(&Request::get_account(id)).await
    }

    pub(crate) async fn create_account(&self, name: &str, description: &str) -> Result<Account, Failure> {
        self.one(&Request::create_account(name, description, self.assigned_owner.as_deref())).await
    }

    pub(crate) async fn update_account(&self, id: &str, description: &str) -> Result<(), Failure> {
        self.done(&Request::update_account(id, description)).await
    }

    pub(crate) async fn delete_account(&self, id: &str) -> Result<(), Failure> {
        self.done(&Request::delete_account(id)).await
    }

    /// Returns the API keys of the cluster: an owner's, or all.
    pub(crate) async fn keys(&self, owner: Option<&str>) -> Result<Vec<Key>, Failure> {
        let mut keys: Vec<Key> = self.all(&Request::list_keys(&self.cluster, owner)).await?;
        // A key without a resource is taken to belong to the requested cluster.
        let ours = |key: &Key| key.is_for(&self.cluster).unwrap_or(true);
        keys.retain(|key| ours(key) && owner.is_none_or(|owner| key.owner() == owner));
        Ok(keys)
    }

    pub(crate) async fn key(&self, id: &str) -> Result<Key, Failure> {
        self.one(&Request::get_key(id)).await
    }

    /// Creates a key and returns it with its secret. An answer that lacks the id or the secret counts as lost.
    pub(crate) async fn create_key(&self, owner: &str, marker: &KeyMarker) -> Result<NewKey, Failure> {
        let request = Request::create_key(&self.cluster, owner, marker);
        let key: NewKey = self.one(&request).await?;
        if key.id.is_empty() || key.spec.secret.expose_secret().is_empty() {
            return Err(Failure::new(&request, Trouble::Unreadable, "the answer has no id or no secret"));
        }
        Ok(key)
    }

    /// Deletes a key. The call may be one of several under one deadline.
    pub(crate) async fn delete_key(&self, id: &str, deadline: Instant) -> Result<(), Failure> {
        self.http.send(&Request::delete_key(id), deadline).await.map(drop)
    }

    /// Returns the cluster, which is read once. A cluster that is missing, foreign or not ready is an error.
    pub(crate) async fn cluster(&self) -> Result<&KafkaCluster, PortError> {
        let Self { cluster, environment, .. } = self;
        let read = async {
            let request = Request::get_cluster(cluster, environment);
            let seen: KafkaCluster = self.one(&request).await.map_err(|failure| {
                let mut error = PortError::from(failure);
                error.message = format!("cannot see {cluster} in {environment}: {}", error.message);
                error
            })?;
            if seen.id != *cluster {
                let message = format!("the cluster of {environment} is `{}`, not `{cluster}`", seen.id);
                return Err(PortError::new(ErrorKind::WrongCluster, message));
            }
            match seen.not_ready() {
                None => Ok(seen),
                Some(why) => Err(PortError::unavailable(why)),
            }
        };
        self.described.get_or_try_init(|| read).await
    }

    /// Returns the limits on accounts and keys. Without the right to see quotas, the limits are unknown: they only
    /// report early what Confluent Cloud would refuse later.
    pub(crate) async fn limits(&self) -> Result<Limits, Failure> {
        let (organization, cluster) =
            (Request::list_organization_quotas(), Request::list_cluster_quotas(&self.cluster, &self.environment));
        let visible = |quotas: Result<Vec<Quota>, Failure>| match quotas {
            Err(failure) if matches!(failure.status(), Some(403 | 404)) => Ok(Vec::new()),
            other => other,
        };
        let (organization, cluster) =
            try_join(async { visible(self.all(&organization).await) }, async { visible(self.all(&cluster).await) })
                .await?;
        let known = |quotas: &[Quota], id: &str| {
            let quota = quotas.iter().find(|quota| quota.id == id)?;
            Some((u64::try_from(quota.applied_limit?).ok()?, u64::try_from(quota.usage?).ok()?))
        };
        // The quota is per account; the list of keys shows how many keys each account has.
        let most =
            |quotas: &[Quota], id: &str| u64::try_from(quotas.iter().find(|quota| quota.id == id)?.applied_limit?).ok();
        // So far, no quota for partitions or bindings has been seen. If there is one, it counts; its usage is
        // observed at the brokers.
        let of_cluster =
            |id: &str| most(&cluster, id).map(|most| (most, known(&cluster, id).map_or(0, |(_, used)| used)));
        Ok(Limits {
            partitions: of_cluster("kafka.max_partitions.per_cluster"),
            acls: of_cluster("kafka.max_acls.per_cluster"),
            accounts: known(&organization, "iam.max_service_accounts.per_org"),
            keys: known(&cluster, "kafka.max_api_keys.per_cluster"),
            keys_per_account: most(&organization, "iam.max_cluster_api_keys.per_service_account"),
            ..Limits::default()
        })
    }

    async fn one<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        let body = self.http.send(request, self.http.deadline()).await?;
        answer::read(&body).map_err(|detail| Failure::new(request, Trouble::Unreadable, detail))
    }

    async fn done(&self, request: &Request) -> Result<(), Failure> {
        self.http.send(request, self.http.deadline()).await.map(drop)
    }

    /// Returns all pages of a list, or an error: with half a list, existing objects would look absent.
    async fn all<T: DeserializeOwned>(&self, list: &Request) -> Result<Vec<T>, Failure> {
        let deadline = self.http.deadline();
        let (mut found, mut seen, mut token) = (Vec::new(), BTreeSet::new(), None);
        loop {
            let body = self.http.send(&list.page(token.as_deref()), deadline).await?;
            let wrong = |detail: String| Failure::new(list, Trouble::Unreadable, detail);
            let page: Page<T> = answer::read(&body).map_err(wrong)?;
            token = page.next().map_err(|detail| wrong(detail.to_owned()))?;
            found.extend(page.data);
            match &token {
                None => return Ok(found),
                Some(token) if seen.insert(token.clone()) => {}
                Some(_) => {
                    return Err(wrong("the list has no end: `next` leads to a page that was read before".to_owned()));
                }
            }
        }
    }
}
