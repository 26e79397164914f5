//! The names and types that expressions see. [`crate::facts`] makes the values; a test compares both, and the
//! reference in `docs/policies.md` is generated from these tables.

use std::fmt::Display;

use weir_cel::{Field, Shape, Type};
use weir_model::{Kind, PatternType, Permission, PolicyKind, Resource};
use weir_planning::{Plane, Risk, schema};

use crate::dialect::SETTINGS;

/// The words of a field, for the reference.
fn any_of<W: Display>(words: impl IntoIterator<Item = W>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

macro_rules! shape {
    ($($(#[doc = $shape_doc:literal])* $shape:ident = $name:literal { $($field:literal $($optional:ident)? : $of:expr, $about:expr;)* })*) => {$(
        pub(crate) static $shape: Shape = Shape {
            name: $name,
            fields: &[$(Field { name: $field, of: || $of, optional: shape!(@ $($optional)?), about: || $about.into() }),*],
        };
    )*};
    (@) => { false };
    (@ optional) => { true };
}

shape! {
    METADATA = "the metadata" {
        "name": Type::Text, "Logical name.";
        "team" optional: Type::Text, "The owner; missing for a team.";
        "description" optional: Type::Text, "Purpose.";
        "labels": Type::map(Type::Text), "Labels by name.";
    }
    TOPIC = "a topic" {
        "kind": Type::Text, any_of([Kind::Topic]);
        "name": Type::Text, "Logical name.";
        "physicalName": Type::Text, "Name in the cluster.";
        "metadata": Type::Record(&METADATA), "As written.";
        "spec": Type::Record(&TOPIC_SPEC), "As resolved for the stage: profile and overlay applied.";
    }
    TOPIC_SPEC = "the spec of a topic" {
        "ensure": Type::Text, "`present`";
        "profile" optional: Type::Text, "The profile in force.";
        "partitions" optional: Type::Int, "If missing, the cluster's default applies.";
        "replicationFactor" optional: Type::Int, "If missing, the cluster's default applies.";
        "config": Type::Entries(&SETTINGS), "Settings by name: times in milliseconds, sizes in bytes, lists as lists. Unlimited is the largest number.";
        "access": Type::Record(&TOPIC_ACCESS), "Other teams that may use it.";
    }
    TOPIC_ACCESS = "the access to a topic" {
        "observers": Type::list(Type::Text), "Teams that may see it, but no records.";
        "consumers": Type::list(Type::Text), "Teams that may read it.";
        "producers": Type::list(Type::Text), "Teams that may write to it.";
        "administrators": Type::list(Type::Text), "Teams that may perform any operation on it.";
        "until" optional: Type::Text, "Last day of the consent: `2027-01-31`.";
    }
    ACCOUNT = "a service account" {
        "kind": Type::Text, any_of([Kind::ServiceAccount]);
        "name": Type::Text, "Logical name.";
        "physicalName": Type::Text, "Name in the cluster.";
        "metadata": Type::Record(&METADATA), "As written.";
        "spec": Type::Record(&ACCOUNT_SPEC), "As resolved for the stage.";
    }
    ACCOUNT_SPEC = "the spec of a service account" {
        "ensure": Type::Text, "`present`";
        "apiKeys": Type::list(Type::Record(&API_KEY)), "Its API keys.";
        "vault" optional: Type::Text, "The team's key vault.";
        "namespace" optional: Type::Text, "The team's namespace.";
    }
    API_KEY = "an API key" {
        "slot": Type::Text, "Its slot.";
        "rotateEvery" optional: Type::Int, "Milliseconds. If missing, the key is never rotated.";
        "overlap": Type::Int, "Milliseconds.";
    }
    ACCESS = "an access control list: the grants of one service account" {
        "kind": Type::Text, any_of([Kind::AccessControlList]);
        "name": Type::Text, "Logical name.";
        "metadata": Type::Record(&METADATA), "As written.";
        "spec": Type::Record(&ACCESS_SPEC), "As resolved for the stage.";
    }
    ACCESS_SPEC = "the spec of an access control list" {
        "serviceAccount": Type::Text, "Logical name of the service account.";
        "allow": Type::list(Type::Record(&GRANT)), "Grants. One grant becomes several of Kafka's ACL bindings.";
        "rules": Type::list(Type::Record(&RULE)), "Raw ACL bindings.";
    }
    GRANT = "a grant" {
        "produce" optional: Type::Text, "Topic that the account may write to.";
        "transactionalId" optional: Type::Text, "Transactional id that the account may write with.";
        "consume" optional: Type::Text, "Topic that the account may read.";
        "group" optional: Type::Text, "Consumer group that the account may read with.";
        "until" optional: Type::Text, "Last day of the grant: `2027-01-31`.";
    }
    RULE = "a raw binding" {
        "resource": Type::Text, any_of(Resource::ALL);
        "name" optional: Type::Text, "The resource's name.";
        "pattern": Type::Text, any_of(PatternType::ALL);
        "operations": Type::list(Type::Text), "Kafka's operations: `Read`, `Write`, …";
        "permission": Type::Text, any_of(Permission::ALL);
        "host" optional: Type::Text, "The client's address.";
        "reason" optional: Type::Text, "Reason of the rule, for readers.";
        "until" optional: Type::Text, "Last day of the rule: `2027-01-31`.";
    }
    TEAM_ENTITY = "a team" {
        "kind": Type::Text, any_of([Kind::Team]);
        "name": Type::Text, "Its name.";
        "metadata": Type::Record(&METADATA), "As written.";
        "spec": Type::Record(&TEAM_SPEC), "As written.";
    }
    TEAM_SPEC = "the spec of a team" {
        "vaults": Type::map(Type::Text), "Key vaults by stage.";
        "namespaces": Type::map(Type::Text), "Namespaces by stage.";
        "members": Type::Int, "Number of members.";
        "contact" optional: Type::Text, "Address for questions.";
    }
    STAGE = "the stage" {
        "name": Type::Text, "Its name.";
        "index": Type::Int, "Position in the promotion order, from 0.";
        "last": Type::Bool, "`true` for the last stage.";
        "cluster": Type::Text, "The cluster's name.";
        "provider": Type::Text, "`confluentCloud`, `apacheKafka`, `sandbox`, or nothing.";
        "approvalRequired": Type::Bool, "`true` if plans need an approval.";
        "prefix": Type::Record(&PREFIX), "Text that the stage puts before names.";
    }
    PREFIX = "the prefixes of the stage" {
        "topic": Type::Text, "Before topic names.";
        "group": Type::Text, "Before consumer groups.";
        "transactionalId": Type::Text, "Before transactional ids.";
        "serviceAccount": Type::Text, "Before service accounts.";
    }
    TEAM = "the team" {
        "name": Type::Text, "Its name.";
        "description" optional: Type::Text, "Purpose.";
        "labels": Type::map(Type::Text), "Labels by name.";
    }
    WORKSPACE = "the workspace" {
        "name": Type::Text, "Its name.";
        "stages": Type::list(Type::Text), "Names of stages, in promotion order.";
        "topics": Type::list(Type::Text), "Logical names of all topics.";
        "serviceAccounts": Type::list(Type::Text), "Logical names of all service accounts.";
        "teams": Type::list(Type::Text), "Names of all teams.";
    }
    NOW = "the time" {
        "date": Type::Text, "`2027-01-31`, in UTC; days are compared as text.";
        "weekday": Type::Text, "`Monday`, …, in UTC.";
        "hour": Type::Int, "0 to 23, in UTC.";
    }
    STEP = "a step" {
        "id": Type::Text, "For example `delete-topic toll.passages.v1`.";
        "action": Type::Text, any_of(schema::actions());
        "risk": Type::Text, any_of(Risk::ALL);
        "plane": Type::Text, any_of(Plane::ALL);
        "topic" optional: Type::Text, "Physical name of the topic.";
        "account" optional: Type::Text, "Physical name of the service account.";
        "principal" optional: Type::Text, "Principal of the ACL binding.";
        "entity" optional: Type::Text, "The entity that asks for the step; missing for a pruned object.";
        "team" optional: Type::Text, "The owner of the entity.";
        "labels": Type::map(Type::Text), "Labels of the entity.";
        "before": Type::map(Type::Any), "Values before the step: `partitions`, `replicationFactor`, settings by name; of a service account its `description`, of one that is taken over its `maker`.";
        "after": Type::map(Type::Any), "Values after the step.";
    }
    PLAN = "the plan" {
        "stage": Type::Text, "The stage's name.";
        "cluster": Type::Text, "The cluster's name.";
        "workspace": Type::Text, "The workspace's name.";
        "steps": Type::Int, "Number of steps.";
        "approvalRequired": Type::Bool, "`true` if it needs an approval.";
    }
}

/// Returns the variables that policies about `kind` see.
pub(crate) fn globals(kind: PolicyKind) -> Vec<(&'static str, &'static Shape)> {
    let staged =
        |entity| vec![("entity", entity), ("stage", &STAGE), ("team", &TEAM), ("workspace", &WORKSPACE), ("now", &NOW)];
    match kind {
        PolicyKind::Topic => staged(&TOPIC),
        PolicyKind::ServiceAccount => staged(&ACCOUNT),
        PolicyKind::AccessControlList => staged(&ACCESS),
        PolicyKind::Team => vec![("entity", &TEAM_ENTITY), ("workspace", &WORKSPACE), ("now", &NOW)],
        PolicyKind::Plan => vec![("step", &STEP), ("plan", &PLAN), ("now", &NOW)],
    }
}
