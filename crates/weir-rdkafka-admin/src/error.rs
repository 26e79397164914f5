use std::borrow::Cow;

use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use thiserror::Error;

/// Why one item of a request, or a whole request, failed: what the broker or librdkafka answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ItemError {
    /// The error code. [`RDKafkaErrorCode::Unknown`] also for codes that librdkafka has no name for.
    pub code: RDKafkaErrorCode,
    /// The code as a number: positive ones are the Kafka protocol's, negative ones librdkafka's own.
    pub number: i32,
    /// The broker's words if it sent any, librdkafka's otherwise. Never empty.
    pub message: String,
}

impl ItemError {
    /// The error of a code and, if there is one, a message. Without, the code's own description is used.
    pub fn new(number: i32, message: Option<String>) -> Self {
        let code = code(number);
        let message = message.filter(|m| !m.trim().is_empty()).unwrap_or_else(|| describe(code, number).into_owned());
        Self { code, number, message }
    }
}

/// Why a call failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The client could not be made: a wrong setting, or one this build does not support.
    #[error("cannot create a client")]
    Client(#[source] KafkaError),
    /// librdkafka does not take one of the items. Nothing was sent.
    #[error("item {index}: {reason}")]
    Item {
        /// Which of the items handed over, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// librdkafka does not take one of the options for this call. Nothing was sent.
    #[error("{0}")]
    Options(String),
    /// The request failed. A time-out says nothing about whether the broker carried it out.
    #[error("{error}")]
    Request {
        /// What the broker or librdkafka answered.
        error: ItemError,
        /// The latest trouble of the client's connections (a refused login, an unreachable broker), when the request
        /// itself failed for want of a connection or of time.
        #[source]
        cause: Option<ItemError>,
    },
    /// The thread of the [`Admin`](crate::Admin) has ended: a callback of its context panicked.
    #[error("the client has ended")]
    Closed,
}

impl Error {
    /// The error code, of a request that failed.
    pub fn code(&self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::Request { error, .. } => Some(error.code),
            _ => None,
        }
    }
}

/// librdkafka's name for the error `number`.
pub(crate) fn code(number: i32) -> RDKafkaErrorCode {
    RDKafkaRespErr::try_from(number).map_or(RDKafkaErrorCode::Unknown, RDKafkaErrorCode::from)
}

fn describe(code: RDKafkaErrorCode, number: i32) -> Cow<'static, str> {
    if code == RDKafkaErrorCode::Unknown && number != -1 {
        return format!("error {number}, which this version of librdkafka does not know").into();
    }
    crate::native::describe_error(number).map_or_else(|| format!("error {number}").into(), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_and_descriptions() {
        let error = ItemError::new(31, None);
        assert_eq!(error.code, RDKafkaErrorCode::ClusterAuthorizationFailed);
        assert_eq!(error.message, "Broker: Cluster authorization failed");
        let error = ItemError::new(-185, Some(" ".into()));
        assert_eq!(error.code, RDKafkaErrorCode::OperationTimedOut);
        assert_eq!(error.to_string(), "Local: Timed out");
    }

    #[test]
    fn the_brokers_words_are_kept() {
        assert_eq!(ItemError::new(44, Some("at most 3 partitions".into())).message, "at most 3 partitions");
    }

    #[test]
    fn codes_of_a_newer_broker_are_numbers() {
        for number in [i32::from(i16::MAX), 9_999, -9_999, 1_000] {
            let error = ItemError::new(number, None);
            assert_eq!((error.code, error.number), (RDKafkaErrorCode::Unknown, number));
            assert_eq!(error.message, format!("error {number}, which this version of librdkafka does not know"));
        }
    }

    #[test]
    fn a_request_error_tells_its_cause_apart() {
        use std::error::Error as _;
        let cause = ItemError::new(-169, Some("SASL authentication error".into()));
        let error = Error::Request { error: ItemError::new(-185, None), cause: Some(cause) };
        assert_eq!(error.to_string(), "Local: Timed out");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("SASL authentication error"));
        assert_eq!(error.code(), Some(RDKafkaErrorCode::OperationTimedOut));
        assert_eq!(Error::Closed.code(), None);
    }
}
