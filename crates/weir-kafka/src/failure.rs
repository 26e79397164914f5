//! Translates errors of Kafka and librdkafka to the errors of the ports.

use weir_ports::{ErrorKind, PortError};
use weir_rdkafka_admin::{Error, ItemError, rdkafka::types::RDKafkaErrorCode as Code};

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A read changes nothing, so it may be repeated.
    Read,
    /// A write whose answer is lost may or may not have taken effect.
    Write,
}

/// Returns the kind of error for an error code.
pub(crate) fn kind(code: Code, purpose: Purpose) -> ErrorKind {
    match code {
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::DelegationTokenAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::Authentication => ErrorKind::Denied,
        Code::ThrottlingQuotaExceeded
        | Code::NotController
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator
        | Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::PreferredLeaderNotAvailable
        | Code::BrokerNotAvailable
        | Code::ConcurrentTransactions
        // The request was not sent.
        | Code::TimedOutQueue
        | Code::WaitCache
        | Code::Retry
        | Code::QueueFull => ErrorKind::Retry,
        // The request was given up during or after sending.
        Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::NetworkException
        | Code::BadMessage
        | Code::BrokerDestroy
        | Code::DestroyBroker
        | Code::KafkaStorageError => match purpose {
            Purpose::Read => ErrorKind::Retry,
            Purpose::Write => ErrorKind::Ambiguous,
        },
        Code::Resolve | Code::SSL | Code::CriticalSystemResource | Code::UnsupportedSASLMechanism => ErrorKind::Unavailable,
        Code::Unknown => match purpose {
            Purpose::Read => ErrorKind::Unavailable,
            Purpose::Write => ErrorKind::Ambiguous,
        },
        _ => ErrorKind::Refused,
    }
}

/// Returns `true` if the server's certificate is not trusted, or belongs to another host. librdkafka distinguishes
/// the two only in its logs.
pub(crate) fn is_untrusted(message: &str) -> bool {
    message.contains("certificate verify failed")
}

/// Makes the error of one item.
pub(crate) fn item(error: &ItemError, purpose: Purpose, what: impl std::fmt::Display) -> PortError {
    PortError::new(kind(error.code, purpose), format!("{what}: {}", words(error)))
}

/// Makes the error of a whole call.
pub(crate) fn call(error: Error, purpose: Purpose, what: &str) -> PortError {
    match error {
        Error::Request { error, cause } => {
            // A refused login or an untrusted certificate looks like a request that takes too long. A change may have
            // been sent before that.
            let cause = cause.filter(|_| matches!(kind(error.code, Purpose::Write), ErrorKind::Ambiguous));
            let told = cause.as_ref().map(|cause| kind(cause.code, Purpose::Read));
            let kind = match told {
                Some(kind @ (ErrorKind::Denied | ErrorKind::Unavailable)) if purpose == Purpose::Read => kind,
                _ => kind(error.code, purpose),
            };
            let message = format!("{what}: {}", words(&error));
            match cause {
                Some(cause) => PortError::new(kind, format!("{message} ({})", words(&cause))),
                None => PortError::new(kind, message),
            }
        }
        Error::Item { reason, .. } => PortError::refused(format!("{what}: {reason}")),
        Error::Client(source) => PortError::refused("the settings of the client are not accepted").because(source),
        other => PortError::unavailable(what.to_owned()).because(other),
    }
}

/// Returns an error in its sender's words, without the text that librdkafka adds: prefixes, line breaks, the broker's
/// address, durations.
pub(crate) fn words(error: &ItemError) -> String {
    let text = error.message.as_str();
    let text = text.strip_prefix("Broker: ").or_else(|| text.strip_prefix("Local: ")).unwrap_or(text);
    let text = match text.split_once(": ") {
        Some((address, rest)) if address.contains("://") => rest,
        _ => text,
    };
    let text = text.split(" (after ").next().unwrap_or(text);
    // If a controller refuses a forwarded request, its error quotes the whole request with addresses.
    let text = match text.rsplit_once(") needs ") {
        Some((request, needed)) if request.starts_with("Request ") => &format!("needs {needed}"),
        _ => text,
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: i32, cause: Option<(i32, &str)>) -> Error {
        let cause = cause.map(|(number, message)| ItemError::new(number, Some(message.to_owned())));
        Error::Request { error: ItemError::new(number, None), cause }
    }

    #[test]
    fn a_refused_login_is_not_a_timeout() {
        let refused = || request(-185, Some((-169, "SASL authentication error:\n invalid credentials")));
        let error = call(refused(), Purpose::Read, "cannot look");
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(error.message, "cannot look: Timed out (SASL authentication error: invalid credentials)");
        // The change may have been sent earlier, while the credential was still valid.
        let error = call(refused(), Purpose::Write, "cannot change");
        assert_eq!(error.kind, ErrorKind::Ambiguous);
        assert_eq!(error.message, "cannot change: Timed out (SASL authentication error: invalid credentials)");
    }

    #[test]
    fn text_added_by_librdkafka_is_removed() {
        let error = ItemError::new(
            -169,
            Some("sasl_ssl://b1:9093/bootstrap: SASL authentication error: invalid credentials (after 34ms in state AUTH_REQ)".to_owned()),
        );
        assert_eq!(words(&error), "SASL authentication error: invalid credentials");
    }

    #[test]
    fn a_quoted_request_is_removed() {
        let error = ItemError::new(
            31,
            Some(
                "Request Request(processor=2, envelope=Some(Request(session=x@43c1cf86))) needs ALTER permission."
                    .to_owned(),
            ),
        );
        assert_eq!(words(&error), "needs ALTER permission.");
    }

    #[test]
    fn a_lost_answer_is_ambiguous_only_for_changes() {
        assert_eq!(call(request(-185, None), Purpose::Write, "x").kind, ErrorKind::Ambiguous);
        assert_eq!(call(request(-185, None), Purpose::Read, "x").kind, ErrorKind::Retry);
        assert_eq!(
            call(request(-195, Some((-195, "connection refused"))), Purpose::Write, "x").kind,
            ErrorKind::Ambiguous
        );
    }

    #[test]
    fn the_cause_decides_the_kind_of_error() {
        for (number, expected) in [
            (29, ErrorKind::Denied),
            (31, ErrorKind::Denied),
            (89, ErrorKind::Retry),
            (41, ErrorKind::Retry),
            (44, ErrorKind::Refused),
            (3, ErrorKind::Refused),
            (36, ErrorKind::Refused),
            (40, ErrorKind::Refused),
            (9_999, ErrorKind::Ambiguous),
        ] {
            let error = ItemError::new(number, None);
            assert_eq!(item(&error, Purpose::Write, "x").kind, expected, "{number}: {error}");
        }
    }
}
