//! Tests of the binaries on a real broker that dies, is cut off, or refuses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod access;
mod attacker;
mod gone;
mod least;
mod rounds;
mod scene;
mod wrong;
