//! The settings there are, from data files.

use std::{borrow::Cow, ops::RangeInclusive, sync::OnceLock};

use serde::Deserialize;

use weir_findings::closest;

/// A topic setting.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name: `retention.ms`.
    pub name: &'static str,
    /// The type of the values.
    pub kind: SettingKind,
    /// The default of Apache Kafka, in Kafka's spelling. A cluster may have another.
    pub default: &'static str,
    /// The broker's setting that holds the cluster's default; absent when there is none.
    pub server_default: Option<&'static str>,
    /// The meaning, from Kafka's own documentation, without markup.
    pub documentation: Cow<'static, str>,
    /// `true` if Apache Kafka has the setting; else only Confluent Cloud does.
    pub apache_kafka: bool,
    /// `true` if customers of Confluent Cloud may change the setting.
    pub confluent_editable: bool,
    /// Its name in sentences.
    pub label: &'static str,
    /// `true` if a change of it may delete records.
    pub lossy: bool,
}

/// The settings whose change may delete records, and their names in sentences.
const LOSSY: [(&str, &str); 3] =
    [("cleanup.policy", "clean-up"), ("retention.bytes", "retention by size"), ("retention.ms", "retention")];

/// The type of a setting's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// A time in milliseconds.
    Time(Bounds),
    /// A number of bytes.
    Size(Bounds),
    /// Another whole number.
    Integer(Bounds),
    /// A number from 0 to 1.
    Ratio,
    /// `true` or `false`.
    Boolean,
    /// One of these words; any text when there are none.
    Word(Vec<&'static str>),
    /// A list without order of some of these words; of any text when there are none.
    Words(Vec<&'static str>),
}

/// The numbers that a setting takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From the least to the greatest.
    pub range: RangeInclusive<i64>,
    /// A number below the range that the setting takes too.
    pub also: Option<i64>,
    /// The number by which Kafka means "no limit".
    pub unlimited: Option<i64>,
}

impl Bounds {
    pub(crate) fn take(&self, number: i64) -> bool {
        self.range.contains(&number) || self.also == Some(number)
    }
}

/// Returns all settings, by name.
pub fn all() -> &'static [Setting] {
    static SETTINGS: OnceLock<Vec<Setting>> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let kafka: KafkaFile<'static> = parse(include_str!("../../data/topic-settings.json"));
        let confluent: ConfluentFile<'static> = parse(include_str!("../../data/confluent-topic-settings.json"));
        let mut settings: Vec<Setting> = kafka
            .settings
            .into_iter()
            .map(|entry| (entry, true))
            .chain(confluent.settings.into_iter().map(|entry| (entry, false)))
            .map(|(entry, apache_kafka)| setting(entry, apache_kafka, &confluent.editable))
            .collect();
        settings.sort_by_key(|setting| setting.name);
        settings
    })
}

/// Returns the setting of that name.
///
/// ```
/// let setting = weir_model::settings::lookup("retention.ms").unwrap();
/// assert_eq!((setting.default, setting.confluent_editable), ("604800000", true));
/// assert!(weir_model::settings::lookup("retention").is_none());
/// ```
pub fn lookup(name: &str) -> Option<&'static Setting> {
    let settings = all();
    settings.binary_search_by_key(&name, |setting| setting.name).ok().map(|index| &settings[index])
}

/// Returns the setting that `name`, which does not exist, most likely stands for.
///
/// ```
/// assert_eq!(weir_model::settings::did_you_mean("retention_ms"), Some("retention.ms"));
/// ```
pub fn did_you_mean(name: &str) -> Option<&'static str> {
    closest(name, all().iter().map(|setting| setting.name))
}

/// An entry as `xtask/kafka-settings` writes it.
#[derive(Deserialize)]
struct KafkaFile<'t> {
    #[serde(borrow)]
    settings: Vec<Entry<'t>>,
}

#[derive(Deserialize)]
struct ConfluentFile<'t> {
    #[serde(borrow)]
    editable: Vec<&'t str>,
    settings: Vec<Entry<'t>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'t> {
    name: &'t str,
    r#type: &'t str,
    default: &'t str,
    valid: Option<&'t str>,
    server_default: Option<&'t str>,
    #[serde(borrow)]
    documentation: Cow<'t, str>,
}

#[expect(clippy::expect_used, reason = "the text is part of the program; a test reads it")]
fn parse<T: Deserialize<'static>>(text: &'static str) -> T {
    serde_json::from_str(text).expect("the catalogue is well formed")
}

fn setting(entry: Entry<'static>, apache_kafka: bool, editable: &[&str]) -> Setting {
    let kind = kind(&entry);
    let Entry { name, default, server_default, documentation, .. } = entry;
    let lossy = LOSSY.iter().find(|(lossy, _)| *lossy == name);
    Setting {
        name,
        kind,
        default,
        server_default,
        documentation: without_markup(documentation),
        apache_kafka,
        confluent_editable: editable.contains(&name),
        label: lossy.map_or(name, |(_, label)| label),
        lossy: lossy.is_some(),
    }
}

fn kind(entry: &Entry<'static>) -> SettingKind {
    let words = || match entry.valid.and_then(|valid| valid.strip_prefix('[')?.strip_suffix(']')) {
        Some(words) if !words.contains("...") => words.split(", ").collect(),
        _ => Vec::new(),
    };
    match entry.r#type {
        "boolean" => SettingKind::Boolean,
        "double" => SettingKind::Ratio,
        "list" => SettingKind::Words(words()),
        "int" | "long" => {
            let bounds = bounds(entry);
            if entry.name.ends_with(".ms") {
                SettingKind::Time(bounds)
            } else if entry.name.ends_with(".bytes") {
                SettingKind::Size(bounds)
            } else {
                SettingKind::Integer(bounds)
            }
        }
        _ => SettingKind::Word(words()),
    }
}

/// Reads Kafka's `[0,...]`, `[1,...,9] or -1`.
fn bounds(entry: &Entry<'_>) -> Bounds {
    let (least, most) = match entry.r#type {
        "int" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let (range, also) = match entry.valid.map(|valid| valid.split_once(" or ").unwrap_or((valid, ""))) {
        Some((range, also)) => (range.trim_matches(['[', ']']), also.parse().ok()),
        // Kafka does not check: `retention.bytes`, where every negative number means the same as -1.
        None => ("-1,...", None),
    };
    let (from, to) = range.split_once(",...").unwrap_or((range, ""));
    let from = from.parse().unwrap_or(least);
    let to = to.trim_start_matches(',').parse().unwrap_or(most);
    let limitless = entry.name.ends_with(".ms") || entry.name.ends_with(".bytes");
    let unlimited = if limitless && (-2..0).contains(&from) {
        Some(-1)
    } else {
        (entry.default == "9223372036854775807").then_some(i64::MAX)
    };
    Bounds { range: from..=to, also, unlimited }
}

/// Kafka's documentation is HTML.
fn without_markup(text: Cow<'static, str>) -> Cow<'static, str> {
    if !text.contains(['<', '&']) {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(start) = rest.find('<') {
        plain.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('>') else {
            rest = &rest[start..];
            break;
        };
        let tag = &rest[start + 1..start + end];
        if tag.starts_with("code") || tag == "/code" {
            plain.push('`');
        } else if matches!(tag.trim_matches('/').trim(), "p" | "br" | "ul" | "li") && !plain.ends_with(' ') {
            plain.push(' ');
        }
        rest = &rest[start + end + 1..];
    }
    plain.push_str(rest);
    Cow::Owned(plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").trim().to_owned())
}
