//! OpenSSL makes keys for weir, verifies weir's signatures, and makes signatures that weir verifies.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use weir_signature::{KeyError, PublicKey, SigningKey};
use weir_testkit::skip;

/// Runs OpenSSL in a folder; its output.
fn openssl(dir: &Path, args: &str) -> Option<Vec<u8>> {
    let output = Command::new("openssl").args(args.split_whitespace()).current_dir(dir).output().ok()?;
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

const MESSAGE: &[u8] = b"weir.plan/v1\nsha256:0123\n";

#[test]
fn openssl_and_weir_agree() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for make in [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
        "ecparam -name prime256v1 -genkey -out key.pem",
        "ecparam -name prime256v1 -genkey -noout -out key.pem",
    ] {
        if openssl(dir, make).is_none() {
            return skip("openssl is not installed");
        }
        let key = SigningKey::from_pem(&fs::read_to_string(dir.join("key.pem")).unwrap()).unwrap();
        let pem = openssl(dir, "pkey -in key.pem -pubout").unwrap();
        let public: PublicKey = String::from_utf8(pem.clone()).unwrap().parse().unwrap();
        assert_eq!(key.public(), public);
        assert_eq!(public.to_string().parse(), Ok(public.clone()));
        fs::write(dir.join("public.pem"), pem).unwrap();
        fs::write(dir.join("message"), MESSAGE).unwrap();

        let ours = key.sign(MESSAGE);
        assert!(public.verifies(MESSAGE, &ours) && !public.verifies(b"weir.plan/v1\nsha256:0124\n", &ours));
        assert_eq!(ours, key.sign(MESSAGE));
        fs::write(dir.join("ours"), BASE64_STANDARD.decode(&ours).unwrap()).unwrap();
        openssl(dir, "dgst -sha256 -verify public.pem -signature ours message").unwrap();

        let theirs = openssl(dir, "dgst -sha256 -sign key.pem message").unwrap();
        assert!(public.verifies(MESSAGE, &BASE64_STANDARD.encode(theirs)));
    }
}

#[test]
fn other_keys_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for make in [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem",
        "genpkey -algorithm ED25519 -out key.pem",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:x -out key.pem",
    ] {
        if openssl(dir, make).is_none() {
            return skip("openssl is not installed");
        }
        let key = fs::read_to_string(dir.join("key.pem")).unwrap();
        assert_eq!(SigningKey::from_pem(&key).unwrap_err(), KeyError::Private, "{make}");
        let public = openssl(dir, "pkey -in key.pem -pubout -passin pass:x").unwrap();
        let public = String::from_utf8(public).unwrap();
        assert_eq!(public.parse::<PublicKey>().is_ok(), make.contains("P-256"), "{make}");
    }
    for text in ["", "MFkw", "-----BEGIN PUBLIC KEY-----", "\u{0}", "AAAA\nAAAA"] {
        assert_eq!(text.parse::<PublicKey>(), Err(KeyError::Public));
        assert_eq!(SigningKey::from_pem(text).unwrap_err(), KeyError::Private);
    }
}

#[test]
fn what_is_no_signature_verifies_nothing() {
    let key = SigningKey::from_pem(include_str!("key.pem")).unwrap();
    for text in ["", "MEUCIQ", "AAAA", "not Base64", &key.sign(b"another message")] {
        assert!(!key.public().verifies(MESSAGE, text), "{text}");
    }
    assert_eq!(format!("{key:?}"), "SigningKey { .. }");
}
