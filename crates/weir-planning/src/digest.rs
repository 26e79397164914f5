use std::{fmt, io};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 of canonical JSON, written `sha256:<64 hex digits>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Digest(pub String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The digest of a value's JSON as serde writes it: fields in declared order, maps sorted, no white space.
///
/// # Panics
/// If the value has no JSON form (a map whose keys are no strings): a mistake in its type.
pub fn fingerprint<T: Serialize + ?Sized>(value: &T) -> Digest {
    let mut sink = HashSink { hash: Sha256::new(), waiting: Vec::with_capacity(256) };
    #[expect(clippy::expect_used, reason = "hashing cannot fail, and our artefacts' keys are strings")]
    serde_json::to_writer(&mut sink, value).expect("the value has a JSON form");
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in sink.finish().as_ref() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    Digest(text)
}

/// Gathers what serde writes in crumbs, since hashing a crumb costs as much as hashing a block.
struct HashSink {
    hash: Sha256,
    waiting: Vec<u8>,
}

impl HashSink {
    const BLOCK: usize = 8192;

    fn finish(mut self) -> impl AsRef<[u8]> {
        self.hash.update(&self.waiting);
        self.hash.finalize()
    }
}

impl io::Write for HashSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    /// What serde calls, for every comma.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= Self::BLOCK {
            self.hash.update(&self.waiting);
            self.waiting.clear();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_256_of_the_json() {
        let large = vec![7_u32; 10_000];
        let whole = Sha256::digest(serde_json::to_vec(&large).unwrap());
        let hex: String = whole.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(fingerprint(&large).0, format!("sha256:{hex}"));
    }
}
