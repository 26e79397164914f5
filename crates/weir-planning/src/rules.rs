//! The pages of the rules that are checked while planning, since they need a live cluster.

use weir_findings::{RulePage, Severity};

/// Returns the pages of all rules of this crate, by id.
pub fn rule_pages() -> &'static [RulePage<'static>] {
    PAGES
}

const PAGES: &[RulePage] = &[
    RulePage {
        id: "account-mark",
        severity: Severity::Error,
        waivable: None,
        title: "descriptions leave room for weir's mark",
        what: "Reports a description of a service account that ends like weir's mark, `(weir: workspace/stage)`, and \
               one that has more than 128 characters together with the mark on Confluent Cloud.",
        why: "weir writes its mark on the service accounts that it makes, and recognises them by it. On Confluent \
              Cloud the mark is the end of the description.",
        bad: "metadata: {name: toll-billing, team: toll, description: \"Billing (weir: acme/prod)\"}",
        good: "metadata: {name: toll-billing, team: toll, description: Billing}",
        remedy: "Write longer explanations in a comment, or in `labels`.",
    },
    RulePage {
        id: "adoption",
        severity: Severity::Error,
        waivable: None,
        title: "only a platform file takes over objects that exist",
        what: "In a workspace with `ownership`, reports a declared service account that exists without the mark of this \
               workspace and stage, and a change or deletion of a topic that exists outside the name space of \
               its team and that a file of this team declares, unless `adopt` names it. weir does nothing to such an object: no binding, no API key, no deletion. Everywhere, reports \
               a declared account with the mark of another workspace, and one that no stage may take over: the account \
               that weir deploys as, super users that the brokers show or `weir.yaml` lists, `ANONYMOUS` and `*`. `adopt` has no effect on \
               the latter.",
        why: "Whoever declares an account gets its API key. If the account has rights already, so has the team that \
              declared it.",
        bad: "kind: ServiceAccount\nmetadata: {name: legacy-billing, team: toll}   # exists; somebody else made it\nspec: {apiKeys: [{}]}",
        good: "kind: Workspace\nspec:\n  ownership:\n    adopt: {prod: {serviceAccounts: [legacy-billing]}}   # in weir.yaml, which belongs to the platform team",
        remedy: "To take over an object, the platform team checks who uses it and which rights it has, and adds its \
                 physical name (or a beginning followed by `*`) to `adopt` of the stage. weir writes its mark on a \
                 service account with the first change; then the name can be removed from `adopt`. A topic \
                 needs no entry if a file of the platform team declares it. Otherwise, choose another name.",
    },
    RulePage {
        id: "cluster-limit",
        severity: Severity::Error,
        waivable: None,
        title: "the limits of the cluster's type are respected",
        what: "Compares partitions, ACL bindings, service accounts and API keys (in use and added by the plan) with \
               the cluster's limits. Deletions make no room, since they come last. The plan leaves out, in its own order, \
               each topic, service account and API key that does not fit, and the new bindings of each account whose \
               bindings do not fit together; it goes on with everything else. It is a warning if rotating slots have no \
               room for a second key, and if the limit is known from documents only.",
        why: "The cluster would refuse these steps.",
        bad: "spec: {partitions: 500}    # there is room for 60",
        good: "spec: {partitions: 50}",
        remedy: "Ask for less, delete unused objects, or ask for a higher limit.",
    },
    RulePage {
        id: "declared-untouchable",
        severity: Severity::Error,
        waivable: None,
        title: "internal and mirrored topics are not declared",
        what: "Reports a declared topic with a name that begins with `_`, or one that a cluster link fills.",
        why: "weir never changes or deletes such topics, so the declaration would have no effect.",
        bad: "kind: Topic\nmetadata: {name: __consumer_offsets, team: toll}",
        good: "kind: Topic\nmetadata: {name: toll.offsets, team: toll}",
        remedy: "Declare a mirror topic with `ensure: unmanaged` until it is promoted.",
    },
    RulePage {
        id: "empty-desired",
        severity: Severity::Warning,
        waivable: None,
        title: "empty files delete nothing",
        what: "Reports a plan that deletes objects of a stage without any declared topic or service account.",
        why: "A missing folder or a wrong branch looks exactly like the wish to delete everything.",
        bad: "",
        good: "",
        remedy: "Check that weir has read all files. If the deletion is intended, deploy with `--beyond-threshold`. \
                 There is no example: the rule is about missing files.",
    },
    RulePage {
        id: "foreign-credential",
        severity: Severity::Error,
        waivable: None,
        title: "passwords that weir did not make are never replaced",
        what: "Reports a slot of a SCRAM user with a SCRAM-SHA-512 password that weir did not make.",
        why: "A SCRAM user has one password of each mechanism: the new key would lock out applications with the old \
              password.",
        bad: "spec:\n  apiKeys: [{slot: default}]   # the user has a SCRAM-SHA-512 password that somebody made",
        good: "spec:\n  apiKeys: [{slot: default}]   # the password that somebody made is a SCRAM-SHA-256 one",
        remedy: "Give the user a SCRAM-SHA-256 password by hand, move its applications to it, delete the \
                 SCRAM-SHA-512 password, and deploy the slot. Then move the applications to the key in the vault.",
    },
    RulePage {
        id: "foreign-secret",
        severity: Severity::Error,
        waivable: None,
        title: "secrets that weir did not write are never overwritten",
        what: "Reports a slot with a secret name that is taken in the vault: by a secret without weir's tag, or by a \
               secret of another stage, service account or slot.",
        why: "Storing the API key would destroy other credentials.",
        bad: "spec:\n  apiKeys: [{slot: default}]   # the vault has a secret of its name that weir did not write",
        good: "spec:\n  apiKeys: [{slot: blue}]",
        remedy: "Rename the slot, give the stage a vault of its own, or move the secret away by hand.",
    },
    RulePage {
        id: "min-insync-exceeds-replication",
        severity: Severity::Error,
        waivable: None,
        title: "there are enough replicas for `min.insync.replicas`",
        what: "Compares `min.insync.replicas` with the topic's replication factor, even if the cluster chooses the \
               replication factor.",
        why: "The brokers would refuse every write with `acks=all`.",
        bad: "spec:\n  config: {min.insync.replicas: 3}   # the topic has 2 replicas",
        good: "spec:\n  config: {min.insync.replicas: 1}",
        remedy: "",
    },
    RulePage {
        id: "name-collides",
        severity: Severity::Error,
        waivable: None,
        title: "topic names differ in more than `.` and `_`",
        what: "Compares the names of new topics with every topic of the cluster, and treats `.` and `_` as equal.",
        why: "Kafka writes `.` as `_` in the names of its metrics, so the broker refuses the topic.",
        bad: "metadata: {name: toll.events_v1, team: toll}   # `toll.events.v1` exists",
        good: "metadata: {name: toll.events.v2, team: toll}",
        remedy: "",
    },
    RulePage {
        id: "partitions-only-grow",
        severity: Severity::Error,
        waivable: None,
        title: "partitions are added, never removed",
        what: "Reports a topic with more partitions than its file asks for.",
        why: "Kafka cannot remove partitions. weir never deletes and creates a topic to get there, because its \
              records would be lost.",
        bad: "spec: {partitions: 6}    # the topic has 12",
        good: "spec: {partitions: 12}",
        remedy: "To get fewer partitions, create another topic and migrate.",
    },
    RulePage {
        id: "replication-exceeds-brokers",
        severity: Severity::Error,
        waivable: None,
        title: "there are enough brokers for the replicas",
        what: "Compares the replication factor with the number of brokers.",
        why: "The cluster would refuse the topic.",
        bad: "spec: {replicationFactor: 5}    # the cluster has 3 brokers",
        good: "spec: {replicationFactor: 3}",
        remedy: "",
    },
    RulePage {
        id: "replication-factor-fixed",
        severity: Severity::Error,
        waivable: None,
        title: "the replication factor stays where the cluster cannot change it",
        what: "Reports a changed replication factor on a cluster that cannot reassign partitions for weir.",
        why: "The only other way is to delete and create the topic. weir never does that.",
        bad: "spec: {replicationFactor: 2}    # the topic has 3",
        good: "spec: {replicationFactor: 3}",
        remedy: "",
    },
    RulePage {
        id: "self-lockout",
        severity: Severity::Error,
        waivable: None,
        title: "a plan does not change the rights of its deployer",
        what: "Reports steps that take rights away from weir's own principal, delete its account, or delete one of its \
               API keys.",
        why: "The deployment would stop half way, and weir could not undo it.",
        bad: "kind: ServiceAccount\nmetadata: {name: weir-deployer, team: platform}   # weir deploys as this account\nspec: {ensure: absent}",
        good: "kind: ServiceAccount\nmetadata: {name: weir-deployer, team: platform}\nspec: {}",
        remedy: "Let another principal deploy the plan, or take the account out of the files.",
    },
    RulePage {
        id: "setting-refused-by-cluster",
        severity: Severity::Error,
        waivable: None,
        title: "settings that the cluster accepts",
        what: "Reports settings that the cluster does not let topics have, or that its brokers do not know.",
        why: "The cluster would refuse the step.",
        bad: "spec:\n  config: {unclean.leader.election.enable: true}   # on Confluent Cloud",
        good: "spec:\n  config: {}",
        remedy: "",
    },
    RulePage {
        id: "steps-wait-for-each-other",
        severity: Severity::Error,
        waivable: None,
        title: "steps have an order",
        what: "Reports two steps that must each come before the other.",
        why: "weir could never carry them out.",
        bad: "",
        good: "",
        remedy: "Deploy the changes in several plans. There is no example: no known files lead to it.",
    },
    RulePage {
        id: "wrong-cluster",
        severity: Severity::Error,
        waivable: None,
        title: "the cluster is the expected one",
        what: "Compares the cluster's id with the one in `weir.yaml`.",
        why: "With a wrong address or login, weir would apply one stage's files to another stage's cluster.",
        bad: "clusters:\n  nonprod: {confluentCloud: {environment: env-1, cluster: lkc-a1}}   # the cluster that answers is lkc-b2",
        good: "clusters:\n  nonprod: {confluentCloud: {environment: env-1, cluster: lkc-b2}}",
        remedy: "Check the address and the credentials. If the cluster was created again, write its new id.",
    },
];
