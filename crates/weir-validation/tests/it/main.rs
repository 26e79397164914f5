//! The rules as a whole.

mod cost;
mod fixes;
mod narrowing;
mod pages;
