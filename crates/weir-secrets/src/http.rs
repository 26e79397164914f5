//! HTTP connections to vaults and token endpoints.

use std::{
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, OnceLock},
};

use azure_core::http::{Transport, Url};
use reqwest::{Certificate, ClientBuilder, redirect};
use weir_ports::{ErrorKind, PortError};

use crate::{Options, failure::chain};

/// Makes HTTP clients: TLS by rustls on ring, no redirects.
pub(crate) struct Http {
    /// The transport for all other hosts, made at first use, since reading the system's certificates takes a while.
    shared: OnceLock<Transport>,
    make: Box<dyn Fn() -> ClientBuilder + Send + Sync>,
}

impl Http {
    pub(crate) fn new(options: &Options) -> Result<Self, PortError> {
        // Fails if the process has already chosen a provider. All of weir chooses ring.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let trusted = options.ca.as_deref().map(certificates).transpose()?.unwrap_or_default();
        let timeout = options.timeout;
        let make = Box::new(move || {
            ClientBuilder::new()
                .timeout(timeout)
                .connect_timeout(timeout / 2)
                .redirect(redirect::Policy::none())
                .tls_certs_merge(trusted.iter().cloned())
        });
        Ok(Self { shared: OnceLock::new(), make })
    }

    /// Returns a transport for the host of `address`. Names below `.localhost` are this machine (RFC 6761), whatever
    /// its resolver answers, and need no proxy.
    pub(crate) fn transport(&self, address: Option<&str>) -> Result<Transport, PortError> {
        let host = address.and_then(|address| Url::parse(address).ok()?.host_str().map(str::to_owned));
        match host.filter(|host| is_local(host)) {
            Some(host) => build((self.make)().no_proxy().resolve(&host, (Ipv4Addr::LOCALHOST, 0).into())),
            None => match self.shared.get() {
                Some(shared) => Ok(shared.clone()),
                None => build((self.make)()).map(|made| self.shared.get_or_init(|| made).clone()),
            },
        }
    }
}

/// Returns `true` if a host's name stands for this machine.
fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

fn build(builder: ClientBuilder) -> Result<Transport, PortError> {
    let client = builder.build().map_err(|error| {
        PortError::new(ErrorKind::Unavailable, format!("no TLS connections can be made: {}", chain(&error)))
    })?;
    Ok(Transport::new(Arc::new(client)))
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, PortError> {
    let refused = |why: String| {
        PortError::new(ErrorKind::Refused, format!("the certificates in {} cannot be used: {why}", file.display()))
    };
    let pem = std::fs::read(file).map_err(|error| refused(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| refused(chain(&error)))?;
    if found.is_empty() { Err(refused("there are none".to_owned())) } else { Ok(found) }
}
