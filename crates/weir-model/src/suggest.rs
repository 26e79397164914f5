//! "Did you mean …": the known name that somebody probably had in mind.

/// The one of `known` that `wrong` most likely stands for, if any is close enough to be worth saying.
///
/// ```
/// assert_eq!(weir_model::closest("partitons", ["partitions", "config"]), Some("partitions"));
/// assert_eq!(weir_model::closest("Retention.MS", ["retention.bytes", "retention.ms"]), Some("retention.ms"));
/// assert_eq!(weir_model::closest("owner", ["partitions", "config"]), None);
/// ```
pub fn closest<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    near(wrong, known, 3).min().map(|(_, name)| name)
}

/// The one of `known` that `wrong` can only stand for: at most two letters away, and no other one is as near as that.
///
/// ```
/// use weir_model::unmistakable;
///
/// assert_eq!(unmistakable("partitons", ["partitions", "config"]), Some("partitions"));
/// assert_eq!(unmistakable("mix.lag.ms", ["min.lag.ms", "max.lag.ms"]), None);
/// assert_eq!(unmistakable("pattitiosn2", ["partitions", "config"]), None);
/// ```
pub fn unmistakable<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let mut near = near(wrong, known, 2);
    let (_, name) = near.next()?;
    near.next().is_none().then_some(name)
}

/// Those of `known` that are at most `most` letters away from `wrong`, with how far.
fn near<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
    most: usize,
) -> impl Iterator<Item = (usize, &'k str)> {
    // What people swap without seeing it: case and the sign between words.
    let fold = |text: &str| -> String {
        text.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' ')).flat_map(char::to_lowercase).collect()
    };
    let folded = fold(wrong);
    let allowed = (folded.chars().count() / 3).clamp(1, most);
    known
        .into_iter()
        .map(move |name| (strsim::damerau_levenshtein(&folded, &fold(name)), name))
        .filter(move |(distance, name)| *distance <= allowed && *distance < name.chars().count())
}
