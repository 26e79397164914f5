use std::{borrow::Borrow, fmt, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// The principal of ACL bindings, as Kafka writes it: a type and a name, `User:dev-toll-billing`.
///
/// ```
/// use weir_planning::Principal;
///
/// let principal = Principal::of_account("dev-toll-billing");
/// assert_eq!(principal.to_string(), "User:dev-toll-billing");
/// assert_eq!(principal.user(), Some("dev-toll-billing"));
/// assert_eq!(Principal::from("Group:billing").user(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Principal(String);

/// The type of principals that log in.
const USER: &str = "User:";

impl Principal {
    /// The principal that stands for every user.
    pub const EVERYBODY: &'static str = "User:*";
    /// The principal of clients that do not log in.
    pub const ANONYMOUS: &'static str = "User:ANONYMOUS";

    /// The principal of the service account, SCRAM user or id `name`.
    pub fn of_account(name: impl fmt::Display) -> Self {
        Self(format!("{USER}{name}"))
    }

    /// The name of the user; absent for principals of another type.
    pub fn user(&self) -> Option<&str> {
        Self::user_in(&self.0)
    }

    /// The name of the user in the text of a principal, as [`Principal::user`] gives it.
    pub fn user_in(principal: &str) -> Option<&str> {
        principal.strip_prefix(USER)
    }
}

impl From<String> for Principal {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Principal {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Deref for Principal {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Principal {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Principal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Principal".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}
