use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use weir_pipeline::{Accepted, KeySource, SignError, Signer};

use crate::{Exit, Stop, block_on};

/// The flag that names a workspace.
#[derive(Args, Clone, Debug, Default)]
pub struct WorkspaceFlag {
    /// The folder that holds weir.yaml [default: the nearest one upwards from here]
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
}

/// The flag that names the key for signatures.
#[derive(Args, Clone, Debug, Default)]
pub struct SignFlag {
    /// Sign with a private key of the curve P-256 in PEM: file:PATH, env:NAME or https://VAULT/secrets/NAME
    #[arg(long, value_name = "KEY")]
    sign: Option<KeySource>,
}

impl SignFlag {
    /// Reads the key that signs plans and receipts of `stage`, if the flag is there.
    pub(crate) fn signer(&self, accepted: Accepted<'_>, stage: &str) -> anyhow::Result<Option<Signer>> {
        let Some(from) = &self.sign else { return Ok(None) };
        let stop = |err: SignError| match err {
            SignError::KeyVault(_) => anyhow::Error::new(err),
            SignError::NoKey { .. } => Stop::usage(err.to_string())
                .help("make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY")
                .into(),
            SignError::NotAccepted { .. } => {
                Stop::usage(err.to_string()).help("list it in the stage's `signedBy` in weir.yaml").into()
            }
            err => anyhow::Error::new(err).context(Stop::usage("nothing can be signed")),
        };
        Ok(Some(block_on(accepted.signer(stage, from))?.map_err(stop)?))
    }
}

/// Name of the file that makes a folder a workspace.
const WORKSPACE_FILE: &str = "weir.yaml";

impl WorkspaceFlag {
    /// Returns the workspace's folder.
    ///
    /// # Errors
    /// If there is none; names the folder where the search began.
    pub fn find(&self) -> Result<PathBuf, Stop> {
        match &self.workspace {
            Some(dir) => given(dir),
            None => {
                let here = std::env::current_dir()
                    .map_err(|err| Stop::usage(format!("the current folder cannot be read: {err}")))?;
                nearest(&here).ok_or_else(|| {
                    Stop::usage(format!("there is no {WORKSPACE_FILE} in `{}` or above it", here.display()))
                        .help("name the folder that holds it: --workspace DIR")
                })
            }
        }
    }
}

fn given(dir: &Path) -> Result<PathBuf, Stop> {
    if dir.join(WORKSPACE_FILE).is_file() {
        return Ok(dir.to_owned());
    }
    let shown = dir.display();
    // A folder that may not be read is not an absent one.
    if let Err(err) = std::fs::metadata(dir.join(WORKSPACE_FILE))
        && err.kind() == std::io::ErrorKind::PermissionDenied
    {
        return Err(Stop::new(Exit::Outside, format!("the workspace `{shown}` cannot be read: {err}")));
    }
    Err(if dir.file_name().is_some_and(|name| name == WORKSPACE_FILE) && dir.is_file() {
        let folder = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Stop::usage(format!("`{shown}` is a file")).help(format!("name its folder: --workspace {}", folder.display()))
    } else if dir.is_dir() {
        let stop = Stop::usage(format!("there is no {WORKSPACE_FILE} in `{shown}`"));
        match nearest(dir) {
            Some(above) => stop.help(format!("there is one above it: --workspace {}", above.display())),
            None => stop.help(format!("a workspace is a folder with a {WORKSPACE_FILE} that holds `kind: Workspace`")),
        }
    } else {
        Stop::usage(format!("there is no folder `{shown}`"))
    })
}

fn nearest(from: &Path) -> Option<PathBuf> {
    // A relative path has no ancestors above its first component.
    let from = std::path::absolute(from).unwrap_or_else(|_| from.to_owned());
    from.ancestors().find(|dir| dir.join(WORKSPACE_FILE).is_file()).map(Path::to_owned)
}

/// The flags for messages and colours.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Use colours. NO_COLOR and CLICOLOR_FORCE are honoured
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = false)]
    pub color: When,
    /// Print more to stderr: the files that were skipped, the number of requests to a cluster
    #[arg(long, short)]
    pub verbose: bool,
}

/// The use of colours.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// On a terminal
    #[default]
    Auto,
    /// Also into files and pipes
    Always,
    /// Never
    Never,
}

impl Terminal {
    /// Applies the flags to the rest of the run.
    pub fn apply(self) {
        match self.color {
            When::Auto => anstream::ColorChoice::Auto,
            When::Always => anstream::ColorChoice::AlwaysAnsi,
            When::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// The flag that names the files that were deployed last.
#[derive(Args, Clone, Debug, Default)]
pub struct DeployedFlag {
    /// The git revision that was deployed last, as its plan names it: the head of the plan then also shows changes of
    /// teams, name spaces, consents, vaults, adoptions, reviewers and approvals since
    #[arg(long, value_name = "REVISION")]
    deployed: Option<String>,
}

impl DeployedFlag {
    /// Returns the revision; `None` without the flag.
    pub fn revision(&self) -> Option<&str> {
        self.deployed.as_deref()
    }
}

/// The format of output: for people or for programs.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: JSON, with its format and version in the field `format`
    Json,
}

/// Parses a time in the form of RFC 3339.
///
/// # Errors
/// A sentence with an example.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time with its zone, such as `2026-11-22T10:00:00Z`".to_owned())
}
