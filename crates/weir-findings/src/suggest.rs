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
    let folded: Vec<char> = fold(wrong).collect();
    let letters = Letters::of(wrong);
    let allowed = (letters.count / 3).clamp(1, most);
    known
        .into_iter()
        // Most names are not near: this sees it without comparing letter by letter, which takes a hundred times as long.
        .filter(move |name| letters.distance(&Letters::of(name)) <= allowed)
        .filter_map(move |name| Some((distance(&folded, &fold(name).collect::<Vec<_>>(), allowed)?, name)))
        .filter(move |(distance, name)| *distance < name.chars().count())
}

/// Returns the number of letters to add, remove, replace or swap with the next one, from `a` to `b`; `None` for more than
/// `most`. The cost depends on the length of the texts only linearly: somebody may write thousands of long names.
fn distance(a: &[char], b: &[char], most: usize) -> Option<usize> {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    if a.is_empty() || b.is_empty() {
        return Some(a.len().max(b.len()));
    }
    // The first letters differ.
    let less = most.checked_sub(1)?;
    let after = |in_a: usize, in_b: usize| Some(distance(a.get(in_a..)?, b.get(in_b..)?, less)? + 1);
    let is_swapped = a.len() > 1 && b.len() > 1 && a[0] == b[1] && a[1] == b[0];
    let swapped = if is_swapped { after(2, 2) } else { None };
    [after(1, 1), after(1, 0), after(0, 1), swapped].into_iter().flatten().min()
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
            let real = strsim::osa_distance(&folded(&a), &folded(&b));
            prop_assert!(Letters::of(&a).distance(&Letters::of(&b)) <= real);
        }

        #[test]
        fn the_distance_is_exact_up_to_its_limit(a in "[ab]{0,7}[a-c]{0,3}", b in "[ab]{0,7}[a-c]{0,3}", most in 0_usize..5) {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            let real = strsim::osa_distance(&a, &b);
            prop_assert_eq!(distance(&letters(&a), &letters(&b), most), Some(real).filter(|real| *real <= most));
        }
    }
}
