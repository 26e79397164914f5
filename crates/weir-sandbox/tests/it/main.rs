//! The sandbox as a whole.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod conforms;
mod crash;
mod everything;
mod faults;
mod files;
mod refuses;
mod scene;
mod secrecy;
mod speed;
