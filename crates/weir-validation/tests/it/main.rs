//! Tests of all rules together.

mod cost;
mod fixes;
mod narrowing;
mod pages;
