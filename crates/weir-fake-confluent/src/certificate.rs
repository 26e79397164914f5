//! TLS of the brokers.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring::default_provider,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// The certificate of brokers with TLS, and the file of the authority that signed it. The file is deleted when this
/// is dropped.
pub(super) struct Certificate {
    pub(super) acceptor: TlsAcceptor,
    pub(super) file: PathBuf,
}

impl Certificate {
    pub(super) fn new(of: &SocketAddr) -> Self {
        let (acceptor, pem) = certify();
        let file = std::env::temp_dir().join(format!("fake-confluent-{}-{}.pem", std::process::id(), of.port()));
        std::fs::write(&file, pem).expect("a file among the temporary ones");
        Self { acceptor, file }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// A certificate for 127.0.0.1, and the authority to trust, as PEM.
///
/// # Panics
///
/// If no certificate can be made.
fn certify() -> (TlsAcceptor, String) {
    let authority = KeyPair::generate().expect("a key pair");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "the fake Confluent Cloud's authority");
    let ca = params.self_signed(&authority).expect("a certificate");
    let issuer = Issuer::new(params, authority);
    let own = KeyPair::generate().expect("a key pair");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).expect("names");
    let certificate = params.signed_by(&own, &issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring can do what is safe")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("the key is the certificate's");
    (TlsAcceptor::from(Arc::new(config)), ca.pem())
}
