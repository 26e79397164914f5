//! `--fix` and `--diff`.

use std::path::Path;

use weir_findings::{
    count,
    render::{inert, inert_lines},
};
use weir_validation::{Changed, Fixed};

use crate::{print, rewrite, say};

/// Writes the files that changed.
pub(crate) fn write(dir: &Path, fixed: &Fixed) -> anyhow::Result<()> {
    let files: Vec<_> =
        fixed.files.iter().map(|file| (dir.join(&file.path), file.before.as_str(), file.after.as_str())).collect();
    rewrite(&files)?;
    say(&outcome("fixed", fixed));
    Ok(())
}

/// Prints the changes as a unified diff, with stand-ins for characters that could control a terminal or an agent.
pub(crate) fn diff(fixed: &Fixed) {
    for Changed { path, before, after } in &fixed.files {
        let path = inert(path);
        let diff = similar::TextDiff::from_lines(before, after);
        let diff = diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string();
        print(&inert_lines(&diff));
    }
    say(&outcome("would fix", fixed));
}

/// `fixed 3 findings in 2 files; 1 fix was left undone, since it would change more than it says`
fn outcome(verb: &str, fixed: &Fixed) -> String {
    let (n, files) = (fixed.fixed, fixed.files.len());
    let left = match fixed.refused {
        0 => String::new(),
        1 => "; 1 fix was left undone, since it would change more than it says".to_owned(),
        left => format!("; {left} fixes were left undone, since they would change more than they say"),
    };
    match n {
        0 => format!("nothing to fix{left}\n"),
        _ => format!("{verb} {} in {}{left}\n", count(n, "finding"), count(files, "file")),
    }
}
