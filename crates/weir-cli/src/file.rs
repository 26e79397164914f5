use std::{
    fs, io,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::NamedTempFile;

use weir_findings::render::inert_json;

use crate::{Exit, Stop, terminal::print_commands};

/// Largest size of a file named on the command line, in bytes: a plan with a million steps is smaller.
const LARGEST_ARGUMENT: u64 = 2 << 30;

/// A file that a run will write. It is tried at the start: a receipt must not get lost because its folder is missing.
///
/// The file appears complete or not at all. `-` is stdout; devices and pipes (`/dev/stderr`) are written in place.
#[derive(Debug)]
pub struct OutFile {
    path: PathBuf,
}

impl OutFile {
    /// Checks that `path` can be written.
    ///
    /// # Errors
    /// If it cannot.
    pub fn prepare(path: &Path) -> anyhow::Result<Self> {
        let out = Self { path: path.to_owned() };
        let folder = out.folder();
        if path.is_dir() {
            return Err(Stop::usage(format!("`{}` is a folder", path.display())).help("name a file in it").into());
        }
        let is_yaml =
            path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("yaml") || ext.eq_ignore_ascii_case("yml"));
        if is_yaml && path.is_file() {
            return Err(Stop::usage(format!(
                "`{}` already exists, and weir does not write YAML files",
                path.display()
            ))
            .help("name another file, as in `--out plan.json`")
            .into());
        }
        if !out.is_special() {
            if !folder.is_dir() {
                return Err(Stop::usage(format!("there is no folder `{}`", folder.display()))
                    .help(format!("make it first: mkdir -p {}", folder.display()))
                    .into());
            }
            // Dropped at once: a run that is killed leaves nothing behind.
            drop(out.beside().with_context(|| format!("`{}` cannot be written", path.display()))?);
        }
        Ok(out)
    }

    /// Returns `true` if the file is stdout.
    pub fn is_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// Writes JSON. On stdout, a device or a pipe, where a build agent may read it, the JSON is harmless, as [`print_json`](crate::print_json) makes it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_json(self, json: &str) -> anyhow::Result<()> {
        if self.is_special() { self.write(&inert_json(json.to_owned())) } else { self.write(json) }
    }

    /// Writes text that a renderer has made harmless.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(self, text: &str) -> anyhow::Result<()> {
        if self.is_stdout() {
            print_commands(text);
            return Ok(());
        }
        let written = if self.is_special() {
            fs::OpenOptions::new().write(true).open(&self.path).and_then(|mut file| file.write_all(text.as_bytes()))
        } else {
            self.replace(text.as_bytes())
        };
        written.with_context(|| format!("`{}` cannot be written", self.path.display()))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.beside()?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }

    /// A new file in the same folder.
    fn beside(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // The permissions of any other new file; the umask takes its part away.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        builder.prefix(".weir-").tempfile_in(self.folder())
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Returns `true` if the file is stdout, a device or a pipe.
    fn is_special(&self) -> bool {
        self.is_stdout() || fs::metadata(&self.path).is_ok_and(|meta| !meta.is_file())
    }
}

/// Replaces the text of files, given as path, text before and text after. Files keep their permissions. Every new text
/// is on disk before the first file changes.
///
/// # Errors
/// If one of the files no longer has the text before; then none is written. If a file cannot be written.
pub fn rewrite(files: &[(PathBuf, &str, &str)]) -> anyhow::Result<()> {
    let mut ready = Vec::new();
    for (path, _, after) in files {
        let written = || -> io::Result<NamedTempFile> {
            let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let mut file = tempfile::Builder::new().prefix(".weir-").tempfile_in(folder)?;
            file.write_all(after.as_bytes())?;
            file.as_file().set_permissions(fs::metadata(path)?.permissions())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        ready.push(written().with_context(|| format!("`{}` cannot be written", path.display()))?);
    }
    for (path, before, _) in files {
        let now = fs::read(path).with_context(|| format!("`{}` cannot be read again", path.display()))?;
        if now != before.as_bytes() || path.is_symlink() {
            return Err(Stop::new(
                Exit::Stale,
                format!("`{}` was changed in the meantime; nothing was written", path.display()),
            )
            .help("run it again")
            .into());
        }
    }
    for (file, (path, ..)) in ready.into_iter().zip(files) {
        file.persist(path).with_context(|| format!("`{}` cannot be written", path.display()))?;
    }
    Ok(())
}

/// Reads a file that was named on the command line; `-` is stdin.
///
/// # Errors
/// A wrong command line, if the file cannot be read.
pub fn read_argument(path: &Path) -> Result<String, Stop> {
    let read = || {
        let from: Box<dyn Read> =
            if path.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(fs::File::open(path)?) };
        let mut text = String::new();
        match from.take(LARGEST_ARGUMENT + 1).read_to_string(&mut text)? as u64 > LARGEST_ARGUMENT {
            true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 2 GiB")),
            false => Ok(text),
        }
    };
    read().map_err(|err| match err.kind() {
        io::ErrorKind::NotFound => Stop::usage(format!("there is no file `{}`", path.display())),
        _ => Stop::usage(format!("`{}` cannot be read: {err}", path.display())),
    })
}
