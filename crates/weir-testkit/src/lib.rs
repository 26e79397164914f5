//! Shared tools for tests and benches: conformance suites for the ports, expected files, large workspaces, a Kafka broker, a bad
//! network, build agents' view of logs, skips; with features key vaults on loopback (`keyvault`) and a judge of HTTP by
//! OpenAPI files (`openapi`).
//!
//! No released crate depends on it.

pub mod agents;
mod broker;
pub mod conformance;
mod expect;
pub mod generate;
pub mod hostile;
#[cfg(feature = "keyvault")]
pub mod keyvault;
#[cfg(feature = "openapi")]
pub mod openapi;
mod proxy;
pub mod schema;
mod skip;
mod words;
mod yaml;

pub use broker::Broker;
pub use expect::expect;
pub use proxy::Proxy;
pub use skip::skip;
pub use words::serde_reads_words;
pub use yaml::yaml;

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
