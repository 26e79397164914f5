//! Sends calls: one budget for each host, repeats failed calls where that is safe, and keeps a deadline.

use std::{
    collections::BTreeMap,
    error::Error as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{
    Method as HttpMethod, Response, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap},
    redirect, retry,
};
use secrecy::zeroize::Zeroizing;
use tokio::time::Instant;
use weir_ports::{ExposeSecret as _, PortError};
use weir_retry::Pauses;

use crate::{
    ApiKey, Control, Method, Request,
    budget::{Budget, Told},
    buffer::Buffer,
    failure::{Failure, Trouble},
    options,
};

/// The largest answer, in bytes: pages have at most 500 entries.
const MOST: usize = 16 << 20;
/// The longest pause between tries, before it is randomised.
const LONGEST: Duration = Duration::from_secs(30);
/// Time limit for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Time to first contact after which a host counts as a wrong address.
const ABSENT: Duration = Duration::from_secs(15);

/// A client of the control plane.
pub(crate) struct Http {
    client: reqwest::Client,
    api: Url,
    key: ApiKey,
    pauses: Pauses,
    budget: Arc<Budget>,
    requests: Mutex<BTreeMap<&'static str, u64>>,
    reached: std::sync::atomic::AtomicBool,
}

impl Http {
    pub(crate) fn new(control: &Control) -> Result<Self, PortError> {
        let api = options::api(&control.api)?;
        // Fails if the process has already chosen a provider, which is just as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            // Redirects are not followed, so that credentials go only to the configured host; retries are made here,
            // where they are counted.
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .connect_timeout(CONNECT.min(control.timeout))
            .timeout(control.timeout);
        // A host on this machine is not behind a proxy.
        let client = if api.scheme() == "http" { client.no_proxy() } else { client.https_only(true) };
        let client = client.build().map_err(|e| PortError::unavailable("cannot make an HTTP client").because(e))?;
        let host =
            format!("{}:{}", api.host_str().unwrap_or_default(), api.port_or_known_default().unwrap_or_default());
        Ok(Self {
            client,
            key: control.key.clone(),
            pauses: Pauses::new(control.pause, LONGEST, control.patience),
            budget: Budget::of(&host),
            api,
            requests: Mutex::default(),
            reached: false.into(),
        })
    }

    /// Returns the number of calls so far by operation, including retries.
    pub(crate) fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.pauses.deadline
    }

    /// Returns the body of a successful answer. It is wiped when dropped, since it may hold a secret.
    pub(crate) async fn send(&self, request: &Request, deadline: Instant) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let begun = Instant::now();
        self.pauses.until(deadline).insist(|| self.attempt(request, begun, deadline)).await
    }

    /// Sends a call once, when its turn comes.
    async fn attempt(
        &self,
        request: &Request,
        begun: Instant,
        deadline: Instant,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.budget.turn(deadline).await.map_err(|wait| {
            Failure::new(request, Trouble::Status(429), "the host's rate is used up").asking_to_wait(Some(wait))
        })?;
        let answer = tokio::time::timeout_at(deadline, self.once(request)).await;
        answer.unwrap_or_else(|_| Err(Failure::new(request, Trouble::Lost, "the deadline has passed"))).map_err(
            |mut failure| {
                if failure.trouble == Trouble::NotSent && !self.was_reached() && begun.elapsed() > ABSENT {
                    // A host that answered before may come back; one that never answered is taken for a wrong address.
                    failure.trouble = Trouble::Hopeless;
                }
                failure
            },
        )
    }

    fn was_reached(&self) -> bool {
        self.reached.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Sends a call once.
    async fn once(&self, request: &Request) -> Result<Zeroizing<Vec<u8>>, Failure> {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(request.operation).or_default() += 1;
        let response = self.prepared(request).send().await.map_err(|e| failed(request, &e))?;
        self.reached.store(true, std::sync::atomic::Ordering::Relaxed);
        let (status, told) = (response.status(), told(response.status().as_u16(), response.headers()));
        self.budget.learn(told);
        let header = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let body = body(response).await.map_err(|detail| {
            // The status is known, but a success without a body leaves open whether the call took effect.
            let trouble = if status.is_success() { Trouble::Lost } else { Trouble::Status(status.as_u16()) };
            Failure::new(request, trouble, detail).with_request_id(header.clone()).asking_to_wait(told.wait())
        })?;
        if status.is_success() {
            return Ok(body);
        }
        Err(Failure::answered(request, status.as_u16(), header, &body).asking_to_wait(told.wait()))
    }

    fn prepared(&self, request: &Request) -> reqwest::RequestBuilder {
        let mut url = self.api.clone();
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), request.path));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let method = match request.method {
            Method::Get => HttpMethod::GET,
            Method::Post => HttpMethod::POST,
            Method::Patch => HttpMethod::PATCH,
            Method::Delete => HttpMethod::DELETE,
        };
        let prepared = self
            .client
            .request(method, url)
            .header(ACCEPT, "application/json")
            .basic_auth(&self.key.id, Some(self.key.secret.expose_secret()));
        match &request.body {
            Some(body) => prepared.header(CONTENT_TYPE, "application/json").body(body.to_string()),
            None => prepared,
        }
    }
}

/// Reads a body. Its buffer may hold a secret.
async fn body(mut response: Response) -> Result<Zeroizing<Vec<u8>>, String> {
    let too_long = || Err("the answer is far too long".to_owned());
    // `Content-Length` gives the size of the buffer; without it, the buffer grows.
    let Ok(announced) = usize::try_from(response.content_length().unwrap_or_default()) else { return too_long() };
    if announced > MOST {
        return too_long();
    }
    let mut body = Buffer::with_capacity(announced);
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MOST => return too_long(),
            Ok(Some(chunk)) => body.extend(&chunk),
            Ok(None) => return Ok(body.into_inner()),
            Err(error) => return Err(format!("the answer broke off: {}", causes(&error))),
        }
    }
}

/// Classifies an error of the HTTP client: before or after the request was sent.
fn failed(request: &Request, error: &reqwest::Error) -> Failure {
    let detail = causes(error);
    let trouble = if detail.contains("certificate") {
        Trouble::Hopeless
    } else if error.is_connect() {
        Trouble::NotSent
    } else if error.is_builder() {
        Trouble::Hopeless
    } else {
        Trouble::Lost
    };
    Failure::new(request, trouble, detail)
}

/// Returns an error's causes without the address, which the failure already names.
fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    match causes.is_empty() {
        true if error.is_timeout() => "the time is up".to_owned(),
        true => "the cause is unknown".to_owned(),
        false => causes.join(": "),
    }
}

/// Reads the rate information from the headers.
fn told(status: u16, headers: &HeaderMap) -> Told {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
    let seconds = |name: &str| number(name).map(|seconds| Duration::from_secs(seconds.into()));
    Told {
        turned_away: matches!(status, 429 | 503),
        remaining: number("x-ratelimit-remaining"),
        reset: seconds("x-ratelimit-reset"),
        retry_after: seconds("retry-after"),
    }
}
