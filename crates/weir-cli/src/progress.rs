use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use weir_findings::render::inert;

/// A progress line on the terminal. Without a terminal it is silent.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins a run of `steps` steps.
    pub fn new(steps: usize) -> Self {
        let target =
            if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows the step that runs now.
    pub fn now(&self, what: &str) {
        self.0.set_message(inert(what).into_owned());
    }

    /// Counts a step as done.
    pub fn done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_step_does_not_steer_the_terminal() {
        let progress = Progress::new(1);
        progress.now("grant x\u{1b}]0;title\u{7}\u{1b}[2J\r\n::error::y");
        let shown = progress.0.message();
        assert!(shown.contains("title") && !shown.chars().any(char::is_control), "{shown:?}");
    }
}
