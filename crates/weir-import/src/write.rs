//! Entities as YAML, in the style of people.

mod yaml;

use std::collections::BTreeMap;

use weir_model::{
    API_VERSION, AccessControlList, ApiKey, Ensure, EntityRef, Grant, OwnedMetadata, Patch, PatternType, Permission,
    Rule, ServiceAccount, SettingValue, Team, Topic, TopicAccess, Workspace,
};

use self::yaml::Node;
use crate::{built::Built, seen::Seen, topics::OVERLAP};

/// Returns the files of the teams, by name.
pub(crate) fn files(
    workspace: &Workspace,
    built: &Built,
    seen: &Seen<'_>,
    schema: Option<&str>,
) -> BTreeMap<String, String> {
    let order: Vec<&str> = workspace.settings.spec.stages.iter().map(|stage| stage.name.as_str()).collect();
    let stages: Vec<&str> = seen.stages.iter().map(|stage| stage.name()).collect();
    let mut documents = BTreeMap::<String, Vec<String>>::new();
    let mut add = |team: &str, entity: EntityRef, metadata: Node, spec: Vec<(String, Node)>| {
        let remarks = built.remarks.get(&entity).into_iter().flatten();
        let mut text: String = remarks.map(|remark| format!("# {remark}\n")).collect();
        let document = [
            ("apiVersion".to_owned(), Node::text(API_VERSION)),
            ("kind".to_owned(), Node::text(entity.kind.as_str())),
            ("metadata".to_owned(), metadata),
            ("spec".to_owned(), spec_node(spec)),
        ];
        yaml::block(&document, 0, &mut text);
        documents.entry(team.to_owned()).or_default().push(text);
    };
    for team in built.teams.values() {
        add(&team.metadata.name, team.entity_ref(), team_metadata(team), Vec::new());
    }
    for topic in built.topics.values() {
        add(&topic.metadata.team, topic.entity_ref(), metadata(&topic.metadata), topic_spec(topic, &order));
    }
    let mut lists = BTreeMap::<&str, &AccessControlList>::new();
    lists.extend(built.lists.values().map(|list| (list.spec.service_account.as_str(), list)));
    for account in built.accounts.values() {
        add(&account.metadata.team, account.entity_ref(), metadata(&account.metadata), account_spec(account, &order));
        if let Some(list) = lists.get(account.metadata.name.as_str()) {
            add(&list.metadata.team, list.entity_ref(), metadata(&list.metadata), list_spec(list, &order));
        }
    }
    let modeline = schema.map(|path| format!("# yaml-language-server: $schema={path}\n")).unwrap_or_default();
    let mut files = BTreeMap::new();
    for (team, documents) in documents {
        let text = format!("{modeline}# Imported from {}.\n{}", stages.join(", "), documents.join("---\n"));
        files.insert(file_name(&team, &files), text);
    }
    files
}

/// Returns the name of a team's file: not hidden, not `weir.yaml`, and unlike all others on every file system.
fn file_name(team: &str, files: &BTreeMap<String, String>) -> String {
    let stem = if team.starts_with('.') || team.eq_ignore_ascii_case("weir") {
        format!("team-{team}")
    } else {
        team.to_owned()
    };
    let taken = |name: &String| files.keys().any(|other| other.eq_ignore_ascii_case(name));
    let mut name = format!("{stem}.yaml");
    for number in 2.. {
        if !taken(&name) {
            break;
        }
        name = format!("{stem}-{number}.yaml");
    }
    name
}

fn team_metadata(team: &Team) -> Node {
    Node::Map(vec![("name".to_owned(), Node::text(&team.metadata.name))])
}

fn metadata(metadata: &OwnedMetadata) -> Node {
    let OwnedMetadata { name, team, description, labels: _ } = metadata;
    let mut map = vec![("name".to_owned(), Node::text(name)), ("team".to_owned(), Node::text(team))];
    map.extend(description.iter().map(|text| ("description".to_owned(), Node::text(text))));
    Node::Map(map)
}

/// The fields of a map, in the order they are added.
#[derive(Default)]
struct Fields(Vec<(String, Node)>);

impl Fields {
    fn add(&mut self, name: &str, value: Option<Node>) {
        self.0.extend(value.map(|value| (name.to_owned(), value)));
    }
}

fn topic_spec(topic: &Topic, order: &[&str]) -> Vec<(String, Node)> {
    let spec = &topic.spec;
    let mut fields = Fields::default();
    fields.add("ensure", ensure(spec.ensure));
    fields.add("profile", spec.profile.as_deref().map(Node::text));
    fields.add("partitions", spec.partitions.map(Node::number));
    fields.add("replicationFactor", spec.replication_factor.map(Node::number));
    let config = spec.config.iter().map(|(name, value)| (name.clone(), setting(value)));
    fields.add("config", map(config.collect()));
    fields.add("access", access(&spec.access));
    fields.add("notIn", not_in(&spec.not_in, order));
    fields.add(
        "stages",
        stages(&spec.stages, order, |overlay| {
            let mut fields = Fields::default();
            fields.add("ensure", patch(&overlay.ensure, |e| ensure(*e).unwrap_or(Node::Null)));
            fields.add("partitions", patch(&overlay.partitions, |n| Node::number(*n)));
            fields.add("replicationFactor", patch(&overlay.replication_factor, |n| Node::number(*n)));
            let config = overlay.config.iter().filter_map(|(name, value)| Some((name.clone(), patch(value, setting)?)));
            fields.add("config", map(config.collect()));
            fields.0
        }),
    );
    fields.0
}

fn account_spec(account: &ServiceAccount, order: &[&str]) -> Vec<(String, Node)> {
    let spec = &account.spec;
    let keys = |keys: &Vec<ApiKey>| Node::List(keys.iter().map(key).collect());
    let mut fields = Fields::default();
    fields.add("ensure", ensure(spec.ensure));
    fields.add("apiKeys", (!spec.api_keys.is_empty()).then(|| keys(&spec.api_keys)));
    fields.add("notIn", not_in(&spec.not_in, order));
    fields.add(
        "stages",
        stages(&spec.stages, order, |overlay| {
            let mut fields = Fields::default();
            fields.add("ensure", patch(&overlay.ensure, |e| ensure(*e).unwrap_or(Node::Null)));
            fields.add("apiKeys", patch(&overlay.api_keys, keys));
            fields.0
        }),
    );
    fields.0
}

fn list_spec(list: &AccessControlList, order: &[&str]) -> Vec<(String, Node)> {
    let spec = &list.spec;
    let grants = |grants: &Vec<Grant>| Node::Lines(grants.iter().map(grant).collect());
    let rules = |rules: &Vec<Rule>| Node::Lines(rules.iter().map(rule).collect());
    let mut fields = Fields::default();
    fields.add("serviceAccount", Some(Node::text(&spec.service_account)));
    fields.add("allow", (!spec.allow.is_empty()).then(|| grants(&spec.allow)));
    fields.add("rules", (!spec.rules.is_empty()).then(|| rules(&spec.rules)));
    fields.add(
        "stages",
        stages(&spec.stages, order, |overlay| {
            let mut fields = Fields::default();
            fields.add("allow", patch(&overlay.allow, grants));
            fields.add("rules", patch(&overlay.rules, rules));
            fields.0
        }),
    );
    fields.0
}

fn map(fields: Vec<(String, Node)>) -> Option<Node> {
    (!fields.is_empty()).then_some(Node::Map(fields))
}

fn patch<T>(patch: &Patch<T>, node: impl Fn(&T) -> Node) -> Option<Node> {
    match patch {
        Patch::Keep => None,
        Patch::Remove => Some(Node::Null),
        Patch::Set(value) => Some(node(value)),
    }
}

/// `stages`, in promotion order.
fn stages<O>(
    stages: &Option<BTreeMap<String, Option<O>>>,
    order: &[&str],
    overlay: impl Fn(&O) -> Vec<(String, Node)>,
) -> Option<Node> {
    let stages = stages.as_ref()?;
    let node = |there: &Option<O>| there.as_ref().map(&overlay).and_then(map).unwrap_or(Node::Nothing);
    let there = order.iter().filter_map(|name| Some(((*name).to_owned(), node(stages.get(*name)?))));
    let fields: Vec<_> = there.collect();
    let plain = fields.iter().all(|(_, node)| matches!(node, Node::Nothing));
    Some(if plain { Node::Map(fields) } else { Node::Block(fields) })
}

/// `notIn`, in promotion order.
fn not_in(reasons: &BTreeMap<String, String>, order: &[&str]) -> Option<Node> {
    map(order.iter().filter_map(|stage| Some(((*stage).to_owned(), Node::text(reasons.get(*stage)?)))).collect())
}

/// A spec of a few plain values fits on a line.
fn spec_node(spec: Vec<(String, Node)>) -> Node {
    let plain = spec.iter().all(|(_, node)| matches!(node, Node::Scalar(_)));
    if plain { Node::Map(spec) } else { Node::Block(spec) }
}

fn ensure(ensure: Ensure) -> Option<Node> {
    match ensure {
        Ensure::Present => None,
        Ensure::Absent => Some(Node::text("absent")),
        Ensure::Unmanaged => Some(Node::text("unmanaged")),
    }
}

fn setting(value: &SettingValue) -> Node {
    match value {
        SettingValue::Scalar(text) => Node::value(text),
        SettingValue::List(items) => Node::List(items.iter().map(|item| Node::text(item)).collect()),
    }
}

fn access(access: &TopicAccess) -> Option<Node> {
    let TopicAccess { observers, consumers, producers, administrators, until } = access;
    let mut fields = Fields::default();
    let lists = [
        ("observers", observers),
        ("consumers", consumers),
        ("producers", producers),
        ("administrators", administrators),
    ];
    for (name, teams) in lists {
        let teams: Vec<Node> = teams.iter().map(|team| Node::text(team)).collect();
        fields.add(name, (!teams.is_empty()).then_some(Node::List(teams)));
    }
    fields.add("until", until.map(|day| Node::value(&day.to_string())));
    map(fields.0)
}

fn key(key: &ApiKey) -> Node {
    let ApiKey { slot, rotate_every, overlap, rotated_after, emergency, projections } = key;
    let mut fields = Fields::default();
    fields.add("slot", Some(Node::text(slot)));
    fields.add("rotateEvery", rotate_every.map(|every| Node::value(&every.to_string())));
    fields.add("overlap", (*overlap != OVERLAP).then(|| Node::value(&overlap.to_string())));
    fields.add("rotatedAfter", rotated_after.map(|moment| Node::value(&moment.to_string())));
    fields.add("emergency", emergency.then(|| Node::value("true")));
    let projections: Vec<Node> = projections.iter().map(|shape| Node::text(shape.as_str())).collect();
    fields.add("projections", (!projections.is_empty()).then_some(Node::List(projections)));
    Node::Map(fields.0)
}

fn grant(grant: &Grant) -> Node {
    let Grant { produce, transactional_id, consume, group, until } = grant;
    let mut fields = Fields::default();
    for (name, value) in
        [("produce", produce), ("transactionalId", transactional_id), ("consume", consume), ("group", group)]
    {
        fields.add(name, value.as_deref().map(Node::text));
    }
    fields.add("until", until.map(|day| Node::value(&day.to_string())));
    Node::Map(fields.0)
}

fn rule(rule: &Rule) -> Node {
    let Rule { resource, name, pattern, operations, permission, host, reason, until } = rule;
    let operations = operations.iter().map(|operation| Node::text(operation.as_str())).collect();
    let mut fields = Fields::default();
    fields.add("resource", Some(Node::text(resource.as_str())));
    fields.add("name", name.as_deref().map(Node::text));
    fields.add("pattern", (*pattern == PatternType::Prefixed).then(|| Node::text("prefixed")));
    fields.add("operations", Some(Node::List(operations)));
    fields.add("permission", (*permission == Permission::Deny).then(|| Node::text("deny")));
    fields.add("host", host.as_deref().map(Node::text));
    fields.add("reason", reason.as_deref().map(Node::text));
    fields.add("until", until.map(|day| Node::value(&day.to_string())));
    Node::Map(fields.0)
}
