//! Limits of topics: settings, partitions, replicas.

use std::collections::BTreeMap;

use weir_cel::Problem;
use weir_model::{
    PolicySpec, Range, ResolvedSetting, SettingLimit, SettingValue, StageLimits, StagedTopic,
    settings::{self, KafkaValue, SettingKind},
};

/// The limits that hold in one stage.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    settings: Vec<(String, Limit)>,
    partitions: Option<Range>,
    replication_factor: Option<Range>,
}

/// A compiled [`SettingLimit`].
#[derive(Clone, Debug)]
struct Limit {
    required: bool,
    unset: bool,
    /// The allowed values in Kafka's spelling; for a list, its allowed items.
    allowed: Vec<KafkaValue>,
    forbidden: Vec<KafkaValue>,
    min: Option<f64>,
    max: Option<f64>,
    /// The conditions: names and values in Kafka's spelling.
    when: Vec<(String, KafkaValue)>,
    written: SettingLimit,
}

/// A broken limit: the path in the topic, the problem, and the advice.
pub(crate) type Broken = (Vec<String>, Problem);

/// Compiles the limits of a policy for this stage; with `None`, for all stages without limits of their own.
pub(crate) fn compile(spec: &PolicySpec, stage: Option<&str>) -> Result<Limits, (Vec<String>, Problem)> {
    let none = StageLimits::default();
    let own = stage.and_then(|stage| spec.stages.get(stage));
    let StageLimits { settings, partitions, replication_factor } = own.unwrap_or(&none);
    let mut all: BTreeMap<&String, (&SettingLimit, Option<&str>)> =
        spec.settings.iter().map(|(name, limit)| (name, (limit, None))).collect();
    all.extend(settings.iter().map(|(name, limit)| (name, (limit, stage))));
    let mut compiled = Vec::with_capacity(all.len());
    for (name, (limit, stage)) in all {
        let limit = one(name, limit).map_err(|(field, problem)| {
            let stage = stage.map(|stage| ["stages", stage]).into_iter().flatten();
            let path = stage.chain(["settings", name]).chain((!field.is_empty()).then_some(field));
            (path.map(str::to_owned).collect(), problem)
        })?;
        compiled.push((name.clone(), limit));
    }
    Ok(Limits {
        settings: compiled,
        partitions: partitions.or(spec.partitions),
        replication_factor: replication_factor.or(spec.replication_factor),
    })
}

fn one(name: &str, limit: &SettingLimit) -> Result<Limit, (&'static str, Problem)> {
    let Some(setting) = settings::lookup(name) else {
        let problem = Problem::new(format!("there is no topic setting `{name}`"));
        return Err((
            "",
            match settings::did_you_mean(name) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem,
            },
        ));
    };
    let SettingLimit { required, unset, allowed, forbidden, min, max, when } = limit;
    let empty = !required && !unset && allowed.is_empty() && forbidden.is_empty() && min.is_none() && max.is_none();
    if empty || *required && *unset {
        let problem = Problem::new(format!("the limit for `{name}` is empty"));
        return Err(("", problem.help("write `required`, `unset`, `allowed`, `forbidden`, `min` or `max`")));
    }
    let read = |text: &String| settings::canonical(name, &SettingValue::Scalar(text.clone())).map_err(Problem::new);
    let numeric = matches!(
        setting.kind,
        SettingKind::Time(_) | SettingKind::Size(_) | SettingKind::Integer(_) | SettingKind::Ratio
    );
    let bound = |text: &Option<String>| -> Result<Option<f64>, Problem> {
        let Some(text) = text else { return Ok(None) };
        if !numeric {
            return Err(Problem::new(format!("`{name}` is not a number")).help("write `allowed` or `forbidden`"));
        }
        Ok(number(name, &read(text)?))
    };
    let words = |texts: &[String]| texts.iter().map(read).collect::<Result<Vec<_>, _>>();
    let (least, most) = (bound(min).map_err(|p| ("min", p))?, bound(max).map_err(|p| ("max", p))?);
    if let (Some(least), Some(most), Some(min), Some(max)) = (least, most, min, max)
        && least > most
    {
        return Err(("", Problem::new(format!("no value of `{name}` is at least {min} and at most {max}"))));
    }
    let allowed = words(allowed).map_err(|p| ("allowed", p))?;
    let forbidden = words(forbidden).map_err(|p| ("forbidden", p))?;
    if !allowed.is_empty() && allowed.iter().all(|word| forbidden.contains(word)) {
        return Err(("forbidden", Problem::new("every allowed value is also forbidden")));
    }
    Ok(Limit {
        required: *required,
        unset: *unset,
        allowed,
        forbidden,
        min: least,
        max: most,
        when: conditions(when).map_err(|p| ("when", p))?,
        written: limit.clone(),
    })
}

fn conditions(when: &BTreeMap<String, String>) -> Result<Vec<(String, KafkaValue)>, Problem> {
    let one = |(name, value): (&String, &String)| {
        if settings::lookup(name).is_none() {
            let problem = Problem::new(format!("there is no topic setting `{name}`"));
            return Err(match settings::did_you_mean(name) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem,
            });
        }
        let canonical = settings::canonical(name, &SettingValue::Scalar(value.clone())).map_err(Problem::new)?;
        Ok((name.clone(), canonical))
    };
    when.iter().map(one).collect()
}

/// Returns `true` if a setting of a topic has this value in Kafka's spelling; for a list, if the list holds the
/// value.
fn has(topic: &StagedTopic<'_>, name: &str, value: &KafkaValue) -> bool {
    let Some(setting) = settings::lookup(name) else { return false };
    let written = topic.config.get(name).map(|setting| setting.value).filter(|value| !value.is_default());
    // Validation reports invalid values.
    let found = written.and_then(|value| settings::canonical(name, value).ok());
    let found = found.unwrap_or_else(|| KafkaValue::observed(name, setting.default));
    match setting.kind {
        SettingKind::Words(_) => found.has(value.as_str()),
        _ => found == *value,
    }
}

/// Reads a number in Kafka's spelling; "unlimited" is larger than any number.
fn number(name: &str, canonical: &KafkaValue) -> Option<f64> {
    let unlimited = match settings::lookup(name).map(|setting| &setting.kind) {
        Some(SettingKind::Time(bounds) | SettingKind::Size(bounds) | SettingKind::Integer(bounds)) => bounds.unlimited,
        _ => None,
    };
    match canonical.number() {
        Some(number) if unlimited == Some(number) => Some(f64::INFINITY),
        _ => canonical.as_str().parse().ok(),
    }
}

impl Limits {
    pub(crate) fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.partitions.is_none() && self.replication_factor.is_none()
    }

    /// Reports each value of a topic that breaks a limit.
    pub(crate) fn check(&self, topic: &StagedTopic<'_>, mut broken: impl FnMut(Broken)) {
        for (name, limit) in &self.settings {
            if let Some(problem) = limit
                .check(name, topic.config.get(name))
                .filter(|_| limit.when.iter().all(|(name, value)| has(topic, name, value)))
            {
                broken((["spec", "config", name].map(str::to_owned).to_vec(), problem));
            }
        }
        let counted = [
            ("partitions", "partitions", self.partitions, topic.partitions.map(|(n, _)| n)),
            (
                "replicationFactor",
                "replicas of each partition",
                self.replication_factor,
                topic.replication_factor.map(|(n, _)| n.into()),
            ),
        ];
        for (field, what, range, found) in counted {
            let (Some(range), Some(found)) = (range, found) else { continue };
            let path = || ["spec", field].map(str::to_owned).to_vec();
            if let Some(max) = range.max.filter(|max| found > *max) {
                let problem = Problem::new(format!("{found} {what} are more than the {max} allowed"));
                broken((path(), problem.help(format!("write at most {max}"))));
            }
            if let Some(min) = range.min.filter(|min| found < *min) {
                let problem = Problem::new(format!("{found} {what} are fewer than the {min} needed"));
                broken((path(), problem.help(format!("write at least {min}"))));
            }
        }
    }
}

impl Limit {
    fn check(&self, name: &str, found: Option<&ResolvedSetting<'_>>) -> Option<Problem> {
        let found = found.map(|setting| setting.value).filter(|value| !value.is_default());
        let Some(value) = found else {
            return self.required.then(|| {
                Problem::new(format!("`{name}` is not set")).help(match (&self.written.min, &self.written.max) {
                    (Some(min), Some(max)) => format!("write a value from {min} to {max}"),
                    (None, Some(max)) => format!("write at most {max}"),
                    (Some(min), None) => format!("write at least {min}"),
                    (None, None) => format!("write it under `config`, or choose a profile that has it{}", self.words()),
                })
            });
        };
        // Validation reports invalid values.
        let canonical = settings::canonical(name, value).ok()?;
        let shown = canonical.human_readable(name);
        if self.unset {
            return Some(
                Problem::new(format!("`{name}` must not be set"))
                    .help("remove it, so that the cluster's default applies"),
            );
        }
        let reckoned = number(name, &canonical);
        if let (Some(min), Some(number)) = (self.min, reckoned)
            && number < min
        {
            let least = self.written.min.as_deref().unwrap_or_default();
            return Some(
                Problem::new(format!("`{name}` is {shown}, less than {least}")).help(format!("write at least {least}")),
            );
        }
        if let (Some(max), Some(number)) = (self.max, reckoned)
            && number > max
        {
            let most = self.written.max.as_deref().unwrap_or_default();
            return Some(
                Problem::new(format!("`{name}` is {shown}, more than {most}")).help(format!("write at most {most}")),
            );
        }
        let listed = matches!(settings::lookup(name).map(|s| &s.kind), Some(SettingKind::Words(_)));
        let mut items = if listed { canonical.words().collect() } else { vec![canonical.as_str()] };
        items.retain(|item| !item.is_empty());
        let among = |words: &[KafkaValue], item: &str| words.iter().any(|word| word.as_str() == item);
        let wrong = items
            .into_iter()
            .find(|item| !self.allowed.is_empty() && !among(&self.allowed, item) || among(&self.forbidden, item))?;
        let wrong = KafkaValue::observed(name, wrong).human_readable(name);
        Some(Problem::new(format!("`{name}` must not be `{wrong}`")).help(match self.allowed.is_empty() {
            true => "write another value".to_owned(),
            false => format!("write{}", self.words()),
        }))
    }

    fn words(&self) -> String {
        let words: Vec<_> = self.written.allowed.iter().map(|word| format!("`{word}`")).collect();
        if words.is_empty() { String::new() } else { format!(" {}", words.join(" or ")) }
    }
}
