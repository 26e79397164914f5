//! Requests on one socket in Kafka's protocol, without a client. The answers are read but not decoded, so the time is
//! the broker's own.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, ensure};

/// Lists topics, describes all their settings and all ACLs. Returns the number of bytes of all answers.
pub(super) fn read(address: &str, user: &str, password: &str) -> Result<usize> {
    let mut socket = Socket(TcpStream::connect(address)?);
    socket.0.set_nodelay(true)?;
    socket.call(SASL_HANDSHAKE, 1, &string(Some("PLAIN")))?;
    let token = format!("\0{user}\0{password}");
    let mut body = u32::try_from(token.len())?.to_be_bytes().to_vec();
    body.extend(token.bytes());
    let answer = socket.call(SASL_AUTHENTICATE, 0, &body)?;
    ensure!(answer.get(4..6) == Some(&[0, 0]), "the login is refused");

    let all = (-1_i32).to_be_bytes();
    let metadata = socket.call(METADATA, 1, &all)?;
    let names = Fields(metadata.get(4..).unwrap_or_default()).topics().context("the metadata cannot be read")?;
    let mut body = u32::try_from(names.len())?.to_be_bytes().to_vec();
    for name in &names {
        body.push(2);
        body.extend(string(Some(name)));
        body.extend(all);
    }
    body.push(0);
    let settings = socket.call(DESCRIBE_CONFIGS, 1, &body)?;
    let any = [&[1][..], &string(None), &[1], &string(None), &string(None), &[1, 1]].concat();
    let acls = socket.call(DESCRIBE_ACLS, 1, &any)?;
    Ok(metadata.len() + settings.len() + acls.len())
}

const METADATA: i16 = 3;
const SASL_HANDSHAKE: i16 = 17;
const DESCRIBE_ACLS: i16 = 29;
const DESCRIBE_CONFIGS: i16 = 32;
const SASL_AUTHENTICATE: i16 = 36;

struct Socket(TcpStream);

impl Socket {
    /// Sends a request and reads its answer, which begins with the request's number.
    fn call(&mut self, key: i16, version: i16, body: &[u8]) -> Result<Vec<u8>> {
        let mut request = [&key.to_be_bytes()[..], &version.to_be_bytes(), &1_u32.to_be_bytes()].concat();
        request.extend(string(Some("raw")));
        request.extend(body);
        let size = u32::try_from(request.len())?.to_be_bytes();
        self.0.write_all(&[&size, &request[..]].concat())?;
        let mut size = [0; 4];
        self.0.read_exact(&mut size)?;
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(size))?];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }
}

/// Encodes a nullable string of the protocol.
fn string(text: Option<&str>) -> Vec<u8> {
    let Some(text) = text else { return vec![0xff, 0xff] };
    let size = u16::try_from(text.len()).unwrap_or_default();
    [&size.to_be_bytes()[..], text.as_bytes()].concat()
}

/// The unread rest of an answer.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Returns the names of all topics in an answer to Metadata version 1.
    fn topics(mut self) -> Option<Vec<&'a str>> {
        for _ in 0..self.size()? {
            // Id, host, port, rack.
            self.skip(4)?;
            self.string()?;
            self.skip(4)?;
            self.string()?;
        }
        self.skip(4)?;
        let mut names = Vec::new();
        for _ in 0..self.size()? {
            self.skip(2)?;
            names.push(self.string()?);
            self.skip(1)?;
            for _ in 0..self.size()? {
                self.skip(10)?;
                for _ in 0..2 {
                    let replicas = self.size()?;
                    self.skip(4 * replicas)?;
                }
            }
        }
        Some(names)
    }

    fn skip(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (skipped, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(skipped)
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.skip(4)?.try_into().ok()?)).ok()
    }

    fn string(&mut self) -> Option<&'a str> {
        let size = i16::from_be_bytes(self.skip(2)?.try_into().ok()?);
        std::str::from_utf8(self.skip(usize::try_from(size).unwrap_or(0))?).ok()
    }
}
