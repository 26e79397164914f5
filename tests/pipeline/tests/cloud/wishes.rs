//! The files of teams: different files for each round, the same in every run.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use pipeline::Random;

use crate::scene::TEAMS;

pub(crate) const ACCOUNTS: u64 = 6;
const TOPICS: u64 = 4;

/// Returns the files of a round: accounts with slots that appear and disappear, and keys that are due or must be
/// deleted at once.
pub(crate) fn entities(random: &mut Random, now: Timestamp) -> String {
    let mut text = String::new();
    let mut topics = Vec::new();
    for number in 0..TOPICS {
        let name = format!("t{number}");
        match random.below(6) {
            0 => {}
            1 => entity(&mut text, "Topic", &name, team(number), "", "{ensure: absent}"),
            _ => {
                let days = 1 + random.below(3);
                let policy = random.pick(&["", ", cleanup.policy: delete", ", cleanup.policy: [compact, delete]"]);
                let spec = format!("{{partitions: {}, config: {{retention.ms: {days}d{policy}}}}}", 1 + number % 2);
                entity(&mut text, "Topic", &name, team(number), "", &spec);
                topics.push((name, team(number)));
            }
        }
    }
    for number in 0..ACCOUNTS {
        let (name, team) = (format!("a{number}"), team(number));
        match random.below(8) {
            0 => continue,
            1 => {
                entity(&mut text, "ServiceAccount", &name, team, "closed", "{ensure: absent}");
                continue;
            }
            _ => {}
        }
        let mut slots = String::new();
        for (slot, once_in) in [("default", 8), ("batch", 2)] {
            if !random.once_in(once_in) {
                let every = random.pick(&["", ", rotateEvery: 30d", ", rotateEvery: 60d"]);
                let overlap = random.pick(&["0d", "2d", "7d"]);
                let at_once = match random.below(10) {
                    0 => format!(", rotatedAfter: {}", day(now)),
                    1 => format!(", rotatedAfter: {}, emergency: true", day(now)),
                    _ => String::new(),
                };
                let shapes =
                    random.pick(&["", "", "", ", projections: [properties]", ", projections: [properties, pair]"]);
                write!(slots, "{{slot: {slot}{every}, overlap: {overlap}{at_once}{shapes}}}, ").unwrap();
            }
        }
        let description = random.pick(&["does this", "does that", "does nothing"]);
        let spec = format!("{{apiKeys: [{}]}}", slots.trim_end_matches(", "));
        entity(&mut text, "ServiceAccount", &name, team, description, &spec);
        let mut allow = String::new();
        for (topic, owner) in &topics {
            match random.below(4) {
                0 if *owner == team => write!(allow, "{{produce: {topic}}}, ").unwrap(),
                1 if *owner == team => write!(allow, "{{consume: {topic}, group: {name}}}, ").unwrap(),
                _ => {}
            }
        }
        if !allow.is_empty() {
            let spec = format!("{{serviceAccount: {name}, allow: [{}]}}", allow.trim_end_matches(", "));
            entity(&mut text, "AccessControlList", &name, team, "", &spec);
        }
    }
    text
}

/// Returns the team of an object number.
pub(crate) fn team(number: u64) -> &'static str {
    TEAMS[usize::from(!number.is_multiple_of(2))]
}

fn day(now: Timestamp) -> String {
    // A whole second in the past, so that keys made now are younger.
    (now - SignedDuration::from_secs(60)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn entity(text: &mut String, kind: &str, name: &str, team: &str, description: &str, spec: &str) {
    let description = if description.is_empty() { String::new() } else { format!(", description: {description}") };
    writeln!(
        text,
        "---\napiVersion: weir/v1\nkind: {kind}\nmetadata: {{name: {name}, team: {team}{description}}}\nspec: {spec}"
    )
    .unwrap();
}
