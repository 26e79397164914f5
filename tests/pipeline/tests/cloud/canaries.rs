//! Finds secrets in output.

use std::collections::{BTreeSet, HashSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use weir_fake_confluent::ApiKey;

/// Number of consecutive characters of a secret that count as a leak.
const PART: usize = 16;

/// Pieces of every secret, to search for.
#[derive(Debug, Default)]
pub(crate) struct Canaries {
    known: BTreeSet<String>,
    parts: HashSet<Vec<u8>>,
}

impl Canaries {
    pub(crate) fn add(&mut self, key: &ApiKey) {
        if self.known.insert(key.id.clone()) {
            self.add_text(&key.secret);
            // The login in the form that HTTP sends.
            let login = BASE64_STANDARD.encode(format!("{}:{}", key.id, key.secret));
            self.add_text(&login[key.id.len() * 4 / 3 + 4..]);
        }
    }

    pub(crate) fn add_text(&mut self, secret: &str) {
        assert!(secret.len() >= PART, "too short to be distinguished from chance");
        self.parts.extend(secret.as_bytes().windows(PART).map(<[u8]>::to_vec));
    }

    pub(crate) fn known(&self) -> usize {
        self.known.len()
    }

    /// Returns the first piece of a secret in `text`, with the text before it.
    pub(crate) fn first_in(&self, text: &str) -> Option<String> {
        let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_.".contains(byte);
        let bytes = text.as_bytes();
        let mut begin = 0;
        while begin < bytes.len() {
            let length = bytes[begin..].iter().take_while(|byte| letter(byte)).count();
            if length >= PART
                && let Some(at) = bytes[begin..begin + length].windows(PART).position(|part| self.parts.contains(part))
            {
                let at = begin + at;
                return Some(String::from_utf8_lossy(&bytes[at.saturating_sub(80)..at + 4]).into_owned());
            }
            begin += length.max(1);
        }
        None
    }
}

#[test]
fn a_piece_of_a_secret_is_found() {
    let mut canaries = Canaries::default();
    canaries.add_text("abcdefghijklmnopqrstuvwxyz0123456789");
    assert_eq!(canaries.first_in("nothing here, abcdefghijklmno and pqrstuvwxyz0123"), None);
    assert!(canaries.first_in("said \"xxjklmnopqrstuvwxyz\" aloud").is_some_and(|found| found.contains("said")));
}
