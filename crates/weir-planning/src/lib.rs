//! The pure middle of weir: the state that files ask for ([`Desired`]), the state of the cluster and the vaults
//! ([`Observed`]), the steps between the two ([`Plan`]), and everything left undone ([`Report`]).
//!
//! [`plan`] makes every choice; deployment makes none. Nothing here reads a clock, a file
//! or a network: the same input gives the same bytes.
//!
//! ```
//! use weir_planning::{Observed, PlanOptions, desired, plan, render};
//!
//! let files = "
//! apiVersion: weir/v1
//! kind: Workspace
//! metadata: {name: demo}
//! spec:
//!   clusters: {local: {sandbox: {path: .weir}}}
//!   stages: [{name: dev, cluster: local, prefix: {topic: dev.}}]
//! ---
//! apiVersion: weir/v1
//! kind: Topic
//! metadata: {name: events, team: toll}
//! spec: {partitions: 6}
//! ";
//! let loaded = weir_model::load([("weir.yaml", files)]);
//! let workspace = loaded.workspace.expect("the file is well formed");
//! let now = "2026-03-01T12:00:00Z".parse()?;
//! let desired = desired(&workspace.stage("dev")?, now);
//! let options = PlanOptions { now, commit: None };
//! let plan = plan(&desired, &Observed::default(), &options).accept().expect("the cluster takes it");
//! assert_eq!(plan.steps[0].id.to_string(), "create-topic dev.events");
//! assert!(render::text(&plan, false).contains("Plan: 1 to add, 0 to change, 0 to delete"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acl;
mod again;
mod authority;
mod blocks;
mod change;
mod desired;
mod digest;
mod drift;
mod from_files;
mod marker;
mod observed;
mod origin;
mod plan;
mod planner;
mod policy;
mod precondition;
mod principal;
pub mod render;
mod report;
mod rights;
mod risk;
mod rules;
pub mod schema;
mod scope;
mod since;

pub use acl::{Acl, Host};
pub use again::{Again, Doubt, Fate};
pub use authority::{AuthorityItem, AuthorityKind};
pub use blocks::{Blocked, Blocks, LeftAlone, Objects};
pub use change::{About, Change, Object, Phase, SettingChange, Verb};
pub use desired::{
    Desired, DesiredAccount, DesiredBinding, DesiredConsent, DesiredKey, DesiredTeam, DesiredTopic, Provider,
    Withdrawal,
};
pub use digest::{Digest, fingerprint};
pub use drift::{Cause, Difference, Drift};
pub use from_files::{binding, desired};
pub use marker::{KeyMarker, Maker, Makers, NotOurs, is_reserved_description};
pub use observed::{
    ClusterFacts, DocumentedLimits, GroupFacts, Limits, Observed, ObservedAccount, ObservedKey, ObservedSecret,
    ObservedTopic, SecretRef, SecretState, TopicFacts,
};
pub use plan::{AccessChange, Plan, PlanError, Plane, Signature, Step, StepId};
pub use planner::{PlanOptions, Planned, add_listed, facts_needed, plan, plan_around, secrets_needed, vaults_to_list};
pub use policy::{PlanPolicies, PlanWaiver};
pub use precondition::Precondition;
pub use principal::Principal;
pub use report::{Report, ReportItem, ReportKind};
pub use risk::Risk;
pub use rules::rule_pages;
pub use scope::{NamePattern, Scope};
pub use since::{moved, moved_from_nothing};
pub use weir_ownership::is_reserved;

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
