use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use anstream::{AutoStream, ColorChoice};
use weir_findings::render::{Style, guarded, inert_json};

/// `true` once output to stdout was lost.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes text to stdout, with colours where they are wanted. Whatever the text holds, it commands neither a terminal nor a
/// build agent.
pub fn print(text: &str) {
    write(&guarded(text));
}

/// Writes JSON to stdout. The text keeps its meaning; it commands neither a terminal nor a build agent.
pub fn print_json(json: impl Into<String>) {
    write(&inert_json(json.into()));
}

/// Writes commands for a build agent to stdout, as a renderer of weir made them.
pub(crate) fn print_commands(commands: &str) {
    write(commands);
}

/// Writes to stdout. A reader that has closed the pipe (`| head`) is no error. A full disk is one: it changes the exit code
/// of a run that succeeded otherwise.
fn write(text: &str) {
    let mut out = anstream::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(err) = written
        && err.kind() != io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        say(&format!("error: the output cannot be written: {err}\n"));
    }
}

/// Returns `true` if output to stdout was lost.
pub(crate) fn has_lost_output() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes messages to stderr. They are as harmless as those of [`print()`].
pub fn say(text: &str) {
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(guarded(text).as_bytes()).and_then(|()| out.flush());
}

/// Returns the style of text on stdout, or on stderr.
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

/// Asks a question and returns `true` if the answer is `yes`; `None` without a terminal.
pub fn confirm(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    say(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).ok()?;
    Some(answer.trim() == "yes")
}
