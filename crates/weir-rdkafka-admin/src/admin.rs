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
/// It has connections and a thread of its own; make one and use it for everything, from any thread. Of the settings
/// of [`ClientConfig`] those for consuming and producing do not matter.
///
/// The context's callbacks for logs, errors, statistics and OAUTHBEARER tokens are called on that thread.
pub struct Admin<C: ClientContext + 'static = DefaultClientContext> {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    // Last: rd_kafka_destroy comes after all else.
    client: Arc<Client<C>>,
}

impl<C: ClientContext + 'static> fmt::Debug for Admin<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl Admin {
    /// A client with rdkafka's default context. No connection is made before the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if a setting is unknown, out of range or not supported by this build.
    pub fn new(config: &ClientConfig) -> Result<Self, Error> {
        Self::with_context(config, DefaultClientContext)
    }
}

impl<C: ClientContext + 'static> Admin<C> {
    /// A client with a context of one's own.
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
        // As other bindings do: a producer is the lighter of the two kinds of client.
        let client = with_room(|| Client::new(config, native, RDKafkaType::RD_KAFKA_PRODUCER, context));
        let client = client.map_err(Error::Client)?;
        let client = Arc::new(client);
        // SAFETY: the client is alive; the queue is new and ours, and destroyed before the client.
        let queue = unsafe { Owned::new(rd_kafka_queue_new(client.native_ptr())) }.ok_or(Error::Closed)?;
        // SAFETY: the client is alive; the reference to its main queue is ours.
        let main = unsafe { Owned::new(rd_kafka_queue_get_main(client.native_ptr())) }.ok_or(Error::Closed)?;
        // SAFETY: both queues are alive. Whatever the client has to say then comes to our thread as well.
        unsafe { rd_kafka_queue_forward(main.as_ptr(), queue.as_ptr()) };
        let shared = Arc::new(Shared { queue: Some(queue), main: Some(main), state: Mutex::default() });
        let poller = Poller { shared: Arc::clone(&shared), client: Arc::clone(&client) };
        let thread = std::thread::Builder::new()
            .name("kafka-admin".into())
            .spawn(move || poller.run())
            .map_err(|e| Error::Client(KafkaError::ClientCreation(format!("cannot start a thread: {e}"))))?;
        Ok(Self { shared, thread: Some(thread), client })
    }

    /// The client below: cluster metadata (the list of all topics), watermarks, the context. Its calls block.
    pub fn client(&self) -> &Client<C> {
        &self.client
    }

    /// The latest trouble of the client's connections since a request last succeeded: a refused login, an
    /// unreachable broker. Requests wait through such trouble until they time out.
    pub fn connection_error(&self) -> Option<ItemError> {
        self.shared.state().trouble.clone()
    }

    /// Sends a request and gives what `decode` makes of the answer.
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
                // An answer nobody waits for any more is dropped.
                let _ = sender.send(event.and_then(decode));
            });
            let id = state.last_id;
            state.waiting.insert(id, Waiting { event: op.event, answer });
            id
        };
        // SAFETY: `options` is alive. The value is a number, never used as a pointer: nothing leaks if it gets lost.
        unsafe { rd_kafka_AdminOptions_set_opaque(options.as_ptr(), std::ptr::without_provenance_mut(id)) };
        send(Target { client, options: options.as_ptr(), queue: queue.as_ptr() });
        Ok(Reply(receiver))
    }
}

impl<C: ClientContext + 'static> Drop for Admin<C> {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        if let Some(queue) = &self.shared.queue {
            // SAFETY: the queue is alive. The flag it sets is kept if the thread is not waiting right now.
            unsafe { rd_kafka_queue_yield(queue.as_ptr()) };
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the context's callbacks has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

/// What a request is, for librdkafka.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub(crate) kind: rd_kafka_admin_op_t,
    /// The type of the event that brings the answer.
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

/// What a call of librdkafka is given beside its arguments. All three are alive during the call.
pub(crate) struct Target {
    pub(crate) client: *mut rd_kafka_t,
    pub(crate) options: *const rd_kafka_AdminOptions_t,
    pub(crate) queue: *mut rd_kafka_queue_t,
}

/// An answer to come.
pub(crate) struct Reply<T>(oneshot::Receiver<Result<T, Error>>);

impl<T> Reply<T> {
    /// Waits for it.
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
            // SAFETY: alive; null takes the forwarding back.
            unsafe { rd_kafka_queue_forward(main.as_ptr(), std::ptr::null_mut()) };
        }
        // See `broken_error`: an answer of this kind that still comes must not be freed with the queue.
        if self.state().waiting.values().any(|w| w.event == RD_KAFKA_EVENT_DESCRIBEUSERSCRAMCREDENTIALS_RESULT) {
            std::mem::forget(self.queue.take());
        }
    }
}

/// The thread that takes events from the queue.
struct Poller<C: ClientContext + 'static> {
    // First: the queues go before the client.
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
                // "All brokers are down" follows on every other trouble and says less.
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
            // Getters of a result abort the process when given the event of another; ids make that impossible.
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

/// Ends all waiting when the thread ends, be it by a panic of the context.
struct CloseOnExit<'a>(&'a Shared);

impl Drop for CloseOnExit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.stopped = true;
        let scram = RD_KAFKA_EVENT_DESCRIBEUSERSCRAMCREDENTIALS_RESULT;
        // Dropped outside of the lock; a placeholder keeps what `Shared::drop` has to know.
        let waiting = std::mem::take(&mut state.waiting);
        if waiting.values().any(|w| w.event == scram) {
            state.waiting.insert(0, Waiting { event: scram, answer: Box::new(|_| ()) });
        }
        drop(state);
        drop(waiting);
    }
}

/// Whether an event must be neither asked for its error message nor destroyed.
///
/// When a broker refuses DescribeUserScramCredentials as a whole, librdkafka (2.12.1,
/// `rd_kafka_DescribeUserScramCredentialsResponse_parse`) lets the event's message point into the stack of a function
/// that has returned, and `rd_kafka_event_destroy` would pass that pointer to `free`. Such an event, a few hundred
/// bytes, is leaked instead. Errors that librdkafka itself raises (below -1) are
/// sound.
fn broken_error(event: Ref<'_, rd_kafka_event_t>) -> bool {
    event.kind() == RD_KAFKA_EVENT_DESCRIBEUSERSCRAMCREDENTIALS_RESULT && (event.error() > 0 || event.error() == -1)
}

/// Whether a request failed with this for want of a connection or of time.
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
    /// The number given with the request.
    fn id(self) -> usize {
        // SAFETY: the event is alive; what comes back is the number given to the options, or null.
        unsafe { rd_kafka_event_opaque(self.as_ptr()) }.addr()
    }
}
