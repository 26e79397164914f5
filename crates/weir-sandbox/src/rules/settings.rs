//! Topic settings, with a broker's checks.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{
    SettingValue,
    settings::{self, KafkaValue, SettingKind},
};
use weir_ports::PortError;

/// Refuses invalid settings, as a broker does. The topic's own settings become `config`, and `touched` are the
/// changed ones.
pub(crate) fn check<'a>(
    read_only: &BTreeSet<String>,
    touched: impl Iterator<Item = &'a str>,
    config: &BTreeMap<String, KafkaValue>,
) -> Result<(), PortError> {
    for setting in touched {
        if read_only.contains(setting) {
            return Err(PortError::refused(format!("the setting `{setting}` cannot be changed on this cluster")));
        }
        let Some(value) = config.get(setting) else { continue };
        let value_refused =
            |why: &str| PortError::refused(format!("the setting `{setting}` cannot be `{value}`: {why}"));
        let Some(known) = settings::lookup(setting) else {
            let meant = settings::did_you_mean(setting).map(|meant| format!("; did you mean `{meant}`?"));
            return Err(PortError::refused(format!(
                "there is no topic setting `{setting}`{}",
                meant.unwrap_or_default()
            )));
        };
        let written = SettingValue::Scalar(value.to_string());
        settings::canonical(setting, &written).map_err(|wrong| value_refused(&wrong))?;
        // A broker refuses units, `unlimited` and `default`, which files may use.
        let is_number = matches!(known.kind, SettingKind::Time(_) | SettingKind::Size(_) | SettingKind::Integer(_));
        if is_number && value.number().is_none() || written.is_default() {
            return Err(value_refused("it is not in Kafka's own spelling"));
        }
    }
    let number = |setting: &str| config.get(setting).and_then(KafkaValue::number);
    if let (Some(least), Some(most)) = (number("min.compaction.lag.ms"), number("max.compaction.lag.ms"))
        && least > most
    {
        return Err(PortError::refused(format!(
            "min.compaction.lag.ms ({least}) is more than max.compaction.lag.ms ({most})"
        )));
    }
    Ok(())
}

/// Returns the first setting in which two topics differ.
pub(crate) fn difference<'a>(
    a: &'a BTreeMap<String, KafkaValue>,
    b: &'a BTreeMap<String, KafkaValue>,
) -> Option<&'a str> {
    a.keys().chain(b.keys()).find(|setting| a.get(*setting) != b.get(*setting)).map(String::as_str)
}

/// Returns the settings that a topic inherits: Apache Kafka's defaults.
pub(crate) fn defaults() -> BTreeMap<String, KafkaValue> {
    let settings = settings::all().iter().filter(|setting| setting.apache_kafka);
    settings::observed(settings.map(|setting| (setting.name.to_owned(), setting.default.to_owned())))
}
