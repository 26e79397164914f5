//! `weir init`: a workspace to begin with.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use weir_model::schema;

use crate::{Exit, Stop, Terminal, say};

/// Writes a new workspace: a team with a topic, editor settings, pipelines
///
/// It deploys to a sandbox, a whole cluster in a folder. No file is overwritten.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder; it is made if it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    terminal: Terminal,
}

const FILES: [(&str, &str); 8] = [
    ("weir.yaml", include_str!("init/weir.yaml")),
    ("teams/orders/kafka.yaml", include_str!("init/orders.yaml")),
    (".gitignore", include_str!("init/gitignore")),
    (".vscode/settings.json", include_str!("init/settings.json")),
    (".vscode/tasks.json", include_str!("init/tasks.json")),
    (".vscode/extensions.json", include_str!("init/extensions.json")),
    ("azure-pipelines.yaml", include_str!("init/azure-pipelines.yaml")),
    (".github/workflows/kafka.yaml", include_str!("init/github-workflow.yaml")),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = &args.dir;
    let mut files: Vec<(String, String)> =
        FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    files.extend(schema::all().into_iter().map(|(name, schema)| (format!("schemas/{name}"), format!("{schema:#}\n"))));

    let taken: Vec<&str> = files
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| fs::symlink_metadata(dir.join(name)).is_ok())
        .collect();
    if !taken.is_empty() {
        return Err(Stop::refused(format!(
            "{} already there in `{}`; nothing was written",
            listed(&taken),
            dir.display()
        ))
        .help("name a folder that is empty: weir init DIR")
        .into());
    }
    let mut done = Vec::new();
    if let Err((path, err)) = files.iter().try_for_each(|(name, text)| write(&dir.join(name), text, &mut done)) {
        for path in done.iter().rev() {
            // The next run reports a file that is left behind.
            let _ = fs::remove_file(path);
        }
        return Err(err).with_context(|| format!("`{}` cannot be written; no file was", path.display()));
    }
    for (name, _) in &FILES {
        say(&format!("wrote {name}\n"));
    }
    say(&format!("wrote schemas/, {} files\n\nNext:\n", files.len() - FILES.len()));
    if dir.as_os_str() != "." {
        say(&format!("  cd {}\n", dir.display()));
    }
    say("  weir validate\n  weir up --stage dev\n");
    Ok(Exit::Fine)
}

/// Writes a new file.
fn write(path: &Path, text: &str, done: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    use io::Write as _;
    let mut written = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        done.push(path.to_owned());
        file.write_all(text.as_bytes())
    };
    written().map_err(|err| (path.to_owned(), err))
}

/// ``` `a`, `b` and 3 others are ```
fn listed(names: &[&str]) -> String {
    match names {
        [one] => format!("`{one}` is"),
        [one, two] => format!("`{one}` and `{two}` are"),
        [one, two, others @ ..] => format!("`{one}`, `{two}` and {} more are", others.len()),
        [] => String::new(),
    }
}
