//! Tests with service accounts and API keys of a fake Confluent Cloud, topics and ACLs of a real broker behind its
//! front, and secrets in key vaults over TLS: the real clients, with faults between them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod calls;
mod canaries;
mod judge;
mod login;
mod organisation;
mod process;
mod readers;
mod rotation;
mod rounds;
mod run;
mod scene;
mod stages;
mod wishes;
