//! The table of kinds. Everything that holds for every kind is made from it: [`Kind`], the types of entities, the maps
//! of [`Workspace`](crate::Workspace), the loader, the JSON Schemas, and the lists in help and docs.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use weir_findings::closest;

/// Hands the table of kinds to the macro `$make`.
///
/// `Workspace` comes first: it is the one kind of which there is exactly one entity. Each kind says
///
/// - `about`: one sentence, for editors and docs;
/// - `entity`: the name of the type of its entities;
/// - `metadata`: `OwnedMetadata` if a team owns each entity, else `Metadata`;
/// - `spec`: `required`, or `optional` if the default of the type stands for a spec that is left out; then the type;
/// - `field`: the field of [`Workspace`](crate::Workspace) that holds the entities;
/// - `planned`: `yes` if plans have steps for entities of this kind, else `no`;
/// - `alternatives`: the function of `load::alternatives` for mappings of the spec that offer alternatives, if any;
/// - `example`: metadata and spec of a document to begin with, as editors offer it.
macro_rules! kinds {
    ($make:ident) => {
        $make! {
            Workspace {
                about: "The stages, clusters, profiles and defaults of a workspace; exactly one, in `weir.yaml`.",
                entity: WorkspaceEntity,
                metadata: Metadata,
                spec: required WorkspaceSpec,
                field: settings,
                planned: no,
                alternatives: [workspace],
                example: [
                    {"name": "city"},
                    {
                        "clusters": {"local": {"sandbox": {"path": ".weir/local"}}},
                        "stages": [
                            {"name": "dev", "cluster": "local", "prefix": {"topic": "dev.", "serviceAccount": "dev-"}}
                        ],
                    }
                ],
            }
            Team {
                about: "A team, its key vaults and its namespaces.",
                entity: Team,
                metadata: Metadata,
                spec: optional TeamSpec,
                field: teams,
                planned: no,
                alternatives: [team],
                example: [{"name": "toll", "description": "Toll gates"}, {}],
            }
            Topic {
                about: "A topic: partitions, replication factor, settings, and the other teams that may use it.",
                entity: Topic,
                metadata: OwnedMetadata,
                spec: optional TopicSpec,
                field: topics,
                planned: yes,
                alternatives: [],
                example: [
                    {"name": "toll.transactions.v1", "team": "toll", "description": "One record for each passage"},
                    {"partitions": 6, "config": {"retention.ms": "7d"}, "access": {"consumers": ["cards"]}}
                ],
            }
            ServiceAccount {
                about: "An identity that applications log in with, and its API keys.",
                entity: ServiceAccount,
                metadata: OwnedMetadata,
                spec: optional ServiceAccountSpec,
                field: service_accounts,
                planned: yes,
                alternatives: [],
                example: [
                    {"name": "toll-billing", "team": "toll", "description": "Prices passages"},
                    {"apiKeys": [{"rotateEvery": "90d", "overlap": "7d"}]}
                ],
            }
            AccessControlList {
                about: "The grants of one service account.",
                entity: AccessControlList,
                metadata: OwnedMetadata,
                spec: required AccessControlListSpec,
                field: access_control_lists,
                planned: yes,
                alternatives: [access_control_list],
                example: [
                    {"name": "toll-billing", "team": "toll"},
                    {
                        "serviceAccount": "toll-billing",
                        "allow": [
                            {"consume": "toll.transactions.v1", "group": "toll-billing"},
                            {"produce": "toll.prices.v1"}
                        ],
                    }
                ],
            }
            Consent {
                about: "The consent of a team to the use of its names by other teams.",
                entity: Consent,
                metadata: OwnedMetadata,
                spec: required ConsentSpec,
                field: consents,
                planned: no,
                alternatives: [],
                example: [
                    {"name": "toll-events", "team": "toll"},
                    {"topics": ["toll.events.*"], "consumers": ["cards"], "until": "2027-01-31"}
                ],
            }
            Policy {
                about: "A rule of your organisation.",
                entity: Policy,
                metadata: Metadata,
                spec: required PolicySpec,
                field: policies,
                planned: no,
                alternatives: [],
                example: [
                    {"name": "topic-partitions", "description": "Topics have no more partitions than they need"},
                    {
                        "match": {"kinds": ["Topic"]},
                        "severity": "warning",
                        "partitions": {"max": 24},
                        "help": "ask the platform team for more",
                    }
                ],
            }
            Waiver {
                about: "An exception from a rule for one entity, with a reason and a last day.",
                entity: Waiver,
                metadata: Metadata,
                spec: required WaiverSpec,
                field: waivers,
                planned: no,
                alternatives: [],
                example: [
                    {"name": "toll-transactions-partitions"},
                    {
                        "rule": "topic-partitions",
                        "entity": "Topic/toll.transactions.v1",
                        "reason": "read by 48 gates at once",
                        "owner": "platform",
                        "until": "2027-01-31",
                    }
                ],
            }
        }
    };
}
pub(crate) use kinds;

macro_rules! define_kind {
    ($($kind:ident {
        about: $about:literal,
        entity: $entity:ident,
        metadata: $metadata:ident,
        spec: $required:ident $spec:ident,
        field: $field:ident,
        planned: $planned:ident,
        $($_:tt)*
    })*) => {
        /// The kind of an entity.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = $about] $kind,)*
        }

        impl Kind {
            /// All kinds, in the order they are documented.
            pub const ALL: [Kind; [$(Kind::$kind),*].len()] = [$(Kind::$kind),*];

            /// Returns the name as written behind `kind:`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Kind::$kind => stringify!($kind),)*
                }
            }

            /// Returns a sentence about entities of this kind.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Kind::$kind => $about,)*
                }
            }

            /// Returns `true` if every entity of this kind must have a `spec`.
            pub const fn requires_spec(self) -> bool {
                match self {
                    $(Kind::$kind => flag!($required),)*
                }
            }

            /// Returns `true` if plans have steps for entities of this kind.
            pub const fn is_planned(self) -> bool {
                match self {
                    $(Kind::$kind => flag!($planned),)*
                }
            }
        }
    };
}

macro_rules! flag {
    (required) => {
        true
    };
    (optional) => {
        false
    };
    (yes) => {
        true
    };
    (no) => {
        false
    };
}

kinds!(define_kind);

impl Kind {
    /// Returns the name as a sentence has it.
    ///
    /// ```
    /// assert_eq!(weir_model::Kind::ServiceAccount.noun(), "service account");
    /// ```
    pub fn noun(self) -> String {
        self.words(' ')
    }

    pub(crate) fn find(text: &str, same: impl Fn(&str, &str) -> bool) -> Result<Self, UnknownKind> {
        let known = Kind::ALL.into_iter().find(|kind| same(kind.as_str(), text));
        known.ok_or_else(|| UnknownKind { asked: text.to_owned() })
    }

    /// Returns the words of the name in lower case, with `separator` between them.
    pub(crate) fn words(self, separator: char) -> String {
        let mut words = String::new();
        for c in self.as_str().chars() {
            if c.is_uppercase() && !words.is_empty() {
                words.push(separator);
            }
            words.extend(c.to_lowercase());
        }
        words
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no kind `{asked}`; {}", instead(.asked))]
pub struct UnknownKind {
    /// The text.
    pub asked: String,
}

fn instead(asked: &str) -> String {
    let names = || Kind::ALL.into_iter().map(Kind::as_str);
    match closest(asked, names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the kinds are {}", names().collect::<Vec<_>>().join(", ")),
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    /// Reads the name as written behind `kind:`.
    ///
    /// ```
    /// use weir_model::Kind;
    ///
    /// assert_eq!("Topic".parse(), Ok(Kind::Topic));
    /// assert_eq!("Topik".parse::<Kind>().unwrap_err().to_string(), "there is no kind `Topik`; did you mean `Topic`?");
    /// ```
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Kind::find(text, |a, b| a == b)
    }
}
