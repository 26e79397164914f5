//! Policies over small workspaces, and everything hostile.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod expect;
mod expressions;
mod hostile;
mod invalid;
mod pack;
mod plans;
mod scene;
mod waivers;
