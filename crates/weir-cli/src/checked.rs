//! A workspace that is read and checked: the beginning of most commands.

use std::path::Path;

use jiff::Timestamp;
use weir_findings::render;
use weir_model::UnknownStage;
use weir_pipeline::Checked;

use crate::{Stop, Terminal, say};

/// Reads the workspace in `dir` and checks it at the time `now`.
pub(crate) fn read_and_check(
    dir: &Path,
    stage: Option<&str>,
    now: Timestamp,
    terminal: Terminal,
) -> anyhow::Result<Checked> {
    let read = weir_pipeline::read(dir)?;
    if terminal.verbose {
        let files = read.loaded.sources.iter().count();
        say(&format!("read {files} files in {}\n", dir.display()));
        for path in &read.skipped {
            say(&format!("skipped {}: it has no document for weir\n", render::inert(path)));
        }
    }
    Ok(read.check(stage, now).map_err(unknown_stage)?)
}

/// Returns the error for a wrong `--stage`.
pub(crate) fn unknown_stage(err: UnknownStage) -> Stop {
    let UnknownStage { asked, known } = err;
    Stop::usage(format!("there is no stage `{asked}`")).help(format!("the stages are {}", known.join(", ")))
}
