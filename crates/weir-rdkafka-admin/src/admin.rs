use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use futures_channel::oneshot;
use rdkafka::bindings::*;
use rdkafka::client::{Client, ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaType};

use crate::error::{Error, ItemError, code};
use crate::ffi;
use crate::native::{Owned, REASON_SIZE, Reason, Ref, check, text};
use crate::options::{Options, Particular};
use crate::stack::with_room;

/// An admin client.
///
/// An [`Admin`] has its own connections and its own thread. Make one client and use it for everything, from any thread.
/// The settings of [`ClientConfig`] for consuming and producing have no effect.
///
/// The client's thread calls the context's callbacks for logs, errors, statistics and OAUTHBEARER tokens.
pub struct Admin<C: ClientContext + 'static = DefaultClientContext> {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    // The client is the last field, so that rd_kafka_destroy runs after everything else.
    client: Arc<Client<C>>,
}

impl<C: ClientContext + 'static> fmt::Debug for Admin<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl Admin {
    /// Makes a client with rdkafka's default context. The first call makes the first connection.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if a setting is unknown, out of range or not supported by this build.
    pub fn new(config: &ClientConfig) -> Result<Self, Error> {
        Self::with_context(config, DefaultClientContext)
    }
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Makes a client with the given context.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if a setting is unknown, out of range or not supported by this build.
    pub fn with_context(config: &ClientConfig, context: C) -> Result<Self, Error> {
        let native = config.create_native_config().map_err(Error::Client)?;
        let mut events = RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS;
        if C::ENABLE_REFRESH_OAUTH_TOKEN {
            events |= RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH;
        }
        // SAFETY: `native` is alive.
        unsafe { rd_kafka_conf_set_events(native.ptr(), events) };
        // Other bindings also use a producer, because it is the lighter kind of client.
        let client = with_room(|| Client::new(config, native, RDKafkaType::RD_KAFKA_PRODUCER, context));
        let client = client.map_err(Error::Client)?;
        let client = Arc::new(client);
        // SAFETY: the client is alive; the queue is new and ours, and destroyed before the client.
        let queue = unsafe { Owned::new(rd_kafka_queue_new(client.native_ptr())) }.ok_or(Error::Closed)?;
        // SAFETY: the client is alive; the reference to its main queue is ours.
        let main = unsafe { Owned::new(rd_kafka_queue_get_main(client.native_ptr())) }.ok_or(Error::Closed)?;
        // SAFETY: both queues are alive. The client's own events then also come to our thread.
        unsafe { rd_kafka_queue_forward(main.as_ptr(), queue.as_ptr()) };
        let shared = Arc::new(Shared { queue: Some(queue), main: Some(main), state: Mutex::default() });
        let poller = Poller { shared: Arc::clone(&shared), client: Arc::clone(&client) };
        let thread = std::thread::Builder::new()
            .name("kafka-admin".into())
            .spawn(move || poller.run())
            .map_err(|e| Error::Client(KafkaError::ClientCreation(format!("cannot start a thread: {e}"))))?;
        Ok(Self { shared, thread: Some(thread), client })
    }

    /// Returns the underlying client, for cluster metadata (the list of all topics), watermarks and the context. Its
    /// calls block.
    pub fn client(&self) -> &Client<C> {
        &self.client
    }

    /// Returns the client's latest connection error since the last successful request: a refused login, an unreachable
    /// broker. Requests wait until the connection is restored or the request times out.
    pub fn connection_error(&self) -> Option<ItemError> {
        self.shared.state().trouble.clone()
    }

    /// Sends a request and returns the answer as converted by `decode`.
    pub(crate) fn request<T: Send + 'static>(
        &self,
        op: Op,
        options: &Options,
        send: impl FnOnce(Target),
        decode: impl FnOnce(Ref<'_, rd_kafka_event_t>) -> Result<T, Error> + Send + 'static,
    ) -> Result<Reply<T>, Error> {
        let client = self.client.native_ptr();
        // SAFETY: the client is alive.
        let options = unsafe { options.native(client, op.kind, op.particular) }?;
        let queue = self.shared.queue.as_ref().ok_or(Error::Closed)?;
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut state = self.shared.state();
            if state.stopped {
                return Err(Error::Closed);
            }
            state.last_id += 1;
            let answer = Box::new(move |event: Result<Ref<'_, rd_kafka_event_t>, Error>| {
                // If the caller has dropped its future, the answer is dropped too.
                let _ = sender.send(event.and_then(decode));
            });
            let id = state.last_id;
            state.waiting.insert(id, Waiting { event: op.event, answer });
            id
        };
        // SAFETY: `options` is alive. The value is a number and never used as a pointer, so nothing leaks if it is
        // lost.
        unsafe { rd_kafka_AdminOptions_set_opaque(options.as_ptr(), std::ptr::without_provenance_mut(id)) };
        send(Target { client, options: options.as_ptr(), queue: queue.as_ptr() });
        Ok(Reply(receiver))
    }
}

impl<C: ClientContext + 'static> Drop for Admin<C> {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        if let Some(queue) = &self.shared.queue {
            // SAFETY: the queue is alive. The flag stays set even if the thread is not waiting at the moment.
            unsafe { rd_kafka_queue_yield(queue.as_ptr()) };
        }
        if let Some(thread) = self.thread.take() {
            // The panic hook has already reported a panic of the context's callbacks.
            let _ = thread.join();
        }
    }
}

/// Kind of a request in librdkafka's terms.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub(crate) kind: rd_kafka_admin_op_t,
    /// Type of the event that carries the answer.
    pub(crate) event: c_int,
    pub(crate) particular: Particular,
}

impl Op {
    pub(crate) fn new(kind: rd_kafka_admin_op_t, event: c_int) -> Self {
        Self { kind, event, particular: Particular::default() }
    }

    pub(crate) fn with(mut self, particular: Particular) -> Self {
        self.particular = particular;
        self
    }
}

/// Common arguments of librdkafka's calls. All three are alive during the call.
pub(crate) struct Target {
    pub(crate) client: *mut rd_kafka_t,
    pub(crate) options: *const rd_kafka_AdminOptions_t,
    pub(crate) queue: *mut rd_kafka_queue_t,
}

/// A pending answer.
pub(crate) struct Reply<T>(oneshot::Receiver<Result<T, Error>>);

impl<T> Reply<T> {
    /// Waits for the answer.
    pub(crate) async fn get(self) -> Result<T, Error> {
        self.0.await.unwrap_or(Err(Error::Closed))
    }
}

type Answer = Box<dyn FnOnce(Result<Ref<'_, rd_kafka_event_t>, Error>) + Send>;

struct Waiting {
    event: c_int,
    answer: Answer,
}

#[derive(Default)]
struct State {
    last_id: usize,
    waiting: BTreeMap<usize, Waiting>,
    trouble: Option<ItemError>,
    stopped: bool,
}

struct Shared {
    queue: Option<Owned<rd_kafka_queue_t>>,
    main: Option<Owned<rd_kafka_queue_t>>,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(main) = self.main.take() {
            // SAFETY: the queue is alive; null ends the forwarding.
            unsafe { rd_kafka_queue_forward(main.as_ptr(), std::ptr::null_mut()) };
        }
        // See `broken_error`: a late answer of this kind must not be freed with the queue.
        if self.state().waiting.values().any(|w| w.event == RD_KAFKA_EVENT_DESCRIBEUSERSCRAMCREDENTIALS_RESULT) {
            std::mem::forget(self.queue.take());
        }
    }
}

/// The thread that reads events from the queue.
struct Poller<C: ClientContext + 'static> {
    // The queues are the first field, so that they are destroyed before the client.
    shared: Arc<Shared>,
    client: Arc<Client<C>>,
}

impl<C: ClientContext + 'static> Poller<C> {
    fn run(self) {
        let closed = CloseOnExit(&self.shared);
        while !self.shared.state().stopped {
            let Some(queue) = &self.shared.queue else { break };
            // SAFETY: the queue is alive; -1 waits for an event or for `rd_kafka_queue_yield`; the event is ours.
            if let Some(event) = unsafe { Owned::new(rd_kafka_queue_poll(queue.as_ptr(), -1)) } {
                self.handle(event);
            }
        }
        drop(closed);
    }

    fn handle(&self, event: Owned<rd_kafka_event_t>) {
        let view = event.view();
        match view.kind() {
            RD_KAFKA_EVENT_LOG => self.log(view),
            RD_KAFKA_EVENT_STATS => {
                if let Some(json) = view.stats() {
                    self.client.context().stats_raw(json.as_bytes());
                }
            }
            RD_KAFKA_EVENT_ERROR => {
                let number = view.error();
                let error = ItemError::new(number, view.error_message());
                self.client.context().error(KafkaError::Global(code(number)), &error.message);
                let mut state = self.shared.state();
                // "All brokers are down" follows every other connection error and says less.
                if error.code != RDKafkaErrorCode::AllBrokersDown || state.trouble.is_none() {
                    state.trouble = Some(error);
                }
            }
            RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH => self.refresh_token(view),
            _ => {
                self.answer(view);
                if broken_error(view) {
                    std::mem::forget(event);
                }
            }
        }
    }

    fn answer(&self, event: Ref<'_, rd_kafka_event_t>) {
        let Some(waiting) = self.shared.state().waiting.remove(&event.id()) else { return };
        let number = event.error();
        let message = if broken_error(event) { None } else { event.error_message() };
        let result = match check(number, message) {
            Err(error) => {
                let cause = lacks_connection(error.code).then(|| self.shared.state().trouble.clone()).flatten();
                Err(Error::Request { error, cause })
            }
            // Getters abort the process for an event of another type. The ids make such an event impossible; this check
            // is a safeguard.
            Ok(()) if event.kind() != waiting.event => Err(Error::Closed),
            Ok(()) => {
                self.shared.state().trouble = None;
                Ok(event)
            }
        };
        (waiting.answer)(result);
    }

    fn log(&self, event: Ref<'_, rd_kafka_event_t>) {
        let (mut facility, mut message): (*const c_char, *const c_char) = (std::ptr::null(), std::ptr::null());
        let mut level = 0;
        // SAFETY: a log event, alive; the three places are writable.
        let failed = unsafe { rd_kafka_event_log(event.as_ptr(), &raw mut facility, &raw mut message, &raw mut level) };
        if failed != 0 {
            return;
        }
        // SAFETY: null or strings of the event, which are copied.
        let (facility, message) = unsafe { (text(facility), text(message)) };
        let level = match level {
            0 => RDKafkaLogLevel::Emerg,
            1 => RDKafkaLogLevel::Alert,
            2 => RDKafkaLogLevel::Critical,
            3 => RDKafkaLogLevel::Error,
            4 => RDKafkaLogLevel::Warning,
            5 => RDKafkaLogLevel::Notice,
            6 => RDKafkaLogLevel::Info,
            _ => RDKafkaLogLevel::Debug,
        };
        self.client.context().log(level, facility.unwrap_or_default().trim(), message.unwrap_or_default().trim());
    }

    fn refresh_token(&self, event: Ref<'_, rd_kafka_event_t>) {
        let client = self.client.native_ptr();
        let failure = match self.client.context().generate_oauth_token(event.config().as_deref()) {
            Err(error) => Some(error.to_string()),
            Ok(token) => match (CString::new(token.token), CString::new(token.principal_name)) {
                (Ok(value), Ok(principal)) => {
                    let mut reason = Reason::new();
                    // SAFETY: the client is alive, the strings are copied, there are no extensions, the buffer has
                    // the size given.
                    let code = unsafe {
                        rd_kafka_oauthbearer_set_token(
                            client,
                            value.as_ptr(),
                            token.lifetime_ms,
                            principal.as_ptr(),
                            std::ptr::null_mut(),
                            0,
                            reason.as_mut_ptr(),
                            REASON_SIZE,
                        )
                    };
                    (code != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR)
                        .then(|| reason.or("the token is not accepted"))
                }
                _ => Some("the token or its principal holds a NUL character".into()),
            },
        };
        if let Some(failure) = failure {
            let failure = CString::new(failure.replace('\0', " ")).unwrap_or_default();
            // SAFETY: the client is alive, the string is copied.
            unsafe { rd_kafka_oauthbearer_set_token_failure(client, failure.as_ptr()) };
        }
    }
}

/// Fails all pending requests when the thread ends, including by a panic of the context.
struct CloseOnExit<'a>(&'a Shared);

impl Drop for CloseOnExit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.stopped = true;
        let scram = RD_KAFKA_EVENT_DESCRIBEUSERSCRAMCREDENTIALS_RESULT;
        // The requests are dropped outside of the lock. A placeholder keeps the fact that `Shared::drop` needs.
        let waiting = std::mem::take(&mut state.waiting);
        if waiting.values().any(|w| w.event == scram) {
            state.waiting.insert(0, Waiting { event: scram, answer: Box::new(|_| ()) });
        }
        drop(state);
        drop(waiting);
    }
}

/// Returns `true` for an event whose error message must not be read, and which must not be destroyed.
///
/// If a broker refuses DescribeUserScramCredentials as a whole, librdkafka (2.12.1,
/// `rd_kafka_DescribeUserScramCredentialsResponse_parse`) lets the event's message point into the stack of a function
/// that has returned, and `rd_kafka_event_destroy` would pass that pointer to `free`. Such an event, a few hundred
/// bytes, is leaked instead. Events with errors that librdkafka itself raises (below -1) are sound.
fn broken_error(event: Ref<'_, rd_kafka_event_t>) -> bool {
    event.kind() == RD_KAFKA_EVENT_DESCRIBEUSERSCRAMCREDENTIALS_RESULT && (event.error() > 0 || event.error() == -1)
}

/// Returns `true` if a request fails with this code because of a missing connection or a time-out.
fn lacks_connection(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        code,
        OperationTimedOut | TimedOutQueue | BrokerTransportFailure | AllBrokersDown | Resolve | Authentication
    )
}

crate::native::getters! {
    rd_kafka_event_t {
        number kind: c_int = rd_kafka_event_type;
        number error: c_int = ffi::rd_kafka_event_error;
        text error_message = rd_kafka_event_error_string;
        text stats = rd_kafka_event_stats;
        text config = rd_kafka_event_config_string;
    }
}

impl Ref<'_, rd_kafka_event_t> {
    /// Returns the number that was given with the request.
    fn id(self) -> usize {
        // SAFETY: the event is alive; what comes back is the number given to the options, or null.
        unsafe { rd_kafka_event_opaque(self.as_ptr()) }.addr()
    }
}
