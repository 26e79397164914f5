//! The value of a topic setting in the spelling that Kafka prints.

use std::{collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Setting, SettingKind, UNLIMITED, lookup};
use crate::{Duration, SettingValue, Size};

/// The value of a topic setting in the one spelling that equal values share: `604800000`, `compact,delete`, `true`.
///
/// Two values of a setting are equal if they mean the same to Kafka.
///
/// ```
/// use weir_model::settings::KafkaValue;
///
/// let value = KafkaValue::observed("cleanup.policy", "delete, compact");
/// assert_eq!(value, KafkaValue::observed("cleanup.policy", "compact,delete"));
/// assert_eq!(value.as_str(), "compact,delete");
/// assert_eq!(KafkaValue::observed("retention.ms", "604800000").human_readable("retention.ms"), "7d");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KafkaValue(String);

impl KafkaValue {
    /// A text that [`Setting::canonical`] made.
    pub(super) fn new(canonical: String) -> Self {
        Self(canonical)
    }

    /// The value of the setting `name` as a cluster reports it. A text that Kafka would not take, and the value of a
    /// setting that the catalogue does not have, stay as they are.
    pub fn observed(name: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let Some(setting) = lookup(name) else { return Self(text) };
        let is_number = matches!(setting.kind, SettingKind::Time(_) | SettingKind::Size(_) | SettingKind::Integer(_));
        // Digits alone have no other spelling; units and `unlimited` are for files, Kafka does not know them.
        if is_number && (text.bytes().all(|byte| byte.is_ascii_digit()) || text.trim().parse::<i64>().is_err()) {
            return Self(text);
        }
        let text = SettingValue::Scalar(text);
        setting.canonical(&text).unwrap_or_else(|_| Self(text.to_string()))
    }

    /// The text, as Kafka takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, if the value is a whole number.
    pub fn number(&self) -> Option<i64> {
        self.0.trim().parse().ok()
    }

    /// The words of a list.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').map(str::trim).filter(|word| !word.is_empty())
    }

    /// Returns `true` if the value is a list that holds `word`.
    pub fn has(&self, word: &str) -> bool {
        self.words().any(|one| one == word)
    }

    /// The value of the setting `name` as people write it: `604800000` → `7d` where the setting is a time.
    pub fn human_readable(&self, name: &str) -> String {
        lookup(name).map_or_else(|| self.0.clone(), |setting| setting.human_readable(&self.0))
    }
}

impl fmt::Display for KafkaValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<KafkaValue> for String {
    fn from(value: KafkaValue) -> Self {
        value.0
    }
}

impl PartialEq<&str> for KafkaValue {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl JsonSchema for KafkaValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KafkaValue".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// Reads observed settings, by name, in any spelling: for `#[serde(deserialize_with)]`.
///
/// # Errors
/// If there is no map of texts.
pub fn deserialize_observed<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, KafkaValue>, D::Error> {
    let read = BTreeMap::<String, String>::deserialize(from)?;
    Ok(observed(read))
}

/// Observed settings, by name.
pub fn observed<N: Into<String>, T: Into<String>>(
    settings: impl IntoIterator<Item = (N, T)>,
) -> BTreeMap<String, KafkaValue> {
    settings
        .into_iter()
        .map(|(name, text)| {
            let name = name.into();
            let value = KafkaValue::observed(&name, text);
            (name, value)
        })
        .collect()
}

impl Setting {
    /// A value in Kafka's spelling as people write it: `604800000` → `7d` where the setting is a time.
    ///
    /// ```
    /// use weir_model::settings::lookup;
    ///
    /// let human_readable = |name, value| lookup(name).unwrap().human_readable(value);
    /// assert_eq!(human_readable("retention.ms", "604800000"), "7d");
    /// assert_eq!(human_readable("retention.bytes", "-1"), "unlimited");
    /// assert_eq!(human_readable("segment.bytes", "1073741824"), "1GiB");
    /// assert_eq!(human_readable("cleanup.policy", "compact,delete"), "compact,delete");
    /// ```
    pub fn human_readable(&self, value: &str) -> String {
        let number = value.trim().parse::<i64>().ok();
        match (&self.kind, number) {
            (SettingKind::Time(bounds) | SettingKind::Size(bounds) | SettingKind::Integer(bounds), Some(number))
                if bounds.unlimited == Some(number) =>
            {
                UNLIMITED.to_owned()
            }
            (SettingKind::Time(_), Some(number)) => in_time(number),
            (SettingKind::Size(_), Some(number)) => in_size(number),
            _ => value.to_owned(),
        }
    }
}

pub(super) fn in_time(number: i64) -> String {
    u64::try_from(number).map_or_else(|_| number.to_string(), |millis| Duration { millis }.to_string())
}

pub(super) fn in_size(number: i64) -> String {
    u64::try_from(number).map_or_else(|_| number.to_string(), |bytes| Size { bytes }.to_string())
}
