use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::{Parser, error::ErrorKind};
use weir_findings::render::inert;

use crate::{Exit, Stop, print, say, terminal::has_lost_output};

/// Runs a binary: parses the command line, calls `run`, prints what went wrong, gives the exit code.
pub fn main<A: Parser>(run: impl FnOnce(A) -> anyhow::Result<Exit>) -> ExitCode {
    run_from(std::env::args_os(), run).into()
}

/// [`main`] for a given command line, the program's name first.
pub fn run_from<A: Parser>(
    command_line: impl IntoIterator<Item = OsString>,
    run: impl FnOnce(A) -> anyhow::Result<Exit>,
) -> Exit {
    std::panic::set_hook(Box::new(|panic| {
        // What was panicked with is not shown: it could hold anything, a secret too.
        let at = panic.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        say(&format!(
            "error: weir {} has made a mistake{at}; please report it\n\
             What has been done so far is safe: the same command can be run again.\n",
            env!("CARGO_PKG_VERSION"),
        ));
    }));
    catch_unwind(AssertUnwindSafe(|| {
        let args = match A::try_parse_from(command_line) {
            Ok(args) => args,
            Err(err) => return told(&err),
        };
        match run(args) {
            // Half a plan in a file must not look like a whole one.
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

/// Prints help, version or what is wrong with the command line.
fn told(err: &clap::Error) -> Exit {
    let text = err.render();
    let text = text.ansi().to_string();
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

/// Prints an error with its causes, and what to do instead, to stderr.
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
/// When the operating system gives no threads.
pub fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    Ok(runtime.block_on(work))
}
