//! "Did you mean …": the known name that somebody probably had in mind.

/// Returns the one of `known` that `wrong` most likely stands for, if any is close enough.
///
/// ```
/// assert_eq!(weir_findings::closest("partitons", ["partitions", "config"]), Some("partitions"));
/// assert_eq!(weir_findings::closest("Retention.MS", ["retention.bytes", "retention.ms"]), Some("retention.ms"));
/// assert_eq!(weir_findings::closest("owner", ["partitions", "config"]), None);
/// ```
pub fn closest<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    near(wrong, known, 3).min().map(|(_, name)| name)
}

/// Returns the only one of `known` that is at most two letters away from `wrong`.
///
/// ```
/// use weir_findings::unmistakable;
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

/// Returns the names of `known` that are at most `most` letters away from `wrong`, each with its distance.
fn near<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
    most: usize,
) -> impl Iterator<Item = (usize, &'k str)> {
    // People mix up upper and lower case, and the sign between words, without seeing it.
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
