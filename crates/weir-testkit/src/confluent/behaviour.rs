//! What a test can switch.

use std::{collections::BTreeSet, time::Duration};

/// How the fake behaves where the real service differs from call to call, from year to year, or from its
/// specification. The default is the friendliest that is faithful; tests make single things worse.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// How much later every answer of the control plane comes.
    pub latency: Duration,
    /// How a list says that it ends.
    pub last_page: LastPage,
    /// What `metadata.total_size` of a list says.
    pub total_size: TotalSize,
    /// How many items a page has at most, whatever the client asks for. Lists have pages of 10 unless asked.
    pub page_limit: Option<usize>,
    /// What reading a deleted API key answers.
    pub deleted_key: Gone,
    /// What reading a deleted service account answers.
    pub deleted_account: Gone,
    /// The status of a created API key: 202 by the specification, 201 has been seen.
    pub key_created: u16,
    /// How long reading a new account or API key by id answers 404. Lists show it at once.
    pub readable_after: Duration,
    /// How long lists do not show a new account or API key.
    pub listed_after: Duration,
    /// How long a deleted account or API key is still there.
    pub deleted_after: Duration,
    /// How long a new API key of a cluster is not let in by the first broker.
    pub key_ready_after: Duration,
    /// How much later each further broker lets a new API key in. Until the last does, a client is let in by some.
    pub key_ready_spread: Duration,
    /// How long a new Cloud API key is not let in by the control plane.
    pub cloud_key_ready_after: Duration,
    /// How many requests are answered.
    pub rate_limit: Option<RateLimit>,
    /// Whether brokers understand the principal `UserV2:*`. Without, it is a principal that nobody has.
    pub user_v2: bool,
    /// Whether brokers name principals by their integer ids, unless asked with `UserV2:*` or by a principal's name.
    pub integer_principals: bool,
    /// How long brokers do not show a new topic, while its name is taken.
    pub topics_seen_after: Duration,
    /// How long a topic is still there, and its name taken, after its deletion was answered; of those that an
    /// administrator deletes.
    pub topics_deleted_after: Duration,
    /// Whether the answer to the creation of a topic says that it has 0 partitions and 0 replicas.
    pub created_with_zeros: bool,
    /// How many partitions all topics of a cluster may have together, before replication.
    pub partition_limit: Option<u32>,
    /// How many ACL bindings a cluster may have.
    pub acl_limit: Option<u32>,
    /// Settings of topics that a broker takes and does not change.
    pub ignored_settings: BTreeSet<String>,
    /// Whether brokers take changes of settings that customers may not change, and do not make them.
    pub read_only_settings: bool,
    /// Whether topics have settings that nobody set, as if somebody had: `confluent.topic.type` and another.
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

/// How the last page of a list says that it is the last.
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
    /// It does not: `next` leads to the last page again, for ever.
    Repeats,
}

/// What a list says about how much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalSize {
    /// The number of items on this page, as has been seen.
    ThisPage,
    /// The number of all items, as specified.
    All,
    /// Nothing.
    Absent,
}

/// How what is gone is told from what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// 403 `forbidden_access`, as if it were somebody else's.
    Forbidden,
    /// 404
    NotFound,
}

/// A limit on the number of requests; beyond it the answer is 429.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// How many requests are let through in a window.
    pub requests: u32,
    /// How long a window is. Headers tell whole seconds.
    pub window: Duration,
    /// What answers tell about it.
    pub headers: RateHeaders,
}

/// Which headers tell about a [`RateLimit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateHeaders {
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` on every answer, `Retry-After` on 429.
    All,
    /// `Retry-After` on 429.
    RetryAfter,
    /// None.
    None,
}
