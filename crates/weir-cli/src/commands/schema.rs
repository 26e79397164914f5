use std::{fs, path::PathBuf};

use anyhow::Context;
use weir_model::schema;

use crate::{Exit, OutFile, Stop, Terminal, say};

/// Writes the JSON Schema of every kind, for editors
///
/// An editor with the YAML language server uses a schema that the first line of a file names, as in
/// `# yaml-language-server: $schema=../schemas/weir.schema.json`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder to write to; it is made if it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    terminal: Terminal,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let folder = &args.out;
    if folder.exists() && !folder.is_dir() {
        return Err(Stop::usage(format!("`{}` is not a folder", folder.display())).help("name a folder").into());
    }
    fs::create_dir_all(folder).with_context(|| format!("the folder `{}` cannot be made", folder.display()))?;
    let schemas = schema::all();
    for (name, schema) in &schemas {
        OutFile::prepare(&folder.join(name))?.write_json(&format!("{schema:#}\n"))?;
    }
    say(&format!("wrote {} schemas to {}\n", schemas.len(), folder.display()));
    Ok(Exit::Fine)
}
