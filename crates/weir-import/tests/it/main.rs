//! Importing a cluster, of any state, gives files that are valid and change nothing.

mod properties;
mod speed;
