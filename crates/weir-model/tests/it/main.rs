//! Tests of the crate as a whole.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod any_order;
mod kinds;
mod locate;
mod schema;
mod stages;
mod words;
