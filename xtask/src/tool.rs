//! The folder in which programs are kept that this repository is checked with.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};

/// `weir/tools` in the user's cache folder.
///
/// # Errors
/// If the environment names no such folder.
pub(crate) fn folder() -> Result<PathBuf> {
    cache("tools")
}

/// Returns the folder of that name below `weir` in the user's cache folder.
///
/// # Errors
/// If the environment names no such folder.
pub(crate) fn cache(name: &str) -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME names a cache folder")?;
    Ok(cache.join("weir").join(name))
}
