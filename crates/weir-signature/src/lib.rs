//! Signatures of plans and receipts: ECDSA on the curve P-256 with SHA-256 (FIPS 186-5; `ES256` in RFC 7518).
//!
//! Keys are in the formats that OpenSSL writes. A [`SigningKey`] signs, a [`PublicKey`] verifies. A signature depends on the
//! key and the message alone (RFC 6979), so the same plan has the same bytes.
//!
//! This crate must not know what is signed, nor where keys come from.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use p256::{
    SecretKey,
    ecdsa::{
        self, VerifyingKey,
        signature::{Signer as _, Verifier as _},
    },
    pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _},
};
use thiserror::Error;

/// A key that cannot be used. The error holds nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a private key of the curve P-256.
    #[error("not a private key of the curve P-256 in PEM")]
    Private,
    /// Not a public key of the curve P-256.
    #[error("not a public key of the curve P-256")]
    Public,
}

/// A private key. It is wiped from memory, and `Debug` shows nothing of it.
pub struct SigningKey(ecdsa::SigningKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads a private key in PEM: PKCS#8 (`BEGIN PRIVATE KEY`, RFC 5958), as `openssl genpkey` writes it, or SEC 1
    /// (`BEGIN EC PRIVATE KEY`, RFC 5915), as `openssl ecparam -genkey` does.
    ///
    /// # Errors
    /// If it is something else, is encrypted, or has another curve.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        // `openssl ecparam -genkey` puts the parameters of the curve in front of the key.
        let key = text.find("-----BEGIN EC PRIVATE KEY-----").and_then(|at| text.get(at..));
        let key = match key {
            Some(key) => SecretKey::from_sec1_pem(key.trim_end()).ok(),
            None => SecretKey::from_pkcs8_pem(text.trim()).ok(),
        };
        key.map(|key| Self(key.into())).ok_or(KeyError::Private)
    }

    /// Returns the public key, which verifies this key's signatures.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// Signs a message. Returns the signature as Base64 of its ASN.1 form (RFC 3279, section 2.2.3), which
    /// `openssl dgst -sha256 -verify` takes after `base64 -d`.
    pub fn sign(&self, message: &[u8]) -> String {
        let signature: ecdsa::DerSignature = self.0.sign(message);
        BASE64_STANDARD.encode(signature.as_bytes())
    }
}

/// A public key. Its text is one line: the Base64 between the first and the last line of `openssl pkey -pubout`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Returns `true` if `signature` is one of `message`, made with the private key that belongs to this one. A text that
    /// is no signature verifies nothing.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let signature = BASE64_STANDARD.decode(signature).ok();
        let signature = signature.and_then(|bytes| ecdsa::DerSignature::try_from(bytes.as_slice()).ok());
        signature.is_some_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads a public key (SubjectPublicKeyInfo, RFC 5480): in PEM (`BEGIN PUBLIC KEY`), or its Base64 alone.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let body: String = text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
        let key = BASE64_STANDARD.decode(body).ok();
        key.and_then(|der| VerifyingKey::from_public_key_der(&der).ok()).map(Self).ok_or(KeyError::Public)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let der = p256::PublicKey::from(&self.0).to_public_key_der().map_err(|_| fmt::Error)?;
        f.write_str(&BASE64_STANDARD.encode(der.as_bytes()))
    }
}

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
