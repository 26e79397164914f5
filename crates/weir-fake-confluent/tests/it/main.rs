//! The fake Confluent Cloud: a client that knows nothing of the fake observes each behaviour, and the service's own
//! OpenAPI files judge all requests and answers.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod accounts;
mod brokers;
mod faults;
mod keys;
mod lists;
mod operations;

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    ops::Deref,
    sync::LazyLock,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use weir_fake_confluent::{ApiKey, Exchange, FakeConfluent};
use weir_testkit::openapi::Specs;

/// A fake under test. Its drop judges all its requests and answers.
struct Subject {
    cloud: FakeConfluent,
    /// Parts of the expected violations.
    meant: &'static [&'static str],
}

impl Subject {
    fn new() -> Self {
        Self { cloud: FakeConfluent::start(), meant: &[] }
    }

    /// Sends a request with the Cloud API key.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Heard {
        self.try_ask(method, path, body).unwrap()
    }

    fn try_ask(&self, method: &str, path: &str, body: Option<Value>) -> io::Result<Heard> {
        ask(&self.cloud, Some(self.cloud_key()), method, path, body)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Heard {
        self.ask("GET", path, None)
    }

    /// Creates a service account and returns its id.
    #[track_caller]
    fn account(&self, name: &str) -> String {
        let heard = self.ask("POST", "/iam/v2/service-accounts", Some(json!({"display_name": name})));
        assert_eq!(heard.status, 201, "{heard:?}");
        heard.text("/id")
    }

    #[track_caller]
    fn key(&self, owner: &str, resource: Option<&str>) -> Heard {
        let mut spec = json!({"display_name": "k", "owner": {"id": owner}});
        if let Some(resource) = resource {
            spec["resource"] = json!({"id": resource});
        }
        self.ask("POST", "/iam/v2/api-keys", Some(json!({"spec": spec})))
    }
}

impl Deref for Subject {
    type Target = FakeConfluent;

    fn deref(&self) -> &FakeConfluent {
        &self.cloud
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        static SPECS: LazyLock<Option<Specs>> = LazyLock::new(Specs::confluent);
        let (false, Some(specs)) = (std::thread::panicking(), &*SPECS) else { return };
        for exchange in self.cloud.log() {
            let wrong = judge(specs, &exchange);
            let wrong: Vec<_> = wrong.iter().filter(|w| !self.meant.iter().any(|meant| w.contains(meant))).collect();
            assert!(wrong.is_empty(), "{exchange}: {wrong:#?}\n{exchange:#?}");
        }
    }
}

/// Returns the violations of a logged request and its answer.
fn judge(specs: &Specs, exchange: &Exchange) -> Vec<String> {
    let Exchange { method, path, query, body, answer, .. } = exchange;
    let answer = answer.as_ref().map(|answer| (answer.status, answer.content_type(), answer.body.as_str()));
    specs.judge(method, path, query, body.as_ref(), answer)
}

/// An answer, as a client sees it.

#[derive(Debug)]
struct Heard {
    status: u16,
    headers: Vec<(String, String)>,
    text: String,
    body: Value,
}

impl Heard {
    #[track_caller]
    fn text(&self, pointer: &str) -> String {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer}: {self:?}"))
            .to_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns a field of each item of a list.
    fn each(&self, pointer: &str) -> Vec<String> {
        let items = self.body["data"].as_array().unwrap().iter();
        items.map(|item| item.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect()
    }
}

/// Sends one request over a connection of its own.
fn ask(
    cloud: &FakeConfluent,
    key: Option<&ApiKey>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> io::Result<Heard> {
    let url = cloud.url();
    let host = url.strip_prefix("http://").unwrap();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    if let Some(ApiKey { id, secret, .. }) = key {
        request += &format!("authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{id}:{secret}")));
    }
    request += &format!("content-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(host)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap();
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into()));
    let heard = Heard {
        status,
        headers: headers.collect(),
        text: text.to_owned(),
        body: serde_json::from_str(text).unwrap_or_default(),
    };
    match heard.header("content-length").map(|length| length.parse::<usize>().unwrap()) {
        Some(length) if length != text.len() => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(heard),
    }
}
