//! The command line of weir: its commands, flags, formats, exit codes, the terminal. The one crate that knows `clap`.
//!
//! A binary is `Args` and `run`; [`main`] parses, calls `run`, prints errors and returns an [`Exit`]:
//!
//! ```no_run
//! use weir_cli::{Exit, clap};
//!
//! /// Says hello.
//! #[derive(clap::Parser)]
//! struct Args {}
//!
//! fn run(_: Args) -> anyhow::Result<Exit> {
//!     weir_cli::print("hello\n");
//!     Ok(Exit::Fine)
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     weir_cli::main(run)
//! }
//! ```
//!
//! A command parses, calls `weir-pipeline`, prints and exits. This crate must not decide what a plan holds or a
//! deployment does.

mod binary;
mod checked;
pub mod commands;
mod exit;
mod file;
mod findings;
mod fix;
mod flags;
mod new_files;
mod plans;
mod progress;
mod terminal;

pub use clap;

pub use crate::{
    binary::{block_on, main, report, run_from},
    exit::{Exit, Stop},
    file::{OutFile, read_argument, rewrite},
    flags::{DeployedFlag, Format, SignFlag, Terminal, WorkspaceFlag, instant},
    progress::Progress,
    terminal::{confirm, print, print_json, say, style},
};

/// The allocator of all programs. Many threads that read files ask for much memory at once; the C library's own allocator
/// then takes up to half of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
