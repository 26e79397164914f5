//! The paths of teams.

use std::{collections::BTreeMap, fmt};

/// The team that may change a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority<'w> {
    /// The platform team.
    Platform,
    /// A product team, by name.
    Team(&'w str),
    /// Nobody: the path is that of two teams, or differs only in the case of letters from a path of a team. On some
    /// file systems, and for some forges, the two are one.
    Unclear(&'w str, &'w str),
}

/// A pattern of paths with one `{team}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
    /// `true` if the pattern ends in `**`: any file below.
    below: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// A name in which `*` stands for any text.
    Name(String),
    /// The name of a team, then a fixed ending: empty for a folder, `.yaml` for a file.
    Team(String),
}

/// A text that is no pattern of paths of teams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTemplate(String);

impl fmt::Display for InvalidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidTemplate {}

const TEAM: &str = "{team}";

impl Template {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If the pattern has no `{team}` or several, has `{team}` in the middle of a name, or leaves the workspace.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let wrong = |why: &str| InvalidTemplate(format!("`{text}` {why}"));
        let (body, below) = match text.strip_suffix("/**") {
            Some(body) => (body, true),
            None => (text, false),
        };
        let mut segments = Vec::new();
        for name in body.split('/') {
            if name.is_empty() || name == "." || name == ".." {
                return Err(wrong("must be a path below the workspace, without empty parts, `.` or `..`"));
            }
            if name.contains("**") {
                return Err(wrong("has `**` elsewhere than at its end"));
            }
            segments.push(match name.strip_prefix(TEAM) {
                Some(ending) if ending.is_empty() || ending == ".yaml" || ending == ".yml" => {
                    Segment::Team(ending.to_owned())
                }
                None if !name.contains(['{', '}']) => Segment::Name(name.to_owned()),
                _ => return Err(wrong("must have `{team}` as the whole name of a folder, or as `{team}.yaml`")),
            });
        }
        let teams = segments.iter().filter(|segment| matches!(segment, Segment::Team(_))).count();
        match teams {
            1 => Ok(Self { segments, below }),
            0 => Err(wrong("does not contain `{team}`")),
            _ => Err(wrong("contains `{team}` more than once")),
        }
    }

    /// Returns the text in place of `{team}`, if the path matches. `same` compares names.
    pub(crate) fn captures<'p>(&self, path: &'p str, fold: bool) -> Option<&'p str> {
        let mut names = path.split('/');
        let mut team = None;
        for segment in &self.segments {
            let name = names.next()?;
            match segment {
                Segment::Name(pattern) if matches(pattern, name, fold) => {}
                Segment::Name(_) => return None,
                Segment::Team(ending) => team = Some(without_ending(name, ending, fold)?),
            }
        }
        let rest = names.next().is_some();
        if rest == self.below { team.filter(|team| !team.is_empty()) } else { None }
    }

    /// Returns the pattern with the name of a team in place of `{team}`, as a path from the root of the workspace.
    pub fn of_team(&self, team: &str) -> String {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Name(name) => path.push_str(name),
                Segment::Team(ending) => {
                    path.push_str(team);
                    path.push_str(ending);
                }
            }
        }
        if self.below {
            path.push('/');
        }
        path
    }
}

fn without_ending<'p>(name: &'p str, ending: &str, fold: bool) -> Option<&'p str> {
    let at = name.len().checked_sub(ending.len())?;
    let (stem, found) = (name.get(..at)?, name.get(at..)?);
    (found == ending || fold && found.eq_ignore_ascii_case(ending)).then_some(stem)
}

/// Returns `true` if `name` matches the pattern, in which `*` stands for any text.
fn matches(pattern: &str, name: &str, fold: bool) -> bool {
    let lower = |text: &str| if fold { text.to_lowercase() } else { text.to_owned() };
    let (pattern, name) = (lower(pattern), lower(name));
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Returns the authority over a path. The keys of `teams` are their names.
pub(crate) fn authority<'w, T>(
    templates: &[Template],
    path: &str,
    teams: &'w BTreeMap<String, T>,
    platform: &'w str,
) -> Authority<'w> {
    let mut found: Option<&'w str> = None;
    let mut twin: Option<&'w str> = None;
    for template in templates {
        if let Some(name) = template.captures(path, false)
            && let Some((team, _)) = teams.get_key_value(name)
        {
            match found {
                Some(other) if other != team => return Authority::Unclear(other, team),
                _ => found = Some(team),
            }
        } else if let Some(name) = template.captures(path, true) {
            twin = twin.or_else(|| teams.keys().map(String::as_str).find(|team| team.eq_ignore_ascii_case(name)));
        }
    }
    match (found, twin) {
        (Some(team), _) if team == platform => Authority::Platform,
        (Some(team), _) => Authority::Team(team),
        (None, Some(team)) => Authority::Unclear(team, team),
        (None, None) => Authority::Platform,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'w>(templates: &[&str], path: &str, teams: &'w BTreeMap<String, ()>) -> Authority<'w> {
        let templates: Vec<Template> = templates.iter().map(|text| Template::parse(text).unwrap()).collect();
        authority(&templates, path, teams, "platform")
    }

    #[test]
    fn a_path_tells_the_team() {
        use Authority::{Platform, Team, Unclear};
        const DEFAULT: &[&str] = &["teams/{team}/**"];
        let teams = ["toll", "cards", "platform"].map(|team| (team.to_owned(), ())).into();
        for (templates, path, expected) in [
            (DEFAULT, "teams/toll/kafka.yaml", Team("toll")),
            (DEFAULT, "teams/toll/a/b/kafka.yaml", Team("toll")),
            (DEFAULT, "teams/platform/kafka.yaml", Platform),
            (DEFAULT, "teams/nobody/kafka.yaml", Platform),
            (DEFAULT, "teams/toll", Platform),
            (DEFAULT, "teams/toll.yaml", Platform),
            (DEFAULT, "teams/toll-gates/kafka.yaml", Platform),
            (DEFAULT, "x/teams/toll/kafka.yaml", Platform),
            (DEFAULT, "weir.yaml", Platform),
            (DEFAULT, "teams/Toll/kafka.yaml", Unclear("toll", "toll")),
            (DEFAULT, "Teams/toll/kafka.yaml", Unclear("toll", "toll")),
            (&["{team}.yaml"], "toll.yaml", Team("toll")),
            (&["{team}.yaml"], "toll.yml", Platform),
            (&["{team}.yaml"], "toll.YAML", Unclear("toll", "toll")),
            (&["{team}.yaml"], "a/toll.yaml", Platform),
            (&["{team}.yaml"], "weir.yaml", Platform),
            (&["kafka/*/{team}/**"], "kafka/eu/cards/x.yaml", Team("cards")),
            (&["kafka/*/{team}/**"], "kafka/cards/x.yaml", Platform),
            (&["{team}/**", "*/{team}/**"], "toll/cards/x.yaml", Unclear("toll", "cards")),
        ] {
            assert_eq!(of(templates, path, &teams), expected, "{templates:?} {path}");
        }
    }

    #[test]
    fn templates_are_paths_with_one_team() {
        for wrong in
            ["teams/**", "teams/{team}-x/**", "/teams/{team}/**", "../{team}/**", "{team}/{team}/**", "**/{team}", ""]
        {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Template::parse("teams/{team}/**").unwrap().of_team("toll"), "/teams/toll/");
        assert_eq!(Template::parse("{team}.yaml").unwrap().of_team("toll"), "/toll.yaml");
    }
}
