//! A host with scripted answers: one connection after the other, one request each.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// An answer of the host.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// An answer with status, additional header lines and body.
    Say(u16, &'static str, String),
    /// Reads the request and closes the connection.
    HangUp,
    /// Reads the request and never answers.
    Silence,
    /// Announces a longer body than it sends.
    BreakOff(u16),
}

pub(crate) fn json(status: u16, body: serde_json::Value) -> Answer {
    Answer::Say(status, "Content-Type: application/json\r\n", body.to_string())
}

/// A received request: `GET /path?query`, its header lines, its body.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Host {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Host {
    /// Starts a host that gives these answers in order, and 418 to further requests.
    pub(crate) async fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (mut answers, log) = (answers.into_iter().collect::<Vec<_>>().into_iter(), asked.clone());
        let url = Self::routed(move |asked| {
            log.lock().unwrap().push(asked.clone());
            answers.next().unwrap_or(Answer::Say(418, "", "nothing more to say".to_owned()))
        });
        Self { url: url.await, asked }
    }

    /// Starts a host that answers by request, and does not show weir's own key; returns its address.
    pub(crate) async fn routed(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let asked = read(&mut stream).await;
                let is_own_key = asked.line == "GET /iam/v2/api-keys/CLOUD";
                let answer = if is_own_key { Answer::Say(404, "", String::new()) } else { answer(&asked) };
                tokio::spawn(answered(stream, answer));
            }
        });
        url
    }

    /// Returns the requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answered(mut stream: TcpStream, answer: Answer) {
    let text = match answer {
        Answer::Say(status, headers, body) => {
            format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        }
        Answer::BreakOff(status) => format!("HTTP/1.1 {status} x\r\nContent-Length: 1000\r\n\r\n{{"),
        Answer::HangUp => return,
        Answer::Silence => return tokio::time::sleep(Duration::from_secs(60)).await,
    };
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Asked {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
                let line = text.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
                return Asked { line, head, body: body.to_owned() };
            }
        }
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        if count == 0 {
            return Asked { line: text, head: String::new(), body: String::new() };
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
}
