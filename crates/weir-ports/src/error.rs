use thiserror::Error;

/// The kind of an error at a port, as far as the caller has to act differently.
///
/// The enum is exhaustive on purpose: the compiler names every place that must decide about a new kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The system does not allow it. Says nothing about whether the object exists.
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
    /// The kind: it decides how the caller goes on.
    pub kind: ErrorKind,
    /// The message, as a fragment that fits behind "failed to …:".
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// `true` if the adapter repeated the call itself until its time was up: the caller does not repeat it.
    pub exhausted: bool,
}

impl PortError {
    /// An error without a deeper cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None, exhausted: false }
    }

    /// An error of the kind [`ErrorKind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// An error of the kind [`ErrorKind::Denied`].
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// An error of the kind [`ErrorKind::Retry`].
    pub fn retry(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retry, message)
    }

    /// An error of the kind [`ErrorKind::Ambiguous`].
    pub fn ambiguous(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Ambiguous, message)
    }

    /// An error of the kind [`ErrorKind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// The same error with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns `true` if the caller may make the call again, where making it twice does no harm.
    pub fn may_repeat(&self) -> bool {
        matches!(self.kind, ErrorKind::Retry | ErrorKind::Ambiguous) && !self.exhausted
    }

    /// The same error, from an adapter that repeated the call itself until its time was up: see
    /// [`PortError::exhausted`].
    #[must_use]
    pub fn repeated(self) -> Self {
        Self { exhausted: true, ..self }
    }

    /// The message and its causes on one line.
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

    /// A copy for another item of a batch that failed as a whole, with the causes in the message.
    #[must_use]
    pub fn copy_for_item(&self) -> Self {
        Self { exhausted: self.exhausted, ..Self::new(self.kind, self.chain()) }
    }
}
