use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::{Parser, error::ErrorKind};
use weir_findings::render::inert;

use crate::{Exit, Stop, print, say, terminal::has_lost_output};

/// Runs a program: parses the command line, calls `run`, prints errors, returns the exit code.
pub fn main<A: Parser>(run: impl FnOnce(A) -> anyhow::Result<Exit>) -> ExitCode {
    run_from(std::env::args_os(), run).into()
}

/// Runs a program as [`main`] does, with a given command line that starts with the program's name.
pub fn run_from<A: Parser>(
    command_line: impl IntoIterator<Item = OsString>,
    run: impl FnOnce(A) -> anyhow::Result<Exit>,
) -> Exit {
    weir_process::forbid_core_dumps();
    std::panic::set_hook(Box::new(|panic| {
        // The panic's own message is not shown: it could hold a secret.
        let at = panic.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        say(&format!(
            "error: weir {} has a bug{at}; please report it\n\
             All steps done so far are safe: the same command can be run again.\n",
            env!("CARGO_PKG_VERSION"),
        ));
    }));
    catch_unwind(AssertUnwindSafe(|| {
        let args = match A::try_parse_from(command_line) {
            Ok(args) => args,
            Err(err) => return print_usage(&err),
        };
        match run(args) {
            // A part of a plan in a file must not look like a whole one.
            Ok(Exit::Fine | Exit::Changes) if has_lost_output() => Exit::Outside,
            Ok(exit) => exit,
            Err(err) => {
                report(&err);
                Exit::of(&err)
            }
        }
    }))
    .unwrap_or(Exit::Bug)
}

/// Prints help, version, or the error in the command line.
fn print_usage(err: &clap::Error) -> Exit {
    let text = err.render().ansi().to_string();
    match err.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print(&text);
            Exit::Fine
        }
        _ => {
            say(&text);
            Exit::Usage
        }
    }
}

/// Prints an error with its causes and its advice to stderr.
pub fn report(err: &anyhow::Error) {
    let style = anstyle::AnsiColor::BrightRed.on_default().bold();
    let mut text = format!("{style}error{style:#}: {}\n", inert(&format!("{err:#}")));
    if let Some(help) = err.downcast_ref::<Stop>().and_then(Stop::helping) {
        text.push_str(&format!("  = help: {}\n", inert(help)));
    }
    say(&text);
}

/// Waits for `work`, on a few threads of its own.
///
/// # Errors
/// If the operating system gives no threads.
pub fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    Ok(runtime.block_on(work))
}
