use std::ffi::c_int;
use std::time::Duration;

use rdkafka::bindings::*;

use crate::error::Error;
use crate::native::{Owned, REASON_SIZE, Reason};

/// Options of a request. The defaults are librdkafka's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    request_timeout: Option<Duration>,
    operation_timeout: Option<Duration>,
    validate_only: bool,
    broker: Option<i32>,
}

impl Options {
    /// Returns the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time to wait for an answer, including finding a broker, connecting, logging in and the work itself.
    /// Whole milliseconds, at most an hour. Default: the client's `socket.timeout.ms`, which is a minute.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout);
        self
    }

    /// Sets the time that the broker may wait for the change to reach the other brokers before it answers. Applies to
    /// topics and partitions only. Whole milliseconds. Default: a minute.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.operation_timeout = Some(timeout);
        self
    }

    /// With `true`, the broker only checks the request. Applies to creating topics and partitions and to altering
    /// configs.
    #[must_use]
    pub fn validate_only(mut self, only: bool) -> Self {
        self.validate_only = only;
        self
    }

    /// Sends the request to the broker with this id, instead of one that librdkafka chooses.
    #[must_use]
    pub fn broker(mut self, id: i32) -> Self {
        self.broker = Some(id);
        self
    }

    /// Converts the options for the operation `op`, together with those that belong to `op` alone.
    ///
    /// # Safety
    ///
    /// `client` is alive.
    pub(crate) unsafe fn native(
        &self,
        client: *mut rd_kafka_t,
        op: rd_kafka_admin_op_t,
        particular: Particular,
    ) -> Result<Owned<rd_kafka_AdminOptions_t>, Error> {
        // SAFETY: the client is alive; the new object is ours.
        let options = unsafe { Owned::new(rd_kafka_AdminOptions_new(client, op)) }
            .ok_or_else(|| Error::Options("librdkafka does not know this operation".into()))?;
        let native = options.as_ptr();
        if let Some(timeout) = self.request_timeout {
            let ms = milliseconds(timeout)?;
            // SAFETY: `options` is alive, the buffer has the size that `set` passes on.
            set("request_timeout", |to| unsafe {
                rd_kafka_AdminOptions_set_request_timeout(native, ms, to.as_mut_ptr(), REASON_SIZE)
            })?;
        }
        if let Some(timeout) = self.operation_timeout {
            let ms = milliseconds(timeout)?;
            // SAFETY: as above.
            set("operation_timeout", |to| unsafe {
                rd_kafka_AdminOptions_set_operation_timeout(native, ms, to.as_mut_ptr(), REASON_SIZE)
            })?;
        }
        if self.validate_only {
            // SAFETY: as above.
            set("validate_only", |to| unsafe {
                rd_kafka_AdminOptions_set_validate_only(native, 1, to.as_mut_ptr(), REASON_SIZE)
            })?;
        }
        if let Some(id) = self.broker {
            // SAFETY: as above.
            set("broker", |to| unsafe { rd_kafka_AdminOptions_set_broker(native, id, to.as_mut_ptr(), REASON_SIZE) })?;
        }
        if particular.authorized_operations {
            // SAFETY: `options` is alive; the error, if any, is ours.
            accepted(unsafe { rd_kafka_AdminOptions_set_include_authorized_operations(native, 1) })?;
        }
        if particular.stable_offsets {
            // SAFETY: as above.
            accepted(unsafe { rd_kafka_AdminOptions_set_require_stable_offsets(native, 1) })?;
        }
        if particular.read_committed {
            let level = rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
            // SAFETY: as above.
            accepted(unsafe { rd_kafka_AdminOptions_set_isolation_level(native, level) })?;
        }
        Ok(options)
    }
}

/// Options that belong to one call. In the public API they are arguments of that call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Particular {
    pub(crate) authorized_operations: bool,
    pub(crate) stable_offsets: bool,
    pub(crate) read_committed: bool,
}

fn milliseconds(timeout: Duration) -> Result<c_int, Error> {
    c_int::try_from(timeout.as_millis()).map_err(|_| Error::Options(format!("a timeout of {timeout:?} is too long")))
}

fn set(option: &str, set: impl FnOnce(&mut Reason) -> rd_kafka_resp_err_t) -> Result<(), Error> {
    let mut reason = Reason::new();
    match set(&mut reason) {
        rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        _ => Err(Error::Options(format!("{option}: {}", reason.or("not accepted")))),
    }
}

/// Takes ownership of the error object, if there is one.
fn accepted(error: *mut rd_kafka_error_t) -> Result<(), Error> {
    // SAFETY: null or a new error object, which the functions called give to the caller.
    match unsafe { Owned::new(error) } {
        None => Ok(()),
        Some(error) => Err(Error::Options(error.view().message().unwrap_or_default())),
    }
}
