//! Behaviour that a test can change.

use std::{collections::BTreeSet, time::Duration};

/// The behaviour of the fake wherever the real service differs from call to call, from year to year, or from its
/// specification. The default is the friendliest behaviour that the real service shows; tests change single fields
/// for the worse.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Delay of every answer of the control plane.
    pub latency: Duration,
    /// The form of a list's last page.
    pub last_page: LastPage,
    /// The meaning of `metadata.total_size` in a list.
    pub total_size: TotalSize,
    /// The largest number of items on a page, whatever the client asks for. Without a request, pages have 10 items.
    pub page_limit: Option<usize>,
    /// The answer to reading a deleted API key.
    pub deleted_key: Gone,
    /// The answer to reading a deleted service account.
    pub deleted_account: Gone,
    /// The status of a created API key: 202 by the specification, 201 has been seen.
    pub key_created: u16,
    /// Time during which reading a new account or API key by id answers 404. Lists show it at once.
    pub readable_after: Duration,
    /// Time during which lists do not show a new account or API key.
    pub listed_after: Duration,
    /// Time during which a deleted account or API key still exists.
    pub deleted_after: Duration,
    /// Time during which the first broker refuses a new API key of a cluster.
    pub key_ready_after: Duration,
    /// Additional time for each further broker to accept a new API key. Meanwhile some brokers accept a client and
    /// others refuse it.
    pub key_ready_spread: Duration,
    /// Time during which the control plane refuses a new Cloud API key.
    pub cloud_key_ready_after: Duration,
    /// The limit on the number of requests.
    pub rate_limit: Option<RateLimit>,
    /// `true` if brokers understand the principal `UserV2:*`. Otherwise they take it for a principal without
    /// bindings.
    pub user_v2: bool,
    /// `true` if brokers name principals by integer ids, unless the filter names `UserV2:*` or one principal.
    pub integer_principals: bool,
    /// Time during which brokers do not show a new topic, although its name is taken.
    pub topics_seen_after: Duration,
    /// Time during which a topic that an administrator deleted still exists, and its name is taken, after the
    /// deletion was answered.
    pub topics_deleted_after: Duration,
    /// `true` if the answer to the creation of a topic reports 0 partitions and 0 replicas.
    pub created_with_zeros: bool,
    /// The limit on the partitions of all topics of a cluster together, before replication.
    pub partition_limit: Option<u32>,
    /// The limit on the ACL bindings of a cluster.
    pub acl_limit: Option<u32>,
    /// Settings of topics that a broker accepts and does not change.
    pub ignored_settings: BTreeSet<String>,
    /// `true` if brokers accept changes of settings that customers may not change, and ignore the changes.
    pub read_only_settings: bool,
    /// `true` if brokers report settings of topics as changed although nobody set them: `confluent.topic.type` and
    /// another.
    pub phantom_settings: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            last_page: LastPage::Absent,
            total_size: TotalSize::ThisPage,
            page_limit: None,
            deleted_key: Gone::Forbidden,
            deleted_account: Gone::NotFound,
            key_created: 202,
            readable_after: Duration::ZERO,
            listed_after: Duration::ZERO,
            deleted_after: Duration::ZERO,
            key_ready_after: Duration::ZERO,
            key_ready_spread: Duration::ZERO,
            cloud_key_ready_after: Duration::ZERO,
            rate_limit: None,
            user_v2: true,
            integer_principals: true,
            topics_seen_after: Duration::ZERO,
            topics_deleted_after: Duration::ZERO,
            created_with_zeros: false,
            partition_limit: None,
            acl_limit: None,
            ignored_settings: BTreeSet::new(),
            read_only_settings: true,
            phantom_settings: true,
        }
    }
}

/// The forms of a list's last page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastPage {
    /// `metadata` has no `next`.
    Absent,
    /// `"next": null`
    Null,
    /// `"next": ""`
    Empty,
    /// `"metadata": {}`
    NoMetadata,
    /// None: `next` leads to the last page again, for ever.
    Repeats,
}

/// The values of a list's `total_size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalSize {
    /// The number of items on this page, as has been observed.
    ThisPage,
    /// The number of all items, as specified.
    All,
    /// Nothing.
    Absent,
}

/// The answer to reading a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// 403 `forbidden_access`, as for an object of another organization.
    Forbidden,
    /// 404
    NotFound,
}

/// A limit on the number of requests; further requests are answered with 429.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// Number of requests that are accepted in a window.
    pub requests: u32,
    /// Length of a window. Headers report whole seconds.
    pub window: Duration,
    /// The headers that report the limit.
    pub headers: RateHeaders,
}

/// The headers that report a [`RateLimit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateHeaders {
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` on every answer, `Retry-After` on 429.
    All,
    /// `Retry-After` on 429.
    RetryAfter,
    /// None.
    None,
}
