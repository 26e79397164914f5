//! Deployments on a sandbox.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod faults;
mod gate;
mod life;
mod planes;
mod projections;
mod ready;
mod repeats;
mod scene;
mod teams;
mod words;
