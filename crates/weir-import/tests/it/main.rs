//! Whatever a cluster holds: importing it gives files that are valid and change nothing.

mod properties;
mod speed;
