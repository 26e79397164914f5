//! Typed values as people write them.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{Timestamp, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time in whole milliseconds, written `500ms`, `30s`, `15m`, `12h`, `7d` or as plain milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    /// Milliseconds.
    pub millis: u64,
}

/// A unit of a quantity.
struct Unit {
    /// The symbol that people write behind a number.
    symbol: &'static str,
    /// The number of smallest units that it stands for.
    factor: u64,
    /// Its name in a sentence; absent if weir reads the unit and never writes it.
    word: Option<&'static str>,
}

const fn unit(symbol: &'static str, factor: u64, word: &'static str) -> Unit {
    Unit { symbol, factor, word: Some(word) }
}

const fn only_read(symbol: &'static str, factor: u64) -> Unit {
    Unit { symbol, factor, word: None }
}

/// The one list of units of time, in milliseconds. Weeks are only read, since people compare retention in days.
const TIME_UNITS: &[Unit] = &[
    unit("ms", 1, "millisecond"),
    unit("s", 1_000, "second"),
    unit("m", 60_000, "minute"),
    unit("h", 3_600_000, "hour"),
    unit("d", 86_400_000, "day"),
    only_read("w", 604_800_000),
];

/// The one list of units of size, in bytes. Powers of ten are only read, since brokers count in powers of two.
const SIZE_UNITS: &[Unit] = &[
    unit("B", 1, "byte"),
    only_read("kB", 1_000),
    only_read("MB", 1_000_000),
    only_read("GB", 1_000_000_000),
    only_read("TB", 1_000_000_000_000),
    unit("KiB", 1 << 10, "kibibyte"),
    unit("MiB", 1 << 20, "mebibyte"),
    unit("GiB", 1 << 30, "gibibyte"),
    unit("TiB", 1 << 40, "tebibyte"),
];

/// Reads a number with a unit of `units`, or a plain number, in the smallest unit.
fn parse_quantity(text: &str, units: &[Unit]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    match text[digits..].trim_start() {
        "" => Some(number),
        symbol => units.iter().find(|unit| unit.symbol == symbol).and_then(|unit| number.checked_mul(unit.factor)),
    }
}

/// Returns the largest unit that is written and divides `number`, and how often it is in it.
fn in_largest_unit(number: u64, units: &[Unit]) -> (u64, &Unit) {
    let dividing = units.iter().filter(|unit| unit.word.is_some() && number != 0 && number.is_multiple_of(unit.factor));
    let unit = dividing.max_by_key(|unit| unit.factor).unwrap_or(&units[0]);
    (number / unit.factor, unit)
}

/// Writes `number` in the largest unit that divides it.
fn format_quantity(f: &mut fmt::Formatter<'_>, number: u64, units: &[Unit]) -> fmt::Result {
    let (number, unit) = in_largest_unit(number, units);
    write!(f, "{number}{}", unit.symbol)
}

/// The symbols of units as alternatives of a regular expression.
fn alternatives(units: &[Unit]) -> String {
    units.iter().map(|unit| unit.symbol).collect::<Vec<_>>().join("|")
}

impl Duration {
    /// Returns the duration of so many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// Returns the number of whole days.
    pub fn days(self) -> i64 {
        i64::try_from(self.millis / 86_400_000).unwrap_or(i64::MAX)
    }

    /// The duration in words, for a sentence: `1 day`, `12 hours`.
    pub fn in_words(self) -> String {
        let (number, unit) = in_largest_unit(self.millis, TIME_UNITS);
        match unit.word.filter(|_| unit.factor > 1) {
            Some(word) => weir_findings::count(number, word),
            None => self.to_string(),
        }
    }

    /// The units as alternatives of a regular expression.
    pub(crate) fn units() -> String {
        alternatives(TIME_UNITS)
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_quantity(text, TIME_UNITS)
            .map(|millis| Self { millis })
            .ok_or_else(|| format!("expected a duration such as `7d`, `12h`, `30m` or `500ms`, found `{text}`"))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format_quantity(f, self.millis, TIME_UNITS)
    }
}

/// A number of bytes, written `1GiB`, `512MiB`, `10MB` or as plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    /// Bytes.
    pub bytes: u64,
}

impl Size {
    /// The units as alternatives of a regular expression.
    pub(crate) fn units() -> String {
        alternatives(SIZE_UNITS)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_quantity(text, SIZE_UNITS)
            .map(|bytes| Self { bytes })
            .ok_or_else(|| format!("expected a size such as `1GiB`, `512MiB` or `1048576`, found `{text}`"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format_quantity(f, self.bytes, SIZE_UNITS)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A span of time: `7d`, `12h`, `30m`, `45s`, `500ms`, or plain milliseconds.",
            "anyOf": [{"type": "string", "pattern": format!("^[0-9]+ *({})?$", Self::units())}, {"type": "integer", "minimum": 0}],
            "examples": ["7d", "12h"],
        })
    }
}

/// A day, written `2027-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub jiff::civil::Date);

impl Date {
    /// Returns the day of a moment, in UTC.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.to_zoned(TimeZone::UTC).date())
    }

    /// Returns the number of days from this day to `other`; negative for a day that has passed.
    pub fn days_until(self, other: Self) -> i64 {
        self.0.until(other.0).map_or(i64::MAX, |span| i64::from(span.get_days()))
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Exactly this spelling: dates are also compared as text.
        let read = (text.len() == 10).then(|| text.parse().ok()).flatten();
        read.map(Self).ok_or_else(|| format!("expected a day such as `2027-01-31`, found `{text}`"))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A day: `2027-01-31`.",
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "examples": ["2027-01-31"],
        })
    }
}

/// A moment, written as a day (`2026-11-22`: its beginning in UTC) or with a time (`2026-11-22T14:30:00Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = || format!("{text}T00:00:00Z").parse();
        text.parse().or_else(|_| day()).map(Self).map_err(|_| {
            format!("expected a day such as `2026-11-22` or a time such as `2026-11-22T14:30:00Z`, found `{text}`")
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.strip_suffix("T00:00:00Z").unwrap_or(&text))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A day, which means its beginning in UTC, or a time with its offset.",
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].+)?$",
            "examples": ["2026-11-22", "2026-11-22T14:30:00Z"],
        })
    }
}

/// The value of a topic setting as written: a scalar's text, or a list's.
///
/// [`crate::settings::canonical`], which knows the setting's type, decides its meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SettingValue {
    /// `7d`, `604800000`, `true`, `compact`: the text as it stands in the file, without quotes.
    Scalar(String),
    /// `[compact, delete]`.
    List(Vec<String>),
}

impl SettingValue {
    /// The word by which a team orders a setting back to the cluster's default.
    pub const DEFAULT: &'static str = "default";

    /// Returns `true` for the explicit order to drop a topic's own value: `retention.ms: default`.
    pub fn is_default(&self) -> bool {
        matches!(self, SettingValue::Scalar(text) if text == Self::DEFAULT)
    }
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingValue::Scalar(text) => f.write_str(text),
            SettingValue::List(items) => f.write_str(&items.join(",")),
        }
    }
}

impl<'de> Deserialize<'de> for SettingValue {
    /// Our YAML reader hands every scalar to `deserialize_any` as the text it is, so `010` and `1.10` survive.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = SettingValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SettingValue, E> {
                Ok(SettingValue::Scalar(text.to_owned()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<SettingValue, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<String>()? {
                    items.push(item);
                }
                Ok(SettingValue::List(items))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for SettingValue {
    fn schema_name() -> Cow<'static, str> {
        "SettingValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A setting's value: typed (`7d`, `1GiB`, `true`, `[compact]`) or in Kafka's own spelling.",
            "anyOf": [
                {"type": ["string", "integer", "number", "boolean"]},
                {"type": "array", "items": {"type": "string"}},
            ],
        })
    }
}

/// A field of a stage overlay: left alone, removed (`null`), or set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not written: the value below stays.
    #[default]
    Keep,
    /// `null`: the value below is removed.
    Remove,
    /// Replaced.
    Set(T),
}

impl<T: Clone> Patch<T> {
    /// Returns the value that `below` becomes under this patch.
    pub fn over(&self, below: Option<T>) -> Option<T> {
        match self {
            Patch::Keep => below,
            Patch::Remove => None,
            Patch::Set(value) => Some(value.clone()),
        }
    }
}

impl<T> Patch<T> {
    /// Returns `true` if the field was not written.
    pub fn is_keep(&self) -> bool {
        matches!(self, Patch::Keep)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Patch::Remove, Patch::Set))
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Patch_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, millis, back) in [
            ("7d", 604_800_000, "7d"),
            ("90 m", 5_400_000, "90m"),
            ("1w", 604_800_000, "7d"),
            ("1500", 1500, "1500ms"),
            ("0", 0, "0ms"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.millis, millis);
            assert_eq!(duration.to_string(), back);
        }
        for wrong in ["", "d", "7 days", "-1d", "1.5h", "99999999999999999999d", "213503982335d"] {
            assert!(wrong.parse::<Duration>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_read_and_write() {
        for (text, back) in [
            ("2026-11-22", "2026-11-22"),
            ("2026-11-22T14:30:00Z", "2026-11-22T14:30:00Z"),
            ("2026-11-22T00:30:00+01:00", "2026-11-21T23:30:00Z"),
        ] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), back);
        }
        for wrong in ["", "today", "22.11.2026", "2026-11-31", "2026-11-22T14:30:00"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_read_and_write() {
        for (text, bytes, back) in
            [("1GiB", 1 << 30, "1GiB"), ("10MB", 10_000_000, "10000000B"), ("1536KiB", 1_572_864, "1536KiB")]
        {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.bytes, size.to_string().as_str()), (bytes, back));
        }
        assert!("1Gib".parse::<Size>().is_err());
    }
}
