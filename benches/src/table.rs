//! All measurements, as a table to paste into `docs/performance.md`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use weir_testkit::generate::Shape;

use crate::{
    once::{Taken, Work},
    written,
};

/// Measures each number of `topics` with as many grants, then the largest number with `acls_once` grants.
pub(crate) fn measure(topics: &[usize], acls_once: usize, runs: usize) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} processors, median of {runs} runs\n");
    println!(
        "| topics | grants | YAML | | wall | CPU | peak | wall to the bare work | CPU to the bare work | growth | |"
    );
    println!("| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    let mut before: Option<(usize, Vec<Taken>)> = None;
    for &count in topics {
        let taken = rows(&Shape::of_topics(count), runs, before.as_ref())?;
        before = Some((count, taken));
    }
    if let Some(&count) = topics.iter().max().filter(|_| acls_once > 0) {
        rows(&Shape { acls: acls_once, ..Shape::of_topics(count) }, 1, None)?;
    }
    println!(
        "\nThe bare work is the bare parse; for policies, the bare expressions. Growth: how many times the CPU of the row before, over how many times its topics; 1.0 is linear. Peak: of the \
         whole process, reading files included."
    );
    Ok(())
}

/// Measures one workspace and prints its rows.
fn rows(shape: &Shape, runs: usize, before: Option<&(usize, Vec<Taken>)>) -> Result<Vec<Taken>> {
    let folder = Folder::new()?;
    written::write(shape, &folder.0)?;
    let mut all: Vec<Vec<Taken>> = vec![Vec::new(); Work::ALL.len()];
    // Each round runs every work once, so that other load on the machine affects all of them alike.
    for _ in 0..runs {
        for (work, taken) in Work::ALL.into_iter().zip(&mut all) {
            taken.push(run(work, &folder.0)?);
        }
    }
    let medians: Vec<Taken> = all.iter().map(|taken| median(taken)).collect();
    for (index, (work, taken)) in Work::ALL.into_iter().zip(&medians).enumerate() {
        let floor = Work::ALL.iter().zip(&medians).find(|(other, _)| **other == work.floor()).map(|(_, taken)| *taken);
        let floor = floor.context("the work to compare with is missing")?;
        let growth = before.and_then(|(topics, before)| Some((*topics, before.get(index)?))).map(|(topics, before)| {
            let by = if before.cpu >= 0.05 { taken.cpu / before.cpu } else { taken.wall / before.wall };
            by / (shape.topics as f64 / topics as f64)
        });
        println!(
            "| {} | {} | {:.1} MB | {} | {:.3} s | {:.2} s | {} MiB | {:.2} | {} | {} | {} |",
            thousands(shape.topics),
            thousands(shape.acls),
            taken.bytes as f64 / 1e6,
            work.title(),
            taken.wall,
            taken.cpu,
            taken.peak >> 20,
            taken.wall / floor.wall,
            // A processor time of a few clock ticks is too coarse to divide by.
            if floor.cpu >= 0.05 { format!("{:.2}", taken.cpu / floor.cpu) } else { "–".to_owned() },
            growth.map_or("–".to_owned(), |growth| format!("{growth:.2}")),
            match work {
                Work::Parse => format!("{} events", thousands(taken.counted)),
                Work::Load => format!("{} entities", thousands(taken.counted)),
                Work::Validate => format!("{} findings", taken.counted),
                Work::PoliciesBare => format!("{} evaluations", thousands(taken.counted)),
                Work::Policies => format!("{} topics", thousands(taken.counted)),
                Work::PlanFew | Work::PlanChange | Work::PlanAll =>
                    format!("{} steps, {} bindings", thousands(taken.counted), thousands(taken.acls)),
            }
        );
    }
    Ok(medians)
}

/// Measures once, in a separate process.
fn run(work: Work, dir: &Path) -> Result<Taken> {
    let mut once = Command::new(env::current_exe()?);
    once.args(["once", &work.name()]).arg(dir).stderr(Stdio::inherit());
    let output = once.output().context("cannot start the measurement")?;
    if !output.status.success() {
        bail!("the measurement of {} failed ({})", work.title(), output.status);
    }
    serde_json::from_slice(&output.stdout).context("the measurement printed no result")
}

/// Returns the run with the median wall time, whole, so that its numbers belong together.
fn median(taken: &[Taken]) -> Taken {
    let mut sorted = taken.to_vec();
    sorted.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    sorted[sorted.len() / 2]
}

/// Formats a number as in `100,000`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A folder that is removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("weir-bench-{}", std::process::id()));
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("cannot clear {}", path.display()))?;
        }
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If the removal fails, the folder stays in the system's temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(wall: f64) -> Taken {
        Taken { wall, cpu: 0.0, peak: 0, bytes: 0, counted: 0, acls: 0 }
    }

    #[test]
    fn the_median_is_a_run() {
        assert_eq!(median(&[taken(3.0), taken(1.0), taken(2.0)]), taken(2.0));
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([1, 999, 1000, 100_000, 1_234_567].map(thousands), ["1", "999", "1,000", "100,000", "1,234,567"]);
    }
}
