//! Makes the values that expressions see.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use weir_cel::{Fact, Names, Record};
use weir_model::{
    AccessControlList, ApiKey, Approval, Date, Duration, Ensure, Grant, Kind, ProviderRef, ResolvedSetting, Rule,
    ServiceAccount, SettingValue, StageView, StagedAccess, StagedAccount, StagedTopic, Team, Topic, TopicAccess,
    Workspace, settings,
};

/// The value of "unlimited": larger than any value of a setting.
pub(crate) const UNLIMITED: i64 = i64::MAX;

fn labels(labels: &BTreeMap<String, String>) -> Fact<'_> {
    Fact::Record(Record::new(labels.iter().map(|(name, value)| (name.as_str(), Fact::text(value))).collect()))
}

fn metadata<'w>(
    name: &'w str,
    team: Option<&'w str>,
    description: Option<&'w str>,
    written: &'w BTreeMap<String, String>,
) -> Fact<'w> {
    let mut fields = vec![("name", Fact::text(name)), ("labels", labels(written))];
    fields.extend(team.map(|team| ("team", Fact::text(team))));
    fields.extend(description.map(|text| ("description", Fact::text(text))));
    Fact::Record(Record::new(fields))
}

fn millis(time: Duration) -> Fact<'static> {
    Fact::int(i64::try_from(time.millis).unwrap_or(UNLIMITED))
}

/// Returns the word for `ensure` in files and expressions.
pub(crate) fn ensure_word(ensure: Ensure) -> &'static str {
    match ensure {
        Ensure::Present => "present",
        Ensure::Absent => "absent",
        Ensure::Unmanaged => "unmanaged",
    }
}

/// Returns a setting's value as expressions see it; `None` if the setting has no value of its own.
///
/// # Errors
///
/// Returns a message if the written value is not valid for the setting.
pub(crate) fn setting<'w>(name: &str, resolved: &ResolvedSetting<'w>) -> Result<Option<Fact<'w>>, String> {
    if resolved.value.is_default() {
        return Ok(None);
    }
    let canonical = settings::canonical(name, resolved.value)?;
    let Some(setting) = settings::lookup(name) else { return Ok(Some(Fact::owned(canonical.into()))) };
    use settings::SettingKind;
    let wrong = || format!("`{canonical}` is no number");
    Ok(Some(match &setting.kind {
        SettingKind::Time(bounds) | SettingKind::Size(bounds) | SettingKind::Integer(bounds) => {
            let number = canonical.number().ok_or_else(wrong)?;
            Fact::int(if bounds.unlimited == Some(number) { UNLIMITED } else { number })
        }
        SettingKind::Ratio => {
            let number: f64 = canonical.as_str().parse().map_err(|_| wrong())?;
            Fact::Double(number.into())
        }
        SettingKind::Boolean => Fact::bool(canonical == "true"),
        SettingKind::Word(_) => match resolved.value {
            SettingValue::Scalar(text) if text == canonical.as_str() => Fact::text(text),
            _ => Fact::owned(canonical.into()),
        },
        SettingKind::Words(_) => Fact::list(canonical.words().map(|item| Fact::owned(item.to_owned()))),
    }))
}

/// Makes the record of a topic; `None` if a setting has an invalid value, which validation reports.
pub(crate) fn topic<'w>(topic: &StagedTopic<'w>) -> Option<Record<'w>> {
    let Topic { metadata: meta, .. } = topic.entity;
    let mut config = Vec::with_capacity(topic.config.len());
    for (name, resolved) in topic.config.iter() {
        config.extend(setting(name, resolved).ok()?.map(|fact| (*name, fact)));
    }
    let TopicAccess { observers, consumers, producers, administrators, until } = topic.access;
    let teams = |teams: &'w Vec<String>| Fact::texts(teams.iter().map(String::as_str));
    let mut spec =
        vec![("config", Fact::Record(Record::new(config))), ("ensure", Fact::text(ensure_word(topic.ensure)))];
    spec.extend(topic.partitions.map(|(partitions, _)| ("partitions", Fact::int(partitions))));
    spec.extend(topic.replication_factor.map(|(replicas, _)| ("replicationFactor", Fact::int(replicas))));
    spec.extend(topic.profile.map(|profile| ("profile", Fact::text(profile))));
    let mut access = vec![
        ("observers", teams(observers)),
        ("consumers", teams(consumers)),
        ("producers", teams(producers)),
        ("administrators", teams(administrators)),
    ];
    access.extend(last_day(*until));
    spec.push(("access", Fact::Record(Record::new(access))));
    Some(Record::new(vec![
        ("spec", Fact::Record(Record::new(spec))),
        ("metadata", metadata(&meta.name, Some(&meta.team), meta.description.as_deref(), &meta.labels)),
        ("name", Fact::text(&meta.name)),
        ("physicalName", Fact::cow(&topic.name)),
        ("kind", Fact::text(Kind::Topic.as_str())),
    ]))
}

pub(crate) fn account<'w>(account: &StagedAccount<'w>) -> Record<'w> {
    let ServiceAccount { metadata: meta, .. } = account.entity;
    let key = |key: &'w ApiKey| {
        let mut fields = vec![("slot", Fact::text(&key.slot)), ("overlap", millis(key.overlap))];
        fields.extend(key.rotate_every.map(|every| ("rotateEvery", millis(every))));
        Fact::Record(Record::new(fields))
    };
    let mut spec = vec![
        ("ensure", Fact::text(ensure_word(account.ensure))),
        ("apiKeys", Fact::list(account.api_keys.iter().map(key))),
    ];
    spec.extend(account.vault.clone().map(|vault| ("vault", Fact::owned(vault))));
    spec.extend(account.namespace.clone().map(|namespace| ("namespace", Fact::owned(namespace))));
    Record::new(vec![
        ("spec", Fact::Record(Record::new(spec))),
        ("metadata", metadata(&meta.name, Some(&meta.team), meta.description.as_deref(), &meta.labels)),
        ("name", Fact::text(&meta.name)),
        ("physicalName", Fact::cow(&account.name)),
        ("kind", Fact::text(Kind::ServiceAccount.as_str())),
    ])
}

fn last_day<'w>(until: Option<Date>) -> Option<(&'static str, Fact<'w>)> {
    Some(("until", Fact::owned(until?.to_string())))
}

pub(crate) fn access<'w>(access: &StagedAccess<'w>) -> Record<'w> {
    let AccessControlList { metadata: meta, spec, .. } = access.entity;
    let optional = |fields: &[(&'static str, &'w Option<String>)]| -> Vec<(&'w str, Fact<'w>)> {
        fields.iter().filter_map(|(name, value)| Some((*name, Fact::text(value.as_deref()?)))).collect()
    };
    let grant = |grant: &'w Grant| {
        let Grant { produce, transactional_id, consume, group, until } = grant;
        let fields =
            [("produce", produce), ("transactionalId", transactional_id), ("consume", consume), ("group", group)];
        let mut fields = optional(&fields);
        fields.extend(last_day(*until));
        Fact::Record(Record::new(fields))
    };
    let rule = |rule: &'w Rule| {
        let Rule { resource, name, pattern, operations, permission, host, reason, until } = rule;
        let mut fields = optional(&[("name", name), ("host", host), ("reason", reason)]);
        fields.extend(last_day(*until));
        fields.extend([
            ("resource", Fact::text(resource.as_str())),
            ("pattern", Fact::text(pattern.as_str())),
            ("permission", Fact::text(permission.as_str())),
            ("operations", Fact::texts(operations.iter().map(|operation| operation.as_str()))),
        ]);
        Fact::Record(Record::new(fields))
    };
    let spec = vec![
        ("serviceAccount", Fact::text(&spec.service_account)),
        ("allow", Fact::list(access.allow.iter().map(grant))),
        ("rules", Fact::list(access.rules.iter().map(rule))),
    ];
    Record::new(vec![
        ("spec", Fact::Record(Record::new(spec))),
        ("metadata", metadata(&meta.name, Some(&meta.team), meta.description.as_deref(), &meta.labels)),
        ("name", Fact::text(&meta.name)),
        ("kind", Fact::text(Kind::AccessControlList.as_str())),
    ])
}

pub(crate) fn team_entity(team: &Team) -> Record<'_> {
    let Team { metadata: meta, spec, .. } = team;
    let mut fields = vec![
        ("vaults", labels(&spec.vaults)),
        ("namespaces", labels(&spec.namespaces)),
        ("members", Fact::int(spec.members.len() as i64)),
    ];
    fields.extend(spec.contact.as_deref().map(|contact| ("contact", Fact::text(contact))));
    Record::new(vec![
        ("spec", Fact::Record(Record::new(fields))),
        ("metadata", metadata(&meta.name, None, meta.description.as_deref(), &meta.labels)),
        ("name", Fact::text(&meta.name)),
        ("kind", Fact::text(Kind::Team.as_str())),
    ])
}

/// Makes the record of the team that owns an entity.
pub(crate) fn team(team: &Team) -> Record<'_> {
    let meta = &team.metadata;
    let mut fields = vec![("name", Fact::text(&meta.name)), ("labels", labels(&meta.labels))];
    fields.extend(meta.description.as_deref().map(|text| ("description", Fact::text(text))));
    Record::new(fields)
}

/// Makes the record of a team that no file declares.
pub(crate) fn unknown_team(name: &str) -> Record<'_> {
    Record::new(vec![("name", Fact::text(name)), ("labels", Fact::Record(Record::default()))])
}

pub(crate) fn stage<'w>(view: &StageView<'w>) -> Record<'w> {
    let stage = view.stage;
    let text = |text: &'w Option<String>| Fact::text(text.as_deref().unwrap_or_default());
    let provider = view.provider().map_or("", ProviderRef::as_str);
    let prefix = vec![
        ("topic", text(&stage.prefix.topic)),
        ("group", text(&stage.prefix.group)),
        ("transactionalId", text(&stage.prefix.transactional_id)),
        ("serviceAccount", text(&stage.prefix.service_account)),
    ];
    Record::new(vec![
        ("name", Fact::text(&stage.name)),
        ("index", Fact::int(view.index as i64)),
        ("last", Fact::bool(view.index + 1 == view.workspace.settings.spec.stages.len())),
        ("cluster", Fact::text(&stage.cluster)),
        ("provider", Fact::text(provider)),
        ("approvalRequired", Fact::bool(stage.approval == Approval::Required)),
        ("prefix", Fact::Record(Record::new(prefix))),
    ])
}

pub(crate) fn workspace(workspace: &Workspace) -> Record<'_> {
    let stages = workspace.settings.spec.stages.iter().map(|stage| stage.name.as_str());
    Record::new(vec![
        ("name", Fact::text(&workspace.settings.metadata.name)),
        ("stages", Fact::texts(stages)),
        ("topics", Fact::Names(Names::sorted(workspace.topics.keys().map(String::as_str)))),
        ("serviceAccounts", Fact::Names(Names::sorted(workspace.service_accounts.keys().map(String::as_str)))),
        ("teams", Fact::Names(Names::sorted(workspace.teams.keys().map(String::as_str)))),
    ])
}

/// Makes the record of the time, in UTC.
pub(crate) fn now(now: Timestamp) -> Record<'static> {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let now = now.to_zoned(TimeZone::UTC);
    let weekday = usize::try_from(now.weekday().to_monday_zero_offset()).ok().and_then(|day| DAYS.get(day));
    Record::new(vec![
        ("date", Fact::owned(now.date().to_string())),
        ("weekday", Fact::text(weekday.copied().unwrap_or_default())),
        ("hour", Fact::int(now.hour())),
    ])
}

#[cfg(test)]
mod tests {
    use weir_cel::{Shape, Type};

    use super::*;
    use crate::shape;

    /// Checks that the checker knows every field, and that no mandatory field is missing.
    fn agrees(facts: &Record<'_>, of: &Shape) {
        for (name, fact) in facts.fields() {
            let field = of.fields.iter().find(|field| field.name == name);
            let field = field.unwrap_or_else(|| panic!("{} has no field {name}", of.name));
            if let (Fact::Record(inner), Type::Record(shape)) = (fact, (field.of)()) {
                agrees(inner, shape);
            }
        }
        for field in of.fields.iter().filter(|field| !field.optional) {
            assert!(facts.get(field.name).is_some(), "{} is without {}", of.name, field.name);
        }
    }

    #[test]
    fn facts_agree_with_their_shapes() {
        let text = "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: a}\nspec: {clusters: {c: {sandbox: {path: x}}}, \
                    stages: [{name: dev, cluster: c}]}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: t}\n---\n\
                    apiVersion: weir/v1\nkind: Topic\nmetadata: {name: x, team: t}\n---\napiVersion: weir/v1\n\
                    kind: ServiceAccount\nmetadata: {name: s, team: t}\n---\napiVersion: weir/v1\n\
                    kind: AccessControlList\nmetadata: {name: s, team: t}\nspec: {serviceAccount: s}\n";
        let loaded = weir_model::load([("weir.yaml", text)]);
        let all = loaded.workspace.expect("well formed");
        let view = all.stage("dev").expect("a stage");
        agrees(&topic(&view.topics["x"]).expect("valid"), &shape::TOPIC);
        agrees(&account(&view.accounts["s"]), &shape::ACCOUNT);
        agrees(&access(&view.access["s"]), &shape::ACCESS);
        agrees(&team_entity(&all.teams["t"]), &shape::TEAM_ENTITY);
        agrees(&team(&all.teams["t"]), &shape::TEAM);
        agrees(&stage(&view), &shape::STAGE);
        agrees(&workspace(&all), &shape::WORKSPACE);
        agrees(&now(Timestamp::UNIX_EPOCH), &shape::NOW);
    }
}
