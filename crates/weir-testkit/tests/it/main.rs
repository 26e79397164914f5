//! The generated workspaces have no findings; the fakes behave as badly as documented.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[cfg(feature = "keyvault")]
mod keyvault;
mod workspaces;
