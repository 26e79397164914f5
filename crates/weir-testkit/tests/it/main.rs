//! The workspaces that tests, benches and the guide build on are beyond reproach; the fakes are as bad as they say.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[cfg(all(feature = "confluent", feature = "openapi"))]
mod confluent;
#[cfg(feature = "keyvault")]
mod keyvault;
mod workspaces;
