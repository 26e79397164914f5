//! Addresses of key vaults: one spelling for each vault, and the hosts that may be asked.

use std::fmt;

use thiserror::Error;

/// The domains of Azure Key Vault, in the public cloud and the sovereign clouds. A vault's name is a single label below
/// one of them.
pub const AZURE_VAULT_DOMAINS: [&str; 4] =
    ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net", "vault.microsoftazure.de"];

/// The address of a key vault in its one spelling: `https://<host>`, or `https://<host>:<port>` for another port than 443.
/// The host is in lower case, without percent-encoding and final dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VaultAddress {
    host: String,
    port: u16,
}

/// The fault in an address. Its text continues a sentence that begins with the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VaultAddressFault {
    /// Another scheme, or none.
    #[error("is not an https address")]
    NotHttps,
    /// No host, or characters that no host has.
    #[error("names no host")]
    NoHost,
    /// A user or a password.
    #[error("contains a login; credentials do not belong in files")]
    Login,
    /// A path, a query or a fragment.
    #[error("is the address of an object inside a vault")]
    Inside,
    /// An IP address in any spelling.
    #[error("names an IP address in place of a host")]
    Ip,
    /// Letters outside ASCII.
    #[error("has letters that no host name has; a host name outside ASCII is written as `xn--…`")]
    NotAscii,
    /// A port that is not a number from 1 to 65535.
    #[error("has no valid port")]
    Port,
}

const HTTPS_PORT: u16 = 443;

impl VaultAddress {
    /// Reads an address in any spelling.
    ///
    /// # Errors
    /// If `text` is not the https address of a host. Spellings that different programs understand differently are refused.
    pub fn parse(text: &str) -> Result<Self, VaultAddressFault> {
        let scheme = text.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let rest = &text[scheme.ok_or(VaultAddressFault::NotHttps)?.len()..];
        let (host, port) = host_and_port(rest.strip_suffix('/').unwrap_or(rest))?;
        Ok(Self { host, port: port.unwrap_or(HTTPS_PORT) })
    }

    /// The host's name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the vault's name and its domain, if it is in one of Azure's clouds.
    pub fn azure(&self) -> Option<(&str, &'static str)> {
        AZURE_VAULT_DOMAINS.into_iter().find_map(|domain| {
            let name = self.host.strip_suffix(domain)?.strip_suffix('.')?;
            (self.port == HTTPS_PORT && !name.contains('.')).then_some((name, domain))
        })
    }
}

impl fmt::Display for VaultAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)?;
        if self.port == HTTPS_PORT { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Returns the one spelling of a vault's address. A text that is no address names a folder of a sandbox: it is returned in
/// lower case, without final slashes.
pub fn vault_spelling(text: &str) -> String {
    match VaultAddress::parse(text) {
        Ok(address) => address.to_string(),
        Err(_) => text.trim_end_matches('/').to_ascii_lowercase(),
    }
}

/// Splits `host:port`, and returns the host in its one spelling.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), VaultAddressFault> {
    use VaultAddressFault::{Inside, Ip, Login, NoHost, NotAscii, Port};

    // In this order: a login may hold every other character.
    if text.contains('@') {
        return Err(Login);
    }
    if text.contains(['/', '\\', '?', '#']) {
        return Err(Inside);
    }
    if text.starts_with('[') {
        return Err(Ip);
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let port = match port {
        None => None,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse().ok().filter(|port| *port != 0).ok_or(Port)?)
        }
        Some(_) => return Err(Port),
    };
    let host = decoded(host)?;
    if !host.is_ascii() {
        return Err(NotAscii);
    }
    let host = host.strip_suffix('.').unwrap_or(&host).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(NoHost);
    }
    // Programs take `1.2.3`, `0x7f.1` and `2130706433` for IP addresses; no top-level domain begins with a digit.
    if host.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(Ip);
    }
    Ok((host, port))
}

/// Returns `host` without percent-encoding.
fn decoded(host: &str) -> Result<String, VaultAddressFault> {
    let mut parts = host.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(VaultAddressFault::NoHost)?;
        bytes.push(byte);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| VaultAddressFault::NoHost)
}

/// The hosts that weir may send the tokens of its login to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultHosts(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// All of Azure's clouds.
    Azure,
    /// A host, or all hosts below it; without a port, every port.
    Host { below: bool, host: String, port: Option<u16> },
}

impl VaultHosts {
    /// The entry for the vaults of all of Azure's clouds.
    pub const AZURE: &'static str = "azure";

    /// Reads the entries `azure`, `host`, `*.domain`, each but the first also with `:port`.
    ///
    /// # Errors
    /// The position of the first entry that is none of these.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, usize> {
        let parsed = entries.iter().enumerate().map(|(index, entry)| {
            let entry = entry.as_ref();
            if entry == Self::AZURE {
                return Ok(Entry::Azure);
            }
            let (below, rest) = entry.strip_prefix("*.").map_or((false, entry), |rest| (true, rest));
            let (host, port) = host_and_port(rest).map_err(|_| index)?;
            Ok(Entry::Host { below, host, port })
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Returns `true` if weir may send a token to `address`.
    pub fn allow(&self, address: &VaultAddress) -> bool {
        self.0.iter().any(|entry| match entry {
            Entry::Azure => address.azure().is_some(),
            Entry::Host { below, host, port } => {
                let same = match below {
                    true => address.host.strip_suffix(host.as_str()).is_some_and(|rest| rest.ends_with('.')),
                    false => address.host == *host,
                };
                same && port.is_none_or(|port| port == address.port)
            }
        })
    }
}

impl Default for VaultHosts {
    /// Azure's.
    fn default() -> Self {
        Self(vec![Entry::Azure])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for (given, expected) in [
            ("https://kv-toll-dev.vault.azure.net", "https://kv-toll-dev.vault.azure.net"),
            ("HTTPS://KV-Toll.Vault.azure.NET/", "https://kv-toll.vault.azure.net"),
            ("https://kv.vault.azure.net:443", "https://kv.vault.azure.net"),
            ("https://kv.vault.azure.net:0443/", "https://kv.vault.azure.net"),
            ("https://kv%2Dcards-dev.vault%2eazure.net.", "https://kv-cards-dev.vault.azure.net"),
            ("https://%6bv.localhost:8443", "https://kv.localhost:8443"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("https://localhost:8443", "https://localhost:8443"),
        ] {
            let address = VaultAddress::parse(given).unwrap();
            assert_eq!(address.to_string(), expected, "{given}");
            assert_eq!(VaultAddress::parse(expected), Ok(address), "{given}");
            assert_eq!(vault_spelling(given), expected);
        }
    }

    #[test]
    fn spellings_that_programs_read_differently_are_refused() {
        use VaultAddressFault::{Inside, Ip, Login, NoHost, NotAscii, NotHttps, Port};
        for (given, fault) in [
            ("", NotHttps),
            ("kv-toll", NotHttps),
            ("http://kv.vault.azure.net", NotHttps),
            ("https:/kv.vault.azure.net", NotHttps),
            ("https:\\\\kv.vault.azure.net", NotHttps),
            (" https://kv.vault.azure.net", NotHttps),
            ("https://", NoHost),
            ("https://a b", NoHost),
            ("https://kv\t.vault.azure.net", NoHost),
            ("https://kv..vault.azure.net", NoHost),
            ("https://kv.vault.azure.net..", NoHost),
            ("https://kv%2.vault.azure.net", NoHost),
            ("https://kv%3a8443.vault.azure.net", NoHost),
            ("https://evil.example%2f.vault.azure.net", NoHost),
            ("https://evil.example%00.vault.azure.net", NoHost),
            ("https://kv%2efoo%252e.vault.azure.net", NoHost),
            ("https://u:p@kv1.vault.azure.net", Login),
            ("https://kv.vault.azure.net@evil.example", Login),
            ("https://kv.vault.azure.net\\@evil.example", Login),
            ("https://kv1.vault.azure.net/secrets/x", Inside),
            ("https://kv1.vault.azure.net//", Inside),
            ("https://kv1.vault.azure.net?x", Inside),
            ("https://evil.example\\.vault.azure.net", Inside),
            ("https://evil.example#.vault.azure.net", Inside),
            ("https://127.0.0.1", Ip),
            ("https://2130706433", Ip),
            ("https://0x7f.1", Ip),
            ("https://0177.0.0.1.:443", Ip),
            ("https://[::1]:8443", Ip),
            ("https://kv.vault.azure.n\u{435}t", NotAscii),
            ("https://kv\u{3002}vault.azure.net", NotAscii),
            ("https://kv%E3%80%82vault.azure.net", NotAscii),
            ("https://kv.vault.azure.net:", Port),
            ("https://kv.vault.azure.net:0", Port),
            ("https://kv.vault.azure.net:+443", Port),
            ("https://kv.vault.azure.net:65536", Port),
            ("https://kv.vault.azure.net:443:443", Port),
        ] {
            assert_eq!(VaultAddress::parse(given), Err(fault), "{given}");
        }
    }

    fn allowed(hosts: &[&str], address: &str) -> bool {
        VaultHosts::parse(hosts).unwrap().allow(&VaultAddress::parse(address).unwrap())
    }

    #[test]
    fn azure_stands_for_the_vaults_of_its_clouds() {
        for address in AZURE_VAULT_DOMAINS.map(|domain| format!("https://kv-toll.{domain}")) {
            assert!(allowed(&["azure"], &address), "{address}");
        }
        for address in [
            "https://vault.azure.net",
            "https://evilvault.azure.net",
            "https://a.kv.vault.azure.net",
            "https://kv.vault.azure.net.evil.example",
            "https://kv.managedhsm.azure.net",
            "https://kv.privatelink.vaultcore.azure.net",
            "https://kv.vault.azure.net:8443",
            "https://kv.localhost",
        ] {
            assert!(!allowed(&["azure"], address), "{address}");
        }
        assert_eq!(VaultHosts::default(), VaultHosts::parse(&["azure"]).unwrap());
    }

    #[test]
    fn a_list_allows_its_hosts_alone() {
        let list = ["*.Localhost", "vault.internal:8200", "kv-one.vault.azure.net"];
        for right in [
            "https://kv.localhost:1234",
            "https://a.b.localhost",
            "https://vault.internal:8200",
            "https://kv-one.vault.azure.net",
        ] {
            assert!(allowed(&list, right), "{right}");
        }
        for wrong in [
            "https://localhost",
            "https://evillocalhost",
            "https://vault.internal",
            "https://x.vault.internal:8200",
            "https://kv-two.vault.azure.net",
        ] {
            assert!(!allowed(&list, wrong), "{wrong}");
        }
        assert!(!allowed(&[], "https://kv.vault.azure.net"));
    }

    #[test]
    fn entries_that_are_no_hosts_are_refused() {
        for wrong in ["", "*", "*.", "*.*.x", "a*", "https://kv.localhost", "10.0.0.1", "kv.localhost/x", "*.a:x"] {
            assert_eq!(VaultHosts::parse(&["azure", wrong]), Err(1), "{wrong}");
        }
    }
}
