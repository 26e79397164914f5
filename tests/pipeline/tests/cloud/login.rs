//! A minimal login with SASL PLAIN, because the tests need hundreds of logins.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// Returns `true` if a broker without TLS accepts an API key.
pub(crate) fn logs_in(broker: &str, id: &str, secret: &str) -> bool {
    let wait = Some(Duration::from_secs(10));
    let try_it = || -> io::Result<bool> {
        let mut stream = TcpStream::connect(broker)?;
        stream.set_read_timeout(wait)?;
        // SaslHandshake, version 1.
        let answer = ask(&mut stream, 17, 1, &text("PLAIN"))?;
        if answer.get(..2) != Some(&[0, 0]) {
            return Ok(false);
        }
        // SaslAuthenticate, version 0.
        let login = format!("\0{id}\0{secret}");
        let mut body = i32::try_from(login.len()).unwrap().to_be_bytes().to_vec();
        body.extend(login.as_bytes());
        let answer = ask(&mut stream, 36, 0, &body)?;
        Ok(answer.get(..2) == Some(&[0, 0]))
    };
    try_it().unwrap_or(false)
}

/// Sends a request. Returns the answer without its header.
fn ask(stream: &mut TcpStream, api: i16, version: i16, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut frame = api.to_be_bytes().to_vec();
    frame.extend(version.to_be_bytes());
    frame.extend(7_i32.to_be_bytes());
    frame.extend(text("test"));
    frame.extend(body);
    stream.write_all(&i32::try_from(frame.len()).unwrap().to_be_bytes())?;
    stream.write_all(&frame)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?];
    stream.read_exact(&mut answer)?;
    Ok(answer.split_off(4.min(answer.len())))
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = i16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}
