use thiserror::Error;

/// What went wrong at a port, as far as whoever called has to act differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Not allowed. Says nothing about whether the object exists.
    Denied,
    /// The system does not take this: wrong value, limit reached, name taken.
    Refused,
    /// Nothing was done; trying again later may help.
    Retry,
    /// It may or may not have been done.
    Ambiguous,
    /// The system is not the expected one.
    WrongCluster,
    /// The system cannot be reached or answers nonsense.
    Unavailable,
}

/// An error of an outside system. Never holds a secret.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct PortError {
    /// What to do about it.
    pub kind: ErrorKind,
    /// What happened, as a fragment that fits behind "failed to …:".
    pub message: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl PortError {
    /// An error without a deeper cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What happened and why, on one line.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// The same error for another item of a batch, its causes in the message.
    #[must_use]
    pub fn for_another_item(&self) -> Self {
        Self::new(self.kind, self.chain())
    }
}
