//! New files: all of them or none. No file is overwritten.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::Stop;
use anyhow::Context;

/// Refuses to begin if one of the files exists, or `dir` is no folder.
///
/// # Errors
/// Names the first file that exists.
pub(crate) fn none_exists<'n>(dir: &Path, names: impl Iterator<Item = &'n String>) -> anyhow::Result<()> {
    is_folder(dir)?;
    let there: Vec<String> =
        names.map(|name| dir.join(name)).filter(|path| path.exists()).map(|path| path.display().to_string()).collect();
    if there.is_empty() {
        return Ok(());
    }
    let (first, more) = (&there[0], there.len() - 1);
    let others = if more == 0 { String::new() } else { format!(", and so do {more} of the others") };
    Err(Stop::refused(format!("`{first}` already exists{others}; nothing was written"))
        .help("name another folder: --out DIR")
        .into())
}

/// Refuses a path that exists and is no folder.
///
/// # Errors
/// If it is no folder.
pub(crate) fn is_folder(dir: &Path) -> Result<(), Stop> {
    if dir.exists() && !dir.is_dir() {
        return Err(Stop::usage(format!("`{}` is a file", dir.display())).help("name a folder: --out DIR"));
    }
    Ok(())
}

/// Writes the files into `dir`, which is made if it does not exist. The files appear complete.
///
/// # Errors
/// If a file cannot be written; then none is left behind.
pub(crate) fn write(dir: &Path, files: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = || format!("the files cannot be written to `{}`", dir.display());
    fs::create_dir_all(parent).with_context(cannot)?;
    // weir does not read hidden folders as part of a workspace.
    let beside = if dir.is_dir() { dir } else { parent };
    let temporary = tempfile::Builder::new().prefix(".weir-import-").tempdir_in(beside).with_context(cannot)?;
    for (name, text) in files {
        complete(&temporary.path().join(name), text).with_context(cannot)?;
    }
    if dir.is_dir() { appear(temporary.path(), dir, files) } else { become_folder(temporary, dir) }.with_context(cannot)
}

fn complete(path: &Path, text: &str) -> io::Result<()> {
    use io::Write as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Renames the temporary folder, which makes a new folder with all files at once.
fn become_folder(temporary: tempfile::TempDir, dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Only the owner may read a temporary folder; this one gets the usual permissions.
        let usual = fs::metadata(temporary.path().parent().unwrap_or(Path::new(".")))?.permissions().mode() & 0o777;
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(usual | 0o700))?;
    }
    fs::rename(temporary.path(), dir)?;
    // The folder has moved: there is nothing temporary to delete.
    drop(temporary.keep());
    Ok(())
}

/// Links each file to its name, which fails if the name is taken.
fn appear(from: &Path, dir: &Path, files: &BTreeMap<String, String>) -> io::Result<()> {
    let mut done: Vec<PathBuf> = Vec::new();
    for name in files.keys() {
        let path = dir.join(name);
        if let Err(err) = fs::hard_link(from.join(name), &path) {
            for path in done {
                fs::remove_file(path)?;
            }
            return Err(err);
        }
        done.push(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_appear_all_or_none_and_never_over_another() {
        let base = tempfile::tempdir().unwrap();
        let files = |names: &[&str]| -> BTreeMap<String, String> {
            names.iter().map(|name| ((*name).to_owned(), format!("# {name}\n"))).collect()
        };
        let out = base.path().join("a/b");
        write(&out, &files(&["cards.yaml", "toll.yaml"])).unwrap();
        assert_eq!(names(&out), ["cards.yaml", "toll.yaml"]);
        assert_eq!(names(&base.path().join("a")), ["b"]);

        let more = files(&["fraud.yaml", "toll.yaml"]);
        let refused = none_exists(&out, more.keys()).unwrap_err().to_string();
        assert!(refused.ends_with("toll.yaml` already exists; nothing was written"), "{refused}");
        assert!(write(&out, &more).is_err());
        assert_eq!(names(&out), ["cards.yaml", "toll.yaml"]);

        write(&out, &files(&["fraud.yaml"])).unwrap();
        assert_eq!(names(&out), ["cards.yaml", "fraud.yaml", "toll.yaml"]);
        assert!(is_folder(&out.join("toll.yaml")).is_err());
    }
}
