//! The control plane's socket: HTTP/1.1 on loopback, faults, the log.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming, SizeHint},
    header::{AUTHORIZATION, HeaderMap},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    Effect, Exchange, Fault, Operation, RateHeaders, RateLimit,
    answer::Answer,
    call::{self, Call},
    routes,
    state::Organization,
};

/// The whole state of the fake.
#[derive(Debug)]
pub(super) struct World {
    pub(super) org: Organization,
    pub(super) faults: Vec<Fault>,
    pub(super) log: Vec<Exchange>,
    /// Number of requests to brokers, by Kafka's names: `DescribeAcls`.
    pub(super) kafka: BTreeMap<String, usize>,
    /// The function that is called for each request.
    pub(super) watcher: Option<Watcher>,
    /// Number of answers of the data plane so far, from which the load balancer picks the next broker.
    turn: u32,
    window: Option<(Timestamp, u32)>,
}

/// A function that is called for each request.
#[derive(Clone)]
pub(super) struct Watcher(pub(super) Arc<dyn Fn(&Exchange) + Send + Sync>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

impl World {
    pub(super) fn new(org: Organization) -> Self {
        Self { org, faults: Vec::new(), log: Vec::new(), kafka: BTreeMap::new(), watcher: None, turn: 0, window: None }
    }
}

pub(super) type Shared = Arc<Mutex<World>>;

pub(super) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves requests until it is dropped.
pub(super) async fn serve(listener: TcpListener, address: SocketAddr, world: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = world.clone();
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let service = service_fn(|request| respond(request, address, &world));
            // The client or a fault may end a connection early, so errors are ignored.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Returns the answer to one request. An error closes the connection without an answer.
async fn respond(
    request: Request<Incoming>,
    address: SocketAddr,
    world: &Shared,
) -> Result<Response<MaybeCut>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let heard = Heard {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: call::parameters(head.uri.query().unwrap_or_default()),
        login: login(&head.headers),
        headers: head
            .headers
            .iter()
            .filter(|(name, _)| *name != AUTHORIZATION)
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: serde_json::from_slice(&body).ok(),
    };
    let (latency, effect) = {
        let mut world = lock(world);
        let chance = world.org.chance.fraction();
        let struck = world.faults.iter_mut().find_map(|fault| fault.strike(&heard.method, &heard.path, chance));
        (world.org.behaviour.latency, struck)
    };
    let delay = if let Some(Effect::Delay(by)) = effect { by } else { Duration::ZERO };
    tokio::time::sleep(latency + delay).await;
    let (reply, told) = {
        let mut world = lock(world);
        let reply = world.exchange(&heard, effect, &format!("http://{address}"));
        (reply, world.watcher.clone().zip(world.log.last().cloned()))
    };
    if let Some((watcher, exchange)) = told {
        (watcher.0)(&exchange);
    }
    let Reply { answer: Some(answer), whole } = reply else { return Err(io::ErrorKind::ConnectionReset.into()) };
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(MaybeCut::new(answer.body, whole)).map_err(io::Error::other)
}

/// A request that was read completely.
struct Heard {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    login: Option<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

/// The bytes to send: none, an answer, or half an answer.
struct Reply {
    answer: Option<Answer>,
    whole: bool,
}

impl World {
    /// Handles a request as far as its fault permits, and logs it.
    fn exchange(&mut self, heard: &Heard, effect: Option<Effect>, base: &str) -> Reply {
        let operation = Operation::of(&heard.method, &heard.path);
        let handled = !matches!(effect, Some(Effect::Answer(_) | Effect::CutBefore));
        let mut answer = if handled { self.answer(heard, operation, base) } else { Answer::empty(500) };
        let mut whole = true;
        let mut sent = true;
        match effect {
            None | Some(Effect::Delay(_)) => {}
            Some(Effect::Answer(other) | Effect::AppliedBut(other)) => answer = other,
            Some(Effect::CutBefore | Effect::CutAfter) => sent = false,
            Some(Effect::CutInside) => whole = false,
        }
        if !answer.headers.iter().any(|(name, _)| name == "x-request-id") {
            answer = answer.header("x-request-id", self.org.chance.uuid().replace('-', ""));
        }
        self.log.push(Exchange {
            operation: operation.map(|(operation, _)| operation),
            method: heard.method.clone(),
            path: heard.path.clone(),
            query: heard.query.clone(),
            key: heard.login.as_ref().map(|(id, _)| id.clone()),
            headers: heard.headers.clone(),
            body: heard.body.clone(),
            handled,
            answer: (sent && whole).then(|| redacted(&answer)),
        });
        Reply { answer: sent.then_some(answer), whole }
    }

    fn answer(&mut self, heard: &Heard, operation: Option<(Operation, &str)>, base: &str) -> Answer {
        let Some((operation, id)) = operation else { return Answer::not_found() };
        let is_data_plane = operation == Operation::ListTopics;
        let headers = match self.admit(is_data_plane) {
            Ok(headers) => headers,
            Err(refusal) => return refusal,
        };
        if is_data_plane {
            self.turn = self.turn.wrapping_add(1);
        }
        let call = Call {
            operation,
            path: &heard.path,
            id,
            query: &heard.query,
            body: heard.body.as_ref(),
            login: heard.login.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str())),
            broker: self.turn.wrapping_sub(1) % super::BROKERS,
            base,
        };
        let mut answer = routes::handle(&mut self.org, &call);
        answer.headers.extend(headers);
        answer
    }

    /// Counts a request against the limit. Returns the headers that report the limit, or 429.
    fn admit(&mut self, is_data_plane: bool) -> Result<Vec<(String, String)>, Answer> {
        let Some(RateLimit { requests, window, headers }) = self.org.behaviour.rate_limit else {
            return Ok(Vec::new());
        };
        let now = self.org.now();
        let (since, used) = self.window.unwrap_or((now, 0));
        let passed = now.duration_since(since).unsigned_abs();
        let (since, used) = if passed >= window { (now, 0) } else { (since, used) };
        let rest = if passed >= window { window } else { window - passed };
        self.window = Some((since, used.saturating_add(1)));
        let seconds = rest.as_secs() + u64::from(rest.subsec_nanos() > 0);
        let limits = |answer: Answer, remaining: u32| {
            answer
                .header("x-ratelimit-limit", requests)
                .header("x-ratelimit-remaining", remaining)
                .header("x-ratelimit-reset", seconds)
        };
        if used < requests {
            let told = headers == RateHeaders::All && !is_data_plane;
            let remaining = requests - used - 1;
            return Ok(if told { limits(Answer::empty(200), remaining).headers } else { Vec::new() });
        }
        // The data plane answers with a page for people.
        let refusal = match is_data_plane {
            true => return Err(Answer::html(429, "Too Many Requests")),
            false => Answer::error(429, "too_many_requests", "Too Many Requests", "Rate limit exceeded"),
        };
        Err(match headers {
            RateHeaders::All => limits(refusal, 0).header("retry-after", seconds),
            RateHeaders::RetryAfter => refusal.header("retry-after", seconds),
            RateHeaders::None => refusal,
        })
    }
}

/// The user name and the password of `Authorization: Basic …`.
fn login(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    Some((id.to_owned(), secret.to_owned()))
}

/// Returns an answer without secrets, for the log.
fn redacted(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    let mut body = answer.value();
    if let Some(secret) = body.pointer_mut("/spec/secret") {
        *secret = json!("****");
        answer.body = body.to_string();
    }
    answer
}

/// A body that may be cut off: it announces its full length, and then sends only half.
struct MaybeCut {
    rest: Option<Bytes>,
    length: u64,
    whole: bool,
}

impl MaybeCut {
    fn new(body: String, whole: bool) -> Self {
        let length = body.len() as u64;
        let sent = if whole { body.len() } else { body.len() / 2 };
        let rest = Bytes::from(body).slice(..sent);
        Self { rest: (!rest.is_empty()).then_some(rest), length, whole }
    }
}

impl Body for MaybeCut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match self.rest.take() {
            Some(bytes) => Some(Ok(Frame::data(bytes))),
            None if self.whole => None,
            None => Some(Err(io::ErrorKind::ConnectionReset.into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.whole && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
