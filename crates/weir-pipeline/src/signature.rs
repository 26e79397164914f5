//! Signatures of plans and receipts: the key that signs, and the keys that a stage accepts.
//!
//! A stage with `signedBy` in `weir.yaml` deploys only plans, and believes only receipts, that one of its keys signed. The
//! digest of a plan shows that nobody changed it by mistake; a signature also shows who made it.

use std::{env, fmt, fs, io, path::PathBuf, str::FromStr};

use thiserror::Error;
use weir_adapters::{OpenError, read_secret};
use weir_deployment::Receipt;
use weir_model::Workspace;
use weir_planning::{Plan, Signature};
use weir_ports::{ExposeSecret as _, SecretString};
use weir_signature::{KeyError, PublicKey, SigningKey};

use crate::Accepted;

/// The place of a private key in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// `file:PATH`.
    File(PathBuf),
    /// `env:NAME`, an environment variable.
    Env(String),
    /// `https://VAULT/secrets/NAME`, a secret in a key vault, which is read with weir's own login.
    KeyVault(String),
}

/// The text names no place of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("write `file:PATH`, `env:NAME` or `https://VAULT/secrets/NAME`")]
#[non_exhaustive]
pub struct KeySourceError;

impl FromStr for KeySource {
    type Err = KeySourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("https", _)) => Ok(Self::KeyVault(text.to_owned())),
            _ => Err(KeySourceError),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::KeyVault(address) => f.write_str(address),
        }
    }
}

/// The reason why nothing can be signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignError {
    /// The file cannot be read.
    #[error("the key `{}` cannot be read", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set; `--sign env:{0}` needs it")]
    Env(String),
    /// The key vault does not give the key.
    #[error(transparent)]
    KeyVault(#[from] OpenError),
    /// The place holds something else.
    #[error("`{from}` is {why}")]
    NoKey {
        /// The place.
        from: KeySource,
        /// The error of the key.
        why: KeyError,
    },
    /// The stage would not accept the signature.
    #[error("stage `{stage}` does not accept this key; its public key is `{public}`")]
    NotAccepted {
        /// The stage.
        stage: String,
        /// The key's public part.
        public: PublicKey,
    },
}

/// A private key that signs plans and receipts of a stage.
#[derive(Debug)]
pub struct Signer(SigningKey);

impl Signer {
    /// Signs a plan.
    pub fn sign_plan(&self, plan: &mut Plan) {
        plan.signature = Some(self.sign(&plan.signed_message()));
    }

    /// Signs a receipt.
    pub fn sign_receipt(&self, receipt: &mut Receipt) {
        receipt.signature = Some(self.sign(&receipt.signed_message()));
    }

    fn sign(&self, message: &str) -> Signature {
        Signature { key: self.0.public().to_string(), value: self.0.sign(message.as_bytes()) }
    }
}

impl Accepted<'_> {
    /// Reads the key that signs plans and receipts of `stage`.
    ///
    /// # Errors
    /// If the key cannot be read, or is not one that the stage accepts.
    pub async fn signer(self, stage: &str, from: &KeySource) -> Result<Signer, SignError> {
        let pem: SecretString = match from {
            KeySource::File(path) => fs::read_to_string(path).map_err(|err| SignError::File(path.clone(), err))?.into(),
            KeySource::Env(name) => env::var(name).map_err(|_| SignError::Env(name.clone()))?.into(),
            KeySource::KeyVault(address) => read_secret(self.dir(), self.workspace, address).await?,
        };
        let key =
            SigningKey::from_pem(pem.expose_secret()).map_err(|why| SignError::NoKey { from: from.clone(), why })?;
        let (accepted, public) = (accepted_keys(self.workspace, stage), key.public());
        match accepted.is_empty() || accepted.contains(&public) {
            true => Ok(Signer(key)),
            false => Err(SignError::NotAccepted { stage: stage.to_owned(), public }),
        }
    }

    /// Returns `true` if the stage deploys signed plans only.
    pub(crate) fn asks_for_signatures(self, stage: &str) -> bool {
        !accepted_keys(self.workspace, stage).is_empty()
    }

    /// Returns what is wrong with the signatures of a plan and of receipts, if the stage asks for signatures.
    pub(crate) fn unsigned(self, plan: &Plan, receipts: &[Receipt]) -> Option<String> {
        let accepted = accepted_keys(self.workspace, &plan.stage);
        if accepted.is_empty() {
            return None;
        }
        let plan = wrong("the plan", plan.signature.as_ref(), &plan.signed_message(), &accepted);
        let of = |receipt: &Receipt| {
            let what = format!("the receipt of {}", receipt.finished);
            wrong(&what, receipt.signature.as_ref(), &receipt.signed_message(), &accepted)
        };
        plan.or_else(|| receipts.iter().find_map(of))
    }
}

/// Returns the keys whose signatures a stage accepts. Empty: it asks for none.
fn accepted_keys(workspace: &Workspace, stage: &str) -> Vec<PublicKey> {
    let stage = workspace.settings.spec.stages.iter().find(|there| there.name == stage);
    // The rule `signature-key` refuses everything else.
    stage.into_iter().flat_map(|stage| &stage.signed_by).filter_map(|key| key.parse().ok()).collect()
}

fn wrong(what: &str, signature: Option<&Signature>, message: &str, accepted: &[PublicKey]) -> Option<String> {
    let Some(Signature { key, value }) = signature else { return Some(format!("{what} has no signature")) };
    match key.parse().ok().filter(|key| accepted.contains(key)) {
        None => Some(format!("the key that signed {what} is not in the list")),
        Some(key) if key.verifies(message.as_bytes(), value) => None,
        Some(_) => Some(format!("{what} is not the one that was signed")),
    }
}
