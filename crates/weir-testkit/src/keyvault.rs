//! Azure Key Vaults on loopback, for tests: `tools/keyvault/keyvault-up`, judged by Microsoft's own client library.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

/// Any number of vaults and their token endpoint, behind TLS. The server stops, and all its content is lost, when
/// this is dropped or the test is killed.
///
/// `deployer` may write but not read values, `officer` has all rights, `stranger` has none.
#[derive(Debug)]
pub struct Vaults {
    server: Child,
    facts: BTreeMap<String, String>,
}

/// A version of a secret, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The value.
    pub value: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The content type.
    pub content_type: Option<String>,
    /// `true` if the value can be read.
    pub enabled: bool,
    /// Time of expiry, in seconds since 1970.
    pub expires: Option<i64>,
}

/// A request to a vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The client's name.
    pub client: String,
    /// `GET`, …
    pub method: String,
    /// `/secrets/name`
    pub path: String,
    /// The status code of the answer; 0 for a connection that was cut.
    pub status: u64,
}

impl Vaults {
    /// Returns the reason why the vaults cannot run here, if there is one: for [`skip`](crate::skip).
    pub fn lacking() -> Option<&'static str> {
        let runs = |program: &str| Command::new(program).arg("--help").output().is_ok();
        (!runs("python3") || !runs("openssl")).then_some("python3 or openssl is missing")
    }

    /// Starts the vaults.
    ///
    /// # Panics
    /// If the vaults do not start.
    pub fn start() -> Self {
        let mut server = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/keyvault/keyvault-up"))
            .arg("--tied")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 can be run");
        let lines = BufReader::new(server.stdout.take().expect("its output is piped")).lines();
        let mut facts = BTreeMap::new();
        for line in lines.map_while(Result::ok) {
            if let Some((name, value)) = line.split_once('=') {
                facts.insert(name.to_owned(), value.to_owned());
            }
            if line.starts_with("KEYVAULT_CONTROL=") {
                return Self { server, facts };
            }
        }
        let _ = server.wait();
        panic!("keyvault-up did not start");
    }

    /// Returns the address of the vault `name` (letters, digits and `-`). The first request creates the vault.
    pub fn address(&self, name: &str) -> String {
        format!("https://{name}.localhost:{}", self.fact("PORT"))
    }

    /// The certificate to trust, as a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.fact("CA").into()
    }

    /// The address of the token endpoint.
    pub fn authority(&self) -> &str {
        self.fact("AUTHORITY")
    }

    /// Returns the endpoint of a managed identity, as on App Service: the value of `IDENTITY_ENDPOINT`. The matching
    /// `IDENTITY_HEADER` is `msi-secret`.
    pub fn managed_identity(&self) -> String {
        format!("{}/msi/token", self.fact("CONTROL"))
    }

    /// The directory's id.
    pub fn tenant(&self) -> &str {
        self.fact("TENANT")
    }

    /// Returns an access token of `client`.
    pub fn token(&self, client: &str) -> String {
        self.token_for(client, 3_600)
    }

    /// Returns an access token of `client` that expires after some seconds.
    pub fn token_for(&self, client: &str, seconds: i64) -> String {
        let answer = self.control("POST", "/token", &json!({"client": client, "lifetime": seconds}));
        answer["access_token"].as_str().unwrap_or_default().to_owned()
    }

    /// Changes a vault's settings, as `Vault.reset` in `keyvault.py` names them: `{"firewall": true}`.
    pub fn settings(&self, vault: &str, settings: Value) {
        self.arrange("/vault", vault, settings);
    }

    /// Gives `client` another role in a vault, by name or as a list of data actions. The role takes effect `after`
    /// seconds.
    pub fn grant(&self, vault: &str, client: &str, role: impl Into<Value>, after: f64) {
        self.arrange("/grant", vault, json!({"client": client, "role": role.into(), "after": after}));
    }

    /// Adds a fault for later calls; see `keyvault-up`: `{"method": "PUT", "cut": true, "applied": true}`.
    pub fn fault(&self, vault: &str, fault: Value) {
        self.arrange("/fault", vault, fault);
    }

    /// Removes all faults of a vault.
    pub fn mend(&self, vault: &str) {
        self.arrange("/mend", vault, json!({}));
    }

    /// Empties a vault, and resets its settings, roles, faults and calls.
    pub fn reset(&self, vault: &str) {
        self.arrange("/reset", vault, json!({}));
    }

    /// Stores a secret as a person would.
    pub fn put(&self, vault: &str, name: &str, value: &str, tags: Value) {
        self.arrange("/put", vault, json!({"name": name, "value": value, "tags": tags}));
    }

    /// Deletes a secret as a person would.
    pub fn remove(&self, vault: &str, name: &str) {
        self.arrange("/remove", vault, json!({"name": name}));
    }

    /// Returns the names of all secrets of a vault, including deleted ones.
    pub fn names(&self, vault: &str) -> Vec<String> {
        let answer = self.control("GET", &format!("/names?vault={vault}"), &Value::Null);
        answer["names"].as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    }

    /// Returns all versions of a secret, the newest last, whether the secret is deleted or not.
    pub fn versions(&self, vault: &str, name: &str) -> Vec<Version> {
        let secret = self.secret(vault, name);
        secret["versions"].as_array().into_iter().flatten().map(version).collect()
    }

    /// Returns the value that an application reads; `None` if it cannot read the secret.
    pub fn read(&self, vault: &str, name: &str) -> Option<String> {
        let deleted = self.secret(vault, name)["deleted"] == true;
        let newest = self.versions(vault, name).pop().filter(|newest| newest.enabled && !deleted)?;
        Some(newest.value)
    }

    /// Returns the calls of logged-in clients to a vault.
    pub fn calls(&self, vault: &str) -> Vec<Call> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let answer = self.control("GET", &format!("/calls?vault={vault}"), &Value::Null);
        let calls = answer["calls"].as_array().into_iter().flatten();
        calls
            .map(|call| Call {
                client: text(&call["client"]),
                method: text(&call["method"]),
                path: text(&call["path"]),
                status: call["status"].as_u64().unwrap_or_default(),
            })
            .collect()
    }

    /// Returns the largest number of simultaneous calls to a vault.
    pub fn at_once(&self, vault: &str) -> u64 {
        self.control("GET", &format!("/calls?vault={vault}"), &Value::Null)["atOnce"].as_u64().unwrap_or_default()
    }

    fn secret(&self, vault: &str, name: &str) -> Value {
        self.control("GET", &format!("/secret?vault={vault}&name={name}"), &Value::Null)
    }

    fn arrange(&self, path: &str, vault: &str, mut what: Value) {
        what["vault"] = vault.into();
        self.control("POST", path, &what);
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let address = self.fact("CONTROL").trim_start_matches("http://");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            let length = body.len();
            let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n");
            stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = ask().expect("keyvault-up answers");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        assert!(head.starts_with("HTTP/1.1 200 "), "keyvault-up refuses {method} {path}: {answer}");
        serde_json::from_str(body).expect("keyvault-up answers JSON")
    }

    fn fact(&self, name: &str) -> &str {
        self.facts.get(&format!("KEYVAULT_{name}")).unwrap_or_else(|| panic!("keyvault-up printed no {name}"))
    }
}

impl Drop for Vaults {
    fn drop(&mut self) {
        // The server stops at the end of its input, and deletes its files.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

fn version(version: &Value) -> Version {
    let tags = version["tags"].as_object().into_iter().flatten();
    Version {
        value: version["value"].as_str().unwrap_or_default().to_owned(),
        tags: tags.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect(),
        content_type: version["contentType"].as_str().map(str::to_owned),
        enabled: version["attributes"]["enabled"] == true,
        expires: version["attributes"]["exp"].as_i64(),
    }
}
