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
    let folded: String = fold(wrong).collect();
    let letters = Letters::of(wrong);
    let allowed = (letters.count / 3).clamp(1, most);
    known
        .into_iter()
        // Most names are not near: this sees it without comparing letter by letter, which takes a hundred times as long.
        .filter(move |name| letters.distance(&Letters::of(name)) <= allowed)
        .map(move |name| (strsim::damerau_levenshtein(&folded, &fold(name).collect::<String>()), name))
        .filter(move |(distance, name)| *distance <= allowed && *distance < name.chars().count())
}

/// People mix up upper and lower case, and the sign between words, without seeing it.
fn fold(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' ')).flat_map(char::to_lowercase)
}

/// The number of letters in a folded text, and of each kind of letter.
struct Letters {
    count: usize,
    kinds: [usize; 32],
}

impl Letters {
    fn of(text: &str) -> Self {
        let (mut count, mut kinds) = (0, [0; 32]);
        for c in fold(text) {
            count += 1;
            kinds[c as usize % 32] += 1;
        }
        Self { count, kinds }
    }

    /// Returns a number of changes that both texts differ by at least: each change adds, removes or replaces one letter.
    fn distance(&self, other: &Self) -> usize {
        let (mut more, mut less) = (0, 0);
        for (ours, theirs) in self.kinds.iter().zip(&other.kinds) {
            more += ours.saturating_sub(*theirs);
            less += theirs.saturating_sub(*ours);
        }
        more.max(less)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_quick_distance_never_exceeds_the_real_one(a in "[a-dA-D._é]{0,12}", b in "[a-dA-D._é]{0,12}") {
            let folded = |text: &str| fold(text).collect::<String>();
            let real = strsim::damerau_levenshtein(&folded(&a), &folded(&b));
            prop_assert!(Letters::of(&a).distance(&Letters::of(&b)) <= real);
        }
    }
}
