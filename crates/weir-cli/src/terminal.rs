use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use anstream::{AutoStream, ColorChoice};
use weir_findings::render::Style;

/// Whether something that was printed did not arrive.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes data to stdout. A reader that has gone away (`| head`) is no error; a full disk is one, and decides the exit
/// code of a run that went well otherwise. Colours go where they are wanted.
pub fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(err) = written
        && err.kind() != io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        say(&format!("error: the output cannot be written: {err}\n"));
    }
}

/// Whether data for stdout was lost.
pub(crate) fn has_lost_output() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes talk to stderr.
pub fn say(text: &str) {
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// How to render for stdout, or for stderr.
pub fn style(for_stderr: bool) -> Style {
    let choice = if for_stderr { AutoStream::choice(&io::stderr()) } else { AutoStream::choice(&io::stdout()) };
    let width = if for_stderr {
        terminal_size::terminal_size_of(io::stderr())
    } else {
        terminal_size::terminal_size_of(io::stdout())
    };
    Style {
        color: choice != ColorChoice::Never,
        width: width.map_or(Style::default().width, |(terminal_size::Width(columns), _)| usize::from(columns)),
    }
}

/// Asks a question that only `yes` agrees to. `None` when there is nobody to ask.
pub fn confirm(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    say(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).ok()?;
    Some(answer.trim() == "yes")
}
