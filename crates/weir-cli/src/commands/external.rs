//! `weir X` for any program `weir-X`.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::Command,
};

use anyhow::Context;
use weir_findings::closest;

use crate::{Exit, Stop};

const BUILT_IN: [&str; 6] = ["validate", "plan", "deploy", "entity", "up", "init"];

pub(crate) fn run(line: &[OsString]) -> anyhow::Result<Exit> {
    let Some((name, args)) = line.split_first() else {
        return Err(Stop::usage("a command is missing").into());
    };
    let Some(program) = find(name) else {
        return Err(unknown(name).into());
    };
    let mut command = Command::new(&program);
    command.args(args);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // The program replaces this process, so signals and the exit code are its own.
        Err(command.exec()).with_context(|| format!("`{}` cannot be run", program.display()))
    }
    #[cfg(not(unix))]
    {
        let status = command.status().with_context(|| format!("`{}` cannot be run", program.display()))?;
        std::process::exit(status.code().unwrap_or(70));
    }
}

/// Returns the path of the program `weir-<name>`: beside this one, else on `PATH`.
fn find(name: &OsStr) -> Option<PathBuf> {
    // A name, no path.
    let text = name.to_str()?;
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return None;
    }
    let file = format!("weir-{text}{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok().and_then(|exe| exe.parent().map(PathBuf::from));
    let path = env::var_os("PATH").unwrap_or_default();
    beside.into_iter().chain(env::split_paths(&path)).map(|folder| folder.join(&file)).find(|program| program.is_file())
}

fn unknown(name: &OsStr) -> Stop {
    let name = name.to_string_lossy();
    Stop::usage(format!("there is no command `{name}`, and no program weir-{name} beside this one or on PATH")).help(
        match closest(&name, BUILT_IN) {
            Some(known) => format!("did you mean `weir {known}`?"),
            None => format!("the commands are {}", BUILT_IN.join(", ")),
        },
    )
}
