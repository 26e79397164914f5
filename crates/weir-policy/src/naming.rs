//! Names that are built by a pattern: `{team}.{domain}.{name}.v{version}`.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use weir_cel::{BUDGET, Failure, Problem, pattern};
use weir_findings::closest;
use weir_model::Naming;

/// A compiled [`Naming`].
#[derive(Debug)]
pub(crate) struct Names {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Text(String),
    Part { name: String, limit: Limit },
}

#[derive(Debug)]
enum Limit {
    /// The name of the entity's team.
    Team,
    /// The value of one of the entity's labels.
    Label(String),
    /// One of these words.
    Words(Vec<String>),
    Pattern(Regex),
    /// Lower case letters, digits and dashes.
    Plain,
}

/// The largest number of parts in a pattern.
const MOST_SEGMENTS: usize = 32;
/// The longest name that is matched: Kafka allows no longer topic name.
const LONGEST_NAME: usize = 249;

impl Names {
    /// Compiles a pattern. An error carries its place below `naming`.
    pub(crate) fn new(naming: &Naming) -> Result<Self, (Vec<&str>, Problem)> {
        let mut segments = Vec::new();
        let mut rest = naming.pattern.as_str();
        let at = |problem| (vec!["pattern"], problem);
        while let Some((before, inside)) = rest.split_once('{') {
            let Some((name, after)) = inside.split_once('}') else {
                return Err(at(Problem::new("a brace is not closed")));
            };
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
                return Err(at(
                    Problem::new(format!("`{{{name}}}` names no part")).help("a part has a name of letters and digits")
                ));
            }
            if !before.is_empty() {
                segments.push(Segment::Text(before.to_owned()));
            } else if matches!(segments.last(), Some(Segment::Part { .. })) {
                return Err(at(Problem::new(format!("nothing separates `{{{name}}}` from the part before it"))
                    .help("put a dot or a dash between them")));
            }
            segments.push(Segment::Part { name: name.to_owned(), limit: limit(naming, name)? });
            rest = after;
        }
        if rest.contains('}') {
            return Err(at(Problem::new("a brace is not opened")));
        }
        if !rest.is_empty() {
            segments.push(Segment::Text(rest.to_owned()));
        }
        if segments.is_empty() || segments.len() > MOST_SEGMENTS {
            return Err(at(Problem::new(format!("a pattern has between 1 and {MOST_SEGMENTS} parts"))));
        }
        let used = |part: &str| segments.iter().any(|s| matches!(s, Segment::Part { name, .. } if name == part));
        if let Some(unused) = naming.parts.keys().find(|part| !used(part)) {
            let problem = Problem::new(format!("the pattern has no part `{{{unused}}}`"));
            return Err((vec!["parts", unused], problem));
        }
        Ok(Self { text: naming.pattern.clone(), segments })
    }

    /// Checks a name. Returns a message and the expected form if the name is wrong; adds the cost of matching to
    /// `spent`.
    pub(crate) fn check(
        &self,
        name: &str,
        team: &str,
        labels: &BTreeMap<String, String>,
        spent: &mut u64,
    ) -> Result<Option<Problem>, Failure> {
        if name.len() > LONGEST_NAME {
            let problem = Problem::new(format!("a name of {} characters cannot match `{}`", name.len(), self.text));
            return Ok(Some(problem.help(format!("names have at most {LONGEST_NAME} characters"))));
        }
        let mut matching = Matching { names: self, name, team, labels, left: BUDGET };
        let found = matching.check();
        *spent += BUDGET - matching.left;
        found
    }

    fn not_built(&self, name: &str) -> Problem {
        Problem::new(format!("`{name}` does not match `{}`", self.text))
    }

    fn wrong(&self, segment: &Segment, name: &str, team: &str, labels: &BTreeMap<String, String>) -> Problem {
        let problem = self.not_built(name);
        let Segment::Part { name: part, limit } = segment else {
            let Segment::Text(text) = segment else { return problem };
            return problem.help(format!("`{text}` is missing, or the text before it is not allowed there"));
        };
        match limit {
            Limit::Team => problem.help(format!("`{{{part}}}` is the team: `{team}`")),
            Limit::Label(label) => match labels.get(label) {
                Some(value) => problem.help(format!("`{{{part}}}` is the label `{label}`: `{value}`")),
                None => problem.help(format!("`{{{part}}}` is the label `{label}`, which is not set")),
            },
            Limit::Words(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                problem.help(format!("`{{{part}}}` is one of {}", words.join(", ")))
            }
            Limit::Pattern(pattern) => {
                let pattern = pattern.as_str().trim_start_matches("^(?:").trim_end_matches(")$");
                problem.help(format!("`{{{part}}}` has to match `{pattern}`"))
            }
            Limit::Plain => problem.help(format!("`{{{part}}}` is lower case letters, digits and dashes")),
        }
    }
}

/// One name against a pattern.
struct Matching<'m> {
    names: &'m Names,
    name: &'m str,
    team: &'m str,
    labels: &'m BTreeMap<String, String>,
    /// The operations left of the budget.
    left: u64,
}

impl Matching<'_> {
    fn check(&mut self) -> Result<Option<Problem>, Failure> {
        // All places in the name where the segments so far may end.
        let mut ends = BTreeSet::from([0]);
        for (at, segment) in self.names.segments.iter().enumerate() {
            let mut next = BTreeSet::new();
            for start in ends {
                self.ends(at, start, &mut next)?;
            }
            if next.is_empty() {
                return Ok(Some(self.names.wrong(segment, self.name, self.team, self.labels)));
            }
            ends = next;
        }
        Ok((!ends.contains(&self.name.len())).then(|| self.names.not_built(self.name)))
    }

    /// Adds the places where segment `at`, beginning at `start`, may end.
    fn ends(&mut self, at: usize, start: usize, found: &mut BTreeSet<usize>) -> Result<(), Failure> {
        let rest = &self.name[start..];
        let limit = match &self.names.segments[at] {
            Segment::Text(text) => {
                found.extend(rest.starts_with(text.as_str()).then_some(start + text.len()));
                return Ok(());
            }
            Segment::Part { limit, .. } => limit,
        };
        let mut word = |word: &str| {
            if !word.is_empty() && rest.starts_with(word) {
                found.insert(start + word.len());
            }
        };
        match limit {
            Limit::Team => word(self.team),
            Limit::Label(label) => word(self.labels.get(label).map(String::as_str).unwrap_or_default()),
            Limit::Words(words) => words.iter().for_each(|w| word(w)),
            Limit::Pattern(_) | Limit::Plain => {
                // A part ends where the text after it begins.
                match self.names.segments.get(at + 1) {
                    Some(Segment::Text(text)) => {
                        for (end, _) in rest.match_indices(text.as_str()) {
                            self.part(limit, &rest[..end], start, found)?;
                        }
                    }
                    _ => self.part(limit, rest, start, found)?,
                }
            }
        }
        Ok(())
    }

    fn part(&mut self, limit: &Limit, text: &str, start: usize, found: &mut BTreeSet<usize>) -> Result<(), Failure> {
        let cost = 1 + text.len() as u64 / 32;
        if cost > self.left {
            self.left = 0;
            return Err(Failure::Spent);
        }
        self.left -= cost;
        let fits = match limit {
            Limit::Pattern(pattern) => pattern.is_match(text),
            _ => is_plain(text),
        };
        found.extend(fits.then_some(start + text.len()));
        Ok(())
    }
}

fn limit<'n>(naming: &'n Naming, name: &str) -> Result<Limit, (Vec<&'n str>, Problem)> {
    let Some((key, part)) = naming.parts.get_key_value(name) else {
        if name == "team" {
            return Ok(Limit::Team);
        }
        // A misspelt `{team}` would accept the name of any team.
        if !naming.pattern.contains("{team}") && closest(name, ["team"]).is_some() {
            let problem = Problem::new(format!("`parts` does not define `{{{name}}}`"));
            let help = "did you mean `{team}`? If not, define it under `parts`";
            return Err((vec!["pattern"], problem.help(help)));
        }
        return Ok(Limit::Plain);
    };
    let chosen = [part.pattern.is_some(), !part.allowed.is_empty(), part.label.is_some()];
    if chosen.iter().filter(|chosen| **chosen).count() != 1 {
        let problem = Problem::new(format!("`{{{name}}}` needs exactly one of `pattern`, `allowed` and `label`"));
        return Err((vec!["parts", key], problem.help("write one of `pattern`, `allowed`, `label`")));
    }
    Ok(match (&part.pattern, &part.label) {
        (Some(text), _) => {
            Limit::Pattern(pattern(text, true).map_err(|p| (vec!["parts", key.as_str(), "pattern"], p))?)
        }
        (None, Some(label)) => Limit::Label(label.clone()),
        (None, None) => Limit::Words(part.allowed.clone()),
    })
}

fn is_plain(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    use weir_model::NamePart;

    use super::*;

    fn names(pattern: &str, parts: &[(&str, NamePart)]) -> Names {
        let parts = parts.iter().map(|(name, part)| ((*name).to_owned(), part.clone())).collect();
        Names::new(&Naming { pattern: pattern.to_owned(), parts }).unwrap()
    }

    #[test]
    fn names_are_built_by_parts() {
        let version = NamePart { pattern: Some("[0-9]+".to_owned()), ..NamePart::default() };
        let topics = names("{team}.{name}.v{version}", &[("version", version)]);
        let none = BTreeMap::new();
        for (name, team, fine) in [
            ("toll.passages.v1", "toll", true),
            ("toll.passages.v12", "toll", true),
            ("toll.passages.v", "toll", false),
            ("toll.passages.v1x", "toll", false),
            ("toll.passages.dead.v1", "toll", false),
            ("cards.passages.v1", "toll", false),
            ("city-toll.a.v1", "city-toll", true),
            ("toll.Passages.v1", "toll", false),
            ("", "toll", false),
        ] {
            assert_eq!(topics.check(name, team, &none, &mut 0).unwrap().is_none(), fine, "{name}");
        }
        let problem = topics.check("cards.passages.v1", "toll", &none, &mut 0).unwrap().unwrap();
        assert_eq!(problem.message, "`cards.passages.v1` does not match `{team}.{name}.v{version}`");
        assert_eq!(problem.help.as_deref(), Some("`{team}` is the team: `toll`"));
    }

    #[test]
    fn a_part_equals_a_label_or_a_word() {
        let label = NamePart { label: Some("domain".to_owned()), ..NamePart::default() };
        let word = NamePart { allowed: vec!["cmd".to_owned(), "evt".to_owned()], ..NamePart::default() };
        let topics = names("{domain}.{type}.{name}", &[("domain", label), ("type", word)]);
        let labels = BTreeMap::from([("domain".to_owned(), "pay.in".to_owned())]);
        assert!(topics.check("pay.in.cmd.start", "toll", &labels, &mut 0).unwrap().is_none());
        assert!(topics.check("pay.cmd.start", "toll", &labels, &mut 0).unwrap().is_some());
        assert!(topics.check("pay.in.query.start", "toll", &labels, &mut 0).unwrap().is_some());
        assert!(topics.check("pay.in.cmd.start", "toll", &BTreeMap::new(), &mut 0).unwrap().is_some());
    }

    #[test]
    fn matching_has_a_budget() {
        let any = NamePart { pattern: Some(".*".to_owned()), ..NamePart::default() };
        let parts: Vec<(&str, NamePart)> = ["a", "b", "c", "d"].map(|name| (name, any.clone())).to_vec();
        let topics = names("{a}.{b}.{c}.{d}.v1", &parts);
        let none = BTreeMap::new();
        let mut spent = 0;
        let fine = format!("{}v1", "x.".repeat(120));
        assert_eq!(topics.check(&fine, "toll", &none, &mut spent), Ok(None));
        assert!((10_000..BUDGET).contains(&spent), "{spent}");
        let before = spent;
        let told = topics.check(&".".repeat(2_000), "toll", &none, &mut spent).unwrap().unwrap();
        assert_eq!(
            (told.message.as_str(), spent),
            ("a name of 2000 characters cannot match `{a}.{b}.{c}.{d}.v1`", before)
        );
        let names_of: Vec<String> = (0..15).map(|n| format!("p{n}")).collect();
        let parts: Vec<(&str, NamePart)> = names_of.iter().map(|name| (name.as_str(), any.clone())).collect();
        let text = names_of.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(".");
        assert_eq!(names(&text, &parts).check(&".".repeat(249), "toll", &none, &mut spent), Err(Failure::Spent));
        assert_eq!(spent, before + BUDGET);
    }

    #[test]
    fn invalid_patterns_are_reported() {
        for (pattern, place) in [
            ("{team", "pattern"),
            ("team}", "pattern"),
            ("{}", "pattern"),
            ("{a}{b}", "pattern"),
            ("", "pattern"),
            ("{tema}.{name}", "pattern"),
        ] {
            let naming = Naming { pattern: pattern.to_owned(), parts: BTreeMap::new() };
            assert_eq!(Names::new(&naming).unwrap_err().0, [place], "{pattern}");
        }
    }
}
