use std::borrow::Cow;

use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use thiserror::Error;

/// Error of one item of a request, or of a whole request, as the broker or librdkafka reported it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ItemError {
    /// The error code; [`RDKafkaErrorCode::Unknown`] if librdkafka has no name for the code.
    pub code: RDKafkaErrorCode,
    /// The code as a number. Positive numbers are codes of the Kafka protocol, negative numbers are librdkafka's own.
    pub number: i32,
    /// The broker's message if there is one, otherwise librdkafka's description. Never empty.
    pub message: String,
}

impl ItemError {
    /// Makes an error from a code and an optional message. Without a message, the description of the code is used.
    pub fn new(number: i32, message: Option<String>) -> Self {
        let code = code(number);
        let message = message.filter(|m| !m.trim().is_empty()).unwrap_or_else(|| describe(code, number).into_owned());
        Self { code, number, message }
    }
}

/// Error of a call as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The client could not be created: a setting is wrong, or this build does not support it.
    #[error("cannot create a client")]
    Client(#[source] KafkaError),
    /// librdkafka rejected one of the items. Nothing was sent.
    #[error("item {index}: {reason}")]
    Item {
        /// Index of the item, from 0.
        index: usize,
        /// The fault of the item.
        reason: String,
    },
    /// librdkafka rejected one of the options for this call. Nothing was sent.
    #[error("{0}")]
    Options(String),
    /// The request failed. After a time-out, the broker may or may not have carried out the request.
    #[error("{error}")]
    Request {
        /// The error from the broker or from librdkafka.
        error: ItemError,
        /// The latest connection error of the client (a refused login, an unreachable broker). Present only if the
        /// request failed because of a missing connection or a time-out.
        #[source]
        cause: Option<ItemError>,
    },
    /// The thread of the [`Admin`](crate::Admin) has ended, because a callback of its context panicked.
    #[error("the client has ended")]
    Closed,
}

impl Error {
    /// Returns the error code of a failed request.
    pub fn code(&self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::Request { error, .. } => Some(error.code),
            _ => None,
        }
    }
}

/// Returns librdkafka's name for the error `number`.
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
    fn the_brokers_message_is_kept() {
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
    fn a_request_error_has_the_connection_error_as_its_source() {
        use std::error::Error as _;
        let cause = ItemError::new(-169, Some("SASL authentication error".into()));
        let error = Error::Request { error: ItemError::new(-185, None), cause: Some(cause) };
        assert_eq!(error.to_string(), "Local: Timed out");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("SASL authentication error"));
        assert_eq!(error.code(), Some(RDKafkaErrorCode::OperationTimedOut));
        assert_eq!(Error::Closed.code(), None);
    }
}
