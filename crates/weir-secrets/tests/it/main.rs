//! Key vaults on loopback, behind TLS.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conforms;
mod faults;
mod logins;
mod many;
mod model;
mod scene;
mod secrecy;
