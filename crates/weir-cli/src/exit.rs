use std::process::ExitCode;

use thiserror::Error;
use weir_pipeline::OpenError;
use weir_ports::{ErrorKind, PortError};

/// The outcome of a run, by its exit code. Pipelines branch on these numbers; their meaning does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Fine = 0,
    /// Errors among the findings, or a plan that is refused.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There are changes, and the caller asked for this exit code.
    Changes = 3,
    /// The plan, or the part of a team, is stale: plan again.
    Stale = 4,
    /// Some steps were done and some were not; running again continues.
    Partial = 5,
    /// Something outside weir failed: a cluster, a vault, a disk.
    Outside = 6,
    /// The plan was made, or carried out, but for objects in trouble, which it leaves alone.
    Blocked = 7,
    /// A mistake in weir.
    Bug = 70,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the outcome of a run that failed with `error`.
    pub fn of(error: &anyhow::Error) -> Self {
        // Also finds a `Stop` that is the context of another error, which the chain does not show.
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return stop.exit;
        }
        for cause in error.chain() {
            if let Some(OpenError::Patience(_)) = cause.downcast_ref() {
                return Exit::Usage;
            }
            if let Some(port) = cause.downcast_ref::<PortError>() {
                return if port.kind == ErrorKind::WrongCluster { Exit::Refused } else { Exit::Outside };
            }
        }
        Exit::Outside
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// An error with an exit code and advice.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Stop {
    /// The outcome of the run.
    pub exit: Exit,
    message: String,
    help: Option<String>,
}

impl Stop {
    /// Makes an error that ends a run as `exit`, with a sentence in lower case.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// weir refuses to do it.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Adds advice: what to do instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn helping(&self) -> Option<&str> {
        self.help.as_deref()
    }
}
