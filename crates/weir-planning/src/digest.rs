use std::{fmt, io};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer, ser::Error as _, ser::SerializeSeq as _};
use serde_json::value::{RawValue, to_raw_value};
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

/// A long list, written by all processors; the bytes are those that serde would write.
pub(crate) struct InParallel<'a, T>(pub(crate) &'a [T]);

impl<T: Serialize + Sync> Serialize for InParallel<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The number of items hashed at a time: all items at once would need their memory twice.
        const PART: usize = 4096;
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for part in self.0.chunks(PART) {
            let texts: Vec<Box<RawValue>> =
                part.par_iter().map(to_raw_value).collect::<Result<_, _>>().map_err(S::Error::custom)?;
            texts.iter().try_for_each(|text| list.serialize_element(text))?;
        }
        list.end()
    }
}

/// Collects the small writes of serde, since hashing a few bytes costs as much as hashing a block.
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

    /// serde calls this for every comma.
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
        assert_eq!(fingerprint(&InParallel(&large)).0, format!("sha256:{hex}"));
    }
}
