//! Expected files: the one place that compares them and rewrites them.

use std::{env, fs, path::Path};

/// Compares `actual` with the expected file at `path`. A missing file counts as an empty one.
///
/// With `WEIR_BLESS=1` in the environment, which `cargo xtask bless` sets, the file is rewritten instead, and removed if
/// `actual` is empty.
///
/// # Panics
///
/// If the two differ, with the difference; or if the file cannot be read or written.
#[track_caller]
pub fn expect(path: impl AsRef<Path>, actual: &str) {
    if let Err(difference) = compare(path.as_ref(), actual, blessing()) {
        panic!("{difference}");
    }
}

/// Returns `true` if expected files are to be rewritten.
fn blessing() -> bool {
    env::var("WEIR_BLESS").is_ok_and(|value| value == "1")
}

fn compare(path: &Path, actual: &str, bless: bool) -> Result<(), String> {
    let failed = |what: &str, err: std::io::Error| format!("cannot {what} {}: {err}", path.display());
    let expected = match fs::read_to_string(path) {
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|err| failed("read", err))?,
    };
    if expected == actual {
        return Ok(());
    }
    if bless && actual.is_empty() {
        return fs::remove_file(path).map_err(|err| failed("remove", err));
    }
    if bless {
        return fs::write(path, actual).map_err(|err| failed("write", err));
    }
    let difference = similar::TextDiff::from_lines(expected.as_str(), actual);
    let difference = difference.unified_diff().header("expected", "actual").to_string();
    Err(format!("{} differs (WEIR_BLESS=1 rewrites it):\n{difference}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_and_blessing_rewrites_the_file() {
        let path = env::temp_dir().join(format!("weir-expect-{}", std::process::id()));
        let file = || fs::read_to_string(&path).ok();
        assert_eq!((compare(&path, "", false), file()), (Ok(()), None));
        let shown = compare(&path, "a\n", false).unwrap_err();
        assert!(shown.contains("rewrites it") && shown.ends_with("+a\n"), "{shown}");
        assert_eq!((compare(&path, "a\nb\n", true), file()), (Ok(()), Some("a\nb\n".to_owned())));
        assert_eq!(compare(&path, "a\nb\n", false), Ok(()));
        let shown = compare(&path, "a\nc\n", false).unwrap_err();
        assert!(shown.ends_with(" a\n-b\n+c\n"), "{shown}");
        assert_eq!((compare(&path, "", true), file()), (Ok(()), None));
    }
}
