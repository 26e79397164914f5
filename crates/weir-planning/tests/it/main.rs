//! Everything of weir-planning that is not a case folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod about;
mod again;
mod artefacts;
mod comment;
mod listed;
mod precondition;
mod properties;
mod pruned;
mod rendering;
mod rules;
mod sample;
mod simulation;
mod since;
mod speed;
mod words;
