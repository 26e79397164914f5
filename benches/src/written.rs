//! Writes and reads workspaces on disk.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use weir_testkit::generate::{Shape, workspace};

/// Writes a generated workspace into `dir`. Returns the number of files.
///
/// # Errors
/// If `dir` is not empty or cannot be written to.
pub(crate) fn write(shape: &Shape, dir: &Path) -> Result<usize> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    if fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?.next().is_some() {
        bail!("{} is not empty; name a new folder, or empty it", dir.display());
    }
    let files = workspace(shape);
    for (path, text) in &files {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(files.len())
}

/// Reads all files below `dir`, with their paths relative to it.
pub(crate) fn read(dir: &Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                files.push((path.strip_prefix(dir)?.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    files.sort();
    Ok(files)
}
