use regex::Regex;
use thiserror::Error;

/// The rule that assigns a team to an object by its logical name.
#[derive(Clone, Debug, Default)]
pub struct TeamRule {
    pattern: Option<Regex>,
    fallback: Option<String>,
}

/// The reason why a rule is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TeamRuleError {
    /// Not a regular expression.
    #[error("`{0}` is no regular expression: {1}")]
    Pattern(String, String),
    /// The expression has no group for the team.
    #[error("`{0}` has no group that captures the team, as in `^([a-z]+)\\.`")]
    NoGroup(String),
    /// The fallback is no name of a team.
    #[error("`{0}` is no name of a team: use only letters, digits, `.`, `_` and `-`")]
    Fallback(String),
}

impl TeamRule {
    /// `pattern` is a regular expression whose group `team`, or else its first group, captures the team. Without one the
    /// team is the part before the first `.` of a topic's name, before the first `-` or `.` of an account's.
    /// `fallback` is the team of all names without one.
    ///
    /// # Errors
    /// If the expression cannot be read or captures nothing, or the fallback is no name.
    pub fn new(pattern: Option<&str>, fallback: Option<&str>) -> Result<Self, TeamRuleError> {
        let pattern = match pattern {
            None => None,
            Some(text) => {
                let regex = Regex::new(text).map_err(|err| {
                    let why = err.to_string();
                    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    TeamRuleError::Pattern(text.to_owned(), why)
                })?;
                if regex.captures_len() < 2 {
                    return Err(TeamRuleError::NoGroup(text.to_owned()));
                }
                Some(regex)
            }
        };
        if let Some(name) = fallback.filter(|name| !is_name(name)) {
            return Err(TeamRuleError::Fallback(name.to_owned()));
        }
        Ok(Self { pattern, fallback: fallback.map(str::to_owned) })
    }

    pub(crate) fn of_topic(&self, logical: &str) -> Option<String> {
        self.of(logical, &['.'])
    }

    pub(crate) fn of_account(&self, logical: &str) -> Option<String> {
        self.of(logical, &['-', '.'])
    }

    fn of(&self, logical: &str, ends: &[char]) -> Option<String> {
        let told = match &self.pattern {
            Some(pattern) => pattern
                .captures(logical)
                .and_then(|found| found.name("team").or_else(|| found.get(1)))
                .map(|group| group.as_str()),
            None => logical.split_once(ends).map(|(team, _)| team),
        };
        told.filter(|team| is_name(team)).map(str::to_owned).or_else(|| self.fallback.clone())
    }
}

/// Returns `true` if an entity may have that name.
pub(crate) fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= 249
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_team() {
        let rule = TeamRule::new(None, None).unwrap();
        for (name, topic, account) in [
            ("toll.transactions.v1", Some("toll"), Some("toll")),
            ("toll-billing", None, Some("toll")),
            ("orders", None, None),
            (".x", None, None),
            ("a b-c", None, None),
        ] {
            assert_eq!((rule.of_topic(name).as_deref(), rule.of_account(name).as_deref()), (topic, account), "{name}");
        }
        let rule = TeamRule::new(Some("^(app|svc)-(?<team>[a-z]+)"), Some("platform")).unwrap();
        assert_eq!(rule.of_account("svc-toll-x").as_deref(), Some("toll"));
        assert_eq!(rule.of_topic("orders").as_deref(), Some("platform"));
    }

    #[test]
    fn rules_that_cannot_work_are_refused() {
        let refused = |pattern, fallback| TeamRule::new(pattern, fallback).unwrap_err().to_string();
        insta::assert_snapshot!(refused(Some("(a"), None), @"`(a` is no regular expression: unclosed group");
        insta::assert_snapshot!(refused(Some("a"), None), @r"`a` has no group that captures the team, as in `^([a-z]+)\.`");
        insta::assert_snapshot!(refused(None, Some("a b")), @"`a b` is no name of a team: use only letters, digits, `.`, `_` and `-`");
    }
}
