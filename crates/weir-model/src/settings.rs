//! The catalogue of Kafka's topic settings: name, type, valid values, default, meaning.
//!
//! The data comes from Apache Kafka's own `LogConfig` definition and from Confluent Cloud's list of editable settings.

mod catalogue;
mod kafka_value;

pub use catalogue::{Bounds, Setting, SettingKind, all, did_you_mean, lookup};
pub use kafka_value::{KafkaValue, deserialize_observed, observed};

use kafka_value::{in_size, in_time};

use weir_findings::closest;

use crate::{Duration, SettingValue, Size};

/// The word for "no limit", where Kafka has a number for it.
pub const UNLIMITED: &str = "unlimited";

/// Brings a setting's value into the one spelling that Kafka itself would print: `7d` → `604800000`,
/// `[delete, compact]` → `compact,delete`, `True` → `true`.
///
/// The order to give the setting back ([`SettingValue::is_default`]) stays as it is.
///
/// ```
/// use weir_model::{SettingValue, settings::{KafkaValue, canonical}};
///
/// let value = SettingValue::Scalar("7d".to_owned());
/// assert_eq!(canonical("retention.ms", &value), Ok(KafkaValue::observed("retention.ms", "604800000")));
/// assert_eq!(
///     canonical("min.insync.replicas", &value),
///     Err("expected a whole number, found `7d`".to_owned()),
/// );
/// ```
///
/// # Errors
/// A sentence with the expected value. A setting that is not in the catalogue keeps its text.
pub fn canonical(name: &str, value: &SettingValue) -> Result<KafkaValue, String> {
    match (lookup(name), value) {
        (Some(setting), value) if !value.is_default() => setting.canonical(value),
        _ => Ok(KafkaValue::new(value.to_string())),
    }
}

impl Setting {
    /// Brings a value into Kafka's spelling. Every [`KafkaValue`] of a known setting is made here.
    ///
    /// # Errors
    /// A sentence with the expected value.
    pub fn canonical(&self, value: &SettingValue) -> Result<KafkaValue, String> {
        self.spelling(value).map(KafkaValue::new)
    }

    fn spelling(&self, value: &SettingValue) -> Result<String, String> {
        let text = match (value, &self.kind) {
            (SettingValue::List(items), SettingKind::Words(words)) => {
                return list(items.iter().map(String::as_str), words);
            }
            (SettingValue::List(_), _) => return Err(format!("expected one value, found the list `[{value}]`")),
            (SettingValue::Scalar(text), _) => text.trim(),
        };
        match &self.kind {
            SettingKind::Time(bounds) => {
                let time = || text.parse::<Duration>().ok().and_then(|time| i64::try_from(time.millis).ok());
                number(text, bounds, "a duration such as `12h` or `7d`", time, in_time)
            }
            SettingKind::Size(bounds) => {
                let size = || text.parse::<Size>().ok().and_then(|size| i64::try_from(size.bytes).ok());
                number(text, bounds, "a size such as `512MiB` or `1GiB`", size, in_size)
            }
            SettingKind::Integer(bounds) => number(text, bounds, "a whole number", || None, |n| n.to_string()),
            SettingKind::Ratio => match text.parse::<f64>() {
                // As Java prints it: `1.0`, not `1`.
                Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(format!("{:?}", ratio.abs())),
                _ => Err(format!("expected a number from 0 to 1, found `{text}`")),
            },
            SettingKind::Boolean => match text.to_ascii_lowercase().as_str() {
                boolean @ ("true" | "false") => Ok(boolean.to_owned()),
                _ => Err(format!("expected `true` or `false`, found `{text}`")),
            },
            SettingKind::Word(words) => word(text, words).map(str::to_owned),
            SettingKind::Words(_) if text.is_empty() => Ok(String::new()),
            SettingKind::Words(words) => list(text.split(','), words),
        }
    }
}

fn number(
    text: &str,
    bounds: &Bounds,
    expected: &str,
    with_unit: impl Fn() -> Option<i64>,
    print: impl Fn(i64) -> String,
) -> Result<String, String> {
    let unlimited = bounds.unlimited.filter(|_| text == UNLIMITED);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let read = || match digits.bytes().all(|b| b.is_ascii_digit()) {
        // `010` is ten to some readers and eight to others.
        true if digits.len() > 1 && digits.starts_with('0') => None,
        true => text.parse().ok(),
        false => with_unit(),
    };
    let Some(number) = unlimited.or_else(read) else {
        let or = if bounds.unlimited.is_some() { format!(", or `{UNLIMITED}`") } else { String::new() };
        return Err(format!("expected {expected}{or}, found `{text}`"));
    };
    if bounds.take(number) {
        return Ok(number.to_string());
    }
    let (least, most) = (*bounds.range.start(), *bounds.range.end());
    Err(if number < least {
        format!("must be at least {}, found `{text}`", print(least))
    } else {
        format!("must be at most {}, found `{text}`", print(most))
    })
}

fn word<'t>(text: &'t str, words: &[&str]) -> Result<&'t str, String> {
    if words.is_empty() || words.contains(&text) {
        return Ok(text);
    }
    let known: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let mut message = format!("expected one of {}, found `{text}`", known.join(", "));
    if let Some(meant) = closest(text, words.iter().copied()) {
        message.push_str(&format!("; did you mean `{meant}`?"));
    }
    Err(message)
}

fn list<'t>(items: impl Iterator<Item = &'t str>, words: &[&str]) -> Result<String, String> {
    let mut items: Vec<&str> = items.map(|item| word(item.trim(), words)).collect::<Result<_, _>>()?;
    items.sort_unstable();
    if let Some(twice) = items.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("names `{}` twice", twice[0]));
    }
    Ok(items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> SettingValue {
        SettingValue::Scalar(text.to_owned())
    }

    #[test]
    fn the_catalogue_is_kafka_4() {
        let names: Vec<&str> = all().iter().map(|s| s.name).collect();
        assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(all().iter().filter(|s| s.apache_kafka).count(), 33);
        for setting in all() {
            let default = setting.canonical(&scalar(setting.default)).unwrap();
            assert_eq!(default.as_str(), setting.default, "{}: its own default is no value", setting.name);
            assert!(!setting.documentation.is_empty() && !setting.documentation.contains("</"), "{}", setting.name);
            assert_eq!(
                setting.canonical(&scalar(&setting.human_readable(setting.default))).unwrap(),
                default,
                "{}: cannot be read as it is printed",
                setting.name
            );
        }
        let editable = all().iter().filter(|s| s.confluent_editable).count();
        assert_eq!(editable, 19, "every setting that Confluent Cloud lets one edit is in the catalogue");
    }

    #[test]
    fn values_come_into_kafkas_spelling() {
        for (name, written, kafka) in [
            ("retention.ms", "7d", "604800000"),
            ("retention.ms", "604800000", "604800000"),
            ("retention.ms", "-1", "-1"),
            ("retention.ms", "unlimited", "-1"),
            ("retention.bytes", "1GiB", "1073741824"),
            ("local.retention.ms", "-2", "-2"),
            ("flush.ms", "unlimited", "9223372036854775807"),
            ("flush.messages", "10000", "10000"),
            ("min.cleanable.dirty.ratio", "1", "1.0"),
            ("min.cleanable.dirty.ratio", "0.25", "0.25"),
            ("preallocate", "True", "true"),
            ("compression.type", "zstd", "zstd"),
            ("compression.gzip.level", "-1", "-1"),
            ("cleanup.policy", "delete, compact", "compact,delete"),
            ("follower.replication.throttled.replicas", "0:1", "0:1"),
            ("retention.ms", "default", "default"),
            ("no.such.setting", " as it is ", " as it is "),
        ] {
            assert_eq!(
                canonical(name, &scalar(written)).as_ref().map(KafkaValue::as_str),
                Ok(kafka),
                "{name}: {written}"
            );
        }
        let list = |items: &[&str]| SettingValue::List(items.iter().map(|i| (*i).to_owned()).collect());
        assert_eq!(canonical("cleanup.policy", &list(&["delete", "compact"])).unwrap(), "compact,delete");
        assert_eq!(canonical("cleanup.policy", &list(&[])).unwrap(), "");
    }

    #[test]
    fn wrong_values_say_what_would_be_right() {
        let mut messages = String::new();
        for (name, written) in [
            ("retention.ms", "7 days"),
            ("retention.ms", "-2"),
            ("retention.ms", "1GiB"),
            ("retention.ms", "0604800000"),
            ("segment.ms", "0"),
            ("segment.ms", "unlimited"),
            ("segment.bytes", "1KiB"),
            ("segment.bytes", "3GiB"),
            ("retention.bytes", "-7"),
            ("retention.ms", "9223372036854775808"),
            ("min.insync.replicas", "0"),
            ("min.insync.replicas", "two"),
            ("compression.gzip.level", "0"),
            ("min.cleanable.dirty.ratio", "1.5"),
            ("min.cleanable.dirty.ratio", "NaN"),
            ("preallocate", "yes"),
            ("compression.type", "gzipp"),
            ("message.timestamp.type", "createtime"),
            ("cleanup.policy", "compacted"),
            ("cleanup.policy", "delete,delete"),
            ("cleanup.policy", "compact,"),
        ] {
            let error = canonical(name, &scalar(written)).unwrap_err();
            messages.push_str(&format!("{name}: {error}\n"));
        }
        let list = SettingValue::List(vec!["1d".to_owned(), "2d".to_owned()]);
        messages.push_str(&format!("retention.ms: {}\n", canonical("retention.ms", &list).unwrap_err()));
        insta::assert_snapshot!(messages, @r"
        retention.ms: expected a duration such as `12h` or `7d`, or `unlimited`, found `7 days`
        retention.ms: must be at least -1, found `-2`
        retention.ms: expected a duration such as `12h` or `7d`, or `unlimited`, found `1GiB`
        retention.ms: expected a duration such as `12h` or `7d`, or `unlimited`, found `0604800000`
        segment.ms: must be at least 1ms, found `0`
        segment.ms: expected a duration such as `12h` or `7d`, found `unlimited`
        segment.bytes: must be at least 1MiB, found `1KiB`
        segment.bytes: must be at most 2147483647B, found `3GiB`
        retention.bytes: must be at least -1, found `-7`
        retention.ms: expected a duration such as `12h` or `7d`, or `unlimited`, found `9223372036854775808`
        min.insync.replicas: must be at least 1, found `0`
        min.insync.replicas: expected a whole number, found `two`
        compression.gzip.level: must be at least 1, found `0`
        min.cleanable.dirty.ratio: expected a number from 0 to 1, found `1.5`
        min.cleanable.dirty.ratio: expected a number from 0 to 1, found `NaN`
        preallocate: expected `true` or `false`, found `yes`
        compression.type: expected one of `uncompressed`, `zstd`, `lz4`, `snappy`, `gzip`, `producer`, found `gzipp`; did you mean `gzip`?
        message.timestamp.type: expected one of `CreateTime`, `LogAppendTime`, found `createtime`; did you mean `CreateTime`?
        cleanup.policy: expected one of `compact`, `delete`, found `compacted`; did you mean `compact`?
        cleanup.policy: names `delete` twice
        cleanup.policy: expected one of `compact`, `delete`, found ``
        retention.ms: expected one value, found the list `[1d,2d]`
        ");
    }

    #[test]
    fn values_are_compared_by_meaning() {
        for (name, a, b, equal) in [
            ("retention.ms", "7d", "604800000", true),
            ("retention.ms", "unlimited", "-1", true),
            ("min.cleanable.dirty.ratio", "0.50", "0.5", true),
            ("cleanup.policy", "compact,delete", "delete,compact", true),
            ("cleanup.policy", "compact", "delete,compact", false),
            ("no.such.setting", "1", "1.0", false),
            ("retention.ms", "nonsense", "nonsense", true),
            ("retention.ms", "nonsense", "rubbish", false),
        ] {
            assert_eq!(canonical(name, &scalar(a)) == canonical(name, &scalar(b)), equal, "{name}: {a} and {b}");
        }
    }

    #[test]
    fn observed_values_have_one_spelling() {
        for (name, reported, kept) in [
            ("retention.ms", "604800000", "604800000"),
            ("retention.ms", " -1 ", "-1"),
            ("retention.ms", "7d", "7d"),
            ("retention.ms", "0604800000", "0604800000"),
            ("retention.ms", "unlimited", "unlimited"),
            ("cleanup.policy", "delete, compact", "compact,delete"),
            ("cleanup.policy", "shrink", "shrink"),
            ("min.cleanable.dirty.ratio", "1", "1.0"),
            ("unclean.leader.election.enable", "TRUE", "true"),
            ("vendor.own.setting", " as it is ", " as it is "),
        ] {
            assert_eq!(KafkaValue::observed(name, reported), kept, "{name}: {reported}");
        }
    }

    #[test]
    fn values_are_printed_as_people_write_them() {
        for (name, kafka, people) in [
            ("retention.ms", "604800000", "7d"),
            ("retention.ms", "-1", "unlimited"),
            ("retention.ms", "nonsense", "nonsense"),
            ("segment.bytes", "1048588", "1048588B"),
            ("local.retention.bytes", "-2", "-2"),
            ("max.compaction.lag.ms", "9223372036854775807", "unlimited"),
            ("min.insync.replicas", "2", "2"),
            ("compression.gzip.level", "-1", "-1"),
            ("no.such.setting.ms", "60000", "60000"),
        ] {
            assert_eq!(KafkaValue::observed(name, kafka).human_readable(name), people, "{name}: {kafka}");
        }
    }
}
