//! The values of an entity in a stage, and their origins.

use std::fmt::Write as _;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use weir_findings::{
    closest,
    render::{inert, inert_line},
};
use weir_model::{
    EntityRef, Kind, Layer, PatternType, StageView,
    settings::{self, KafkaValue},
};
use weir_planning::{Acl, Desired, Host, desired};

use crate::{
    Exit, Format, Stop, Terminal, WorkspaceFlag,
    checked::{read_and_check, unknown_stage},
    findings::print_findings,
    print, print_json, say,
};

/// The format of `--format json`.
const FORMAT: &str = "weir.shown/v1";

/// Shows the values of an entity in a stage, and the origin of each value
///
/// Profiles, the stage's overlay and its prefixes are applied. A plan asks the cluster for these values.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The entity, such as Topic/toll.transactions.v1
    #[arg(value_name = "KIND/NAME", value_parser = entity_ref)]
    entity: EntityRef,
    /// The stage
    #[arg(long, value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// The format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    terminal: Terminal,
}

/// Reads `Kind/name` of an entity that has values in a stage.
fn entity_ref(text: &str) -> Result<EntityRef, String> {
    let entity = EntityRef::ignoring_case(text).map_err(|err| err.to_string())?;
    if entity.kind.is_planned() {
        return Ok(entity);
    }
    let kinds: Vec<&str> = Kind::ALL.into_iter().filter(|kind| kind.is_planned()).map(Kind::as_str).collect();
    Err(format!("`{}` cannot be shown; the kinds are {}", entity.kind, kinds.join(", ")))
}

/// Returns the JSON Schema of `weir.shown/v1`.
pub fn shown_schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Shown<'_>>()
}

/// The values of an entity in a stage.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    /// `weir.shown/v1`.
    format: &'static str,
    /// The entity's kind and name, as `Topic/toll.transactions.v1`.
    entity: String,
    /// The stage.
    stage: &'a str,
    /// The file that declares the entity.
    file: &'a str,
    /// The values, in reading order.
    values: Vec<Value>,
}

/// One value.
#[derive(Serialize, JsonSchema)]
struct Value {
    /// The path of the value: `["config", "retention.ms"]`.
    path: Vec<String>,
    /// The value in Kafka's spelling.
    value: String,
    /// The value as people write it, if Kafka spells it differently.
    #[serde(skip_serializing_if = "Option::is_none")]
    human_readable: Option<String>,
    /// The origin of the value; absent if only the entity itself can set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

#[derive(Default)]
struct Values(Vec<Value>);

impl Values {
    fn add(&mut self, path: &[&str], value: impl ToString, from: Option<String>) {
        let path = path.iter().map(ToString::to_string).collect();
        self.0.push(Value { path, value: value.to_string(), human_readable: None, from });
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let checked = read_and_check(&dir, Some(&args.stage), Timestamp::now(), args.terminal)?;
    let Some(workspace) = &checked.loaded.workspace else {
        print_findings(&checked.findings, &checked.loaded.sources, false);
        return Ok(Exit::Refused);
    };
    if checked.has_errors() {
        say("warning: the workspace has errors, which weir-validate shows; this output may be incomplete\n");
    }
    let view = workspace.stage(&args.stage).map_err(unknown_stage)?;
    let origin = workspace.origin(&args.entity).ok_or_else(|| unknown(&view, &args.entity))?;
    let values = values(&view, &args.entity, checked.now).ok_or_else(|| elsewhere(&view, &args.entity, checked.now))?;
    let shown = Shown {
        format: FORMAT,
        entity: args.entity.to_string(),
        stage: &args.stage,
        file: checked.loaded.sources.file(origin.file).path(),
        values: values.0,
    };
    match args.format {
        Format::Json => print_json(format!("{}\n", serde_json::to_string_pretty(&shown)?)),
        Format::Text => print(&text(&shown)),
    }
    Ok(Exit::Fine)
}

/// Returns the values of `entity`; `None` if it is not in the stage.
fn values(view: &StageView<'_>, entity: &EntityRef, now: Timestamp) -> Option<Values> {
    let mut values = Values::default();
    let wanted = desired(view, now);
    let name = entity.name.as_str();
    match entity.kind {
        Kind::Topic => topic(&mut values, view, name)?,
        Kind::ServiceAccount => account(&mut values, view, &wanted, name)?,
        Kind::AccessControlList => access(&mut values, view, &wanted, name)?,
        // The command line takes no other kind.
        _ => return None,
    }
    Some(values)
}

// A new kind that plans have steps for fails here, until `values` shows it.
const _: () = {
    let (mut at, mut planned) = (0, 0);
    while at < Kind::ALL.len() {
        planned += Kind::ALL[at].is_planned() as usize;
        at += 1;
    }
    assert!(planned == 3, "`values` shows every kind that plans have steps for");
};

fn from(view: &StageView<'_>, layer: &Layer<'_>) -> Option<String> {
    Some(match layer {
        Layer::Profile(profile) => format!("profile {profile}"),
        Layer::Entity => "spec".to_owned(),
        Layer::Stage => format!("spec.stages.{}", view.stage.name),
    })
}

fn topic(values: &mut Values, view: &StageView<'_>, name: &str) -> Option<()> {
    let topic = view.topics.get(name)?;
    let prefix = view.stage.prefix.topic.as_ref().map(|prefix| format!("prefix {prefix}"));
    values.add(&["name"], &topic.name, prefix);
    values.add(&["team"], &topic.entity.metadata.team, None);
    values.add(&["ensure"], topic.ensure, None);
    if let Some(profile) = &topic.profile {
        values.add(&["profile"], profile, None);
    }
    let default = || Some("the cluster".to_owned());
    match &topic.partitions {
        Some((partitions, layer)) => values.add(&["partitions"], partitions, from(view, layer)),
        None => values.add(&["partitions"], "default", default()),
    }
    match &topic.replication_factor {
        Some((factor, layer)) => values.add(&["replicationFactor"], factor, from(view, layer)),
        None => values.add(&["replicationFactor"], "default", default()),
    }
    for (setting, resolved) in topic.config.iter() {
        let kafka = settings::canonical(setting, resolved.value)
            .unwrap_or_else(|_| KafkaValue::observed(setting, resolved.value.to_string()));
        let human_readable = Some(kafka.human_readable(setting)).filter(|readable| readable != kafka.as_str());
        let path = vec!["config".to_owned(), (*setting).to_owned()];
        values.0.push(Value { path, value: kafka.into(), human_readable, from: from(view, &resolved.layer) });
    }
    let access = topic.access;
    for (what, teams) in
        [("consumers", &access.consumers), ("producers", &access.producers), ("administrators", &access.administrators)]
    {
        if !teams.is_empty() {
            values.add(&["access", what], format!("[{}]", teams.join(", ")), None);
        }
    }
    Some(())
}

fn account(values: &mut Values, view: &StageView<'_>, wanted: &Desired, name: &str) -> Option<()> {
    let account = view.accounts.get(name)?;
    let prefix = view.stage.prefix.service_account.as_ref().map(|prefix| format!("prefix {prefix}"));
    values.add(&["name"], &account.name, prefix);
    values.add(&["team"], &account.entity.metadata.team, None);
    values.add(&["ensure"], account.ensure, None);
    for (what, value) in [("vault", &account.vault), ("namespace", &account.namespace)] {
        if let Some(value) = value {
            values.add(&[what], value, None);
        }
    }
    let Some(wanted) = wanted.accounts.get(&*account.name) else { return Some(()) };
    for key in account.api_keys {
        let slot = key.slot.as_str();
        if let Some(rotate_every) = key.rotate_every {
            values.add(&["apiKeys", slot, "rotateEvery"], rotate_every, None);
        }
        values.add(&["apiKeys", slot, "overlap"], key.overlap, None);
        if let Some(moment) = key.rotated_after {
            let emergency = if key.emergency { ", without overlap" } else { "" };
            values.add(&["apiKeys", slot, "rotatedAfter"], format!("{moment}{emergency}"), None);
        }
        if let Some(key) = wanted.keys.get(slot) {
            values.add(&["apiKeys", slot, "secret"], &key.secret, None);
            for (part, secret) in &key.projections {
                values.add(&["apiKeys", slot, part.as_str()], secret, None);
            }
        }
    }
    for (acl, wanted) in &wanted.acls {
        let lists: Vec<&str> = wanted.lists.iter().map(AsRef::as_ref).collect();
        values.add(&["acls", ""], binding(acl), Some(lists.join(", ")));
    }
    Some(())
}

fn access(values: &mut Values, view: &StageView<'_>, wanted: &Desired, name: &str) -> Option<()> {
    let access = view.access.get(name)?;
    let account = view.accounts.get(access.entity.spec.service_account.as_str())?;
    values.add(&["serviceAccount"], &account.name, None);
    let from = |stage| from(view, if stage { &Layer::Stage } else { &Layer::Entity });
    values.add(&["allow"], access.allow.len(), from(access.allow_from_stage));
    values.add(&["rules"], access.rules.len(), from(access.rules_from_stage));
    let acls = wanted.accounts.get(&*account.name).map(|account| &account.acls).into_iter().flatten();
    for (acl, asked) in acls.filter(|(_, asked)| asked.lists.iter().any(|list| **list == *name)) {
        let others: Vec<&str> = asked.lists.iter().map(AsRef::as_ref).filter(|list| *list != name).collect();
        let from = (!others.is_empty()).then(|| format!("also {}", others.join(", ")));
        values.add(&["acls", ""], binding(acl), from);
    }
    Some(())
}

fn binding(acl: &Acl) -> String {
    let Acl { resource, pattern, name, operation, permission, host } = acl;
    let begins = if *pattern == PatternType::Prefixed { "*" } else { "" };
    let from = if *host == Host::Any { String::new() } else { format!(" from {host}") };
    format!("{permission} {operation} on {resource} {name}{begins}{from}")
}

fn text(shown: &Shown<'_>) -> String {
    let mut out = format!("# {} in {}, from {}\n", inert(&shown.entity), shown.stage, inert(shown.file));
    let mut open: &[String] = &[];
    for Value { path, value, human_readable, from } in &shown.values {
        let (last, above) = path.split_last().map_or((None, &[][..]), |(last, above)| (Some(last), above));
        let same = open.iter().zip(above).take_while(|(a, b)| a == b).count();
        for (depth, key) in above.iter().enumerate().skip(same) {
            let _ = writeln!(out, "{:indent$}{}:", "", inert_line(key), indent = depth * 2);
        }
        open = above;
        let mark = match last.map(String::as_str) {
            None | Some("") => "- ".to_owned(),
            Some(key) => format!("{key}: "),
        };
        let line = format!("{:indent$}{mark}{value}", "", indent = above.len() * 2);
        let notes: Vec<&str> = [human_readable, from].into_iter().flatten().map(String::as_str).collect();
        let _ = if notes.is_empty() {
            writeln!(out, "{}", inert_line(&line))
        } else {
            writeln!(out, "{:<48}  # {}", inert_line(&line), inert(&notes.join(", ")))
        };
    }
    out
}

fn unknown(view: &StageView<'_>, entity: &EntityRef) -> Stop {
    let stop = Stop::usage(format!("there is no {entity}"));
    match closest(&entity.name, view.workspace.names(entity.kind)) {
        Some(name) => stop.help(format!("did you mean {}/{name}?", entity.kind)),
        None => stop,
    }
}

/// Returns the error for an entity that exists, but not in this stage.
fn elsewhere(view: &StageView<'_>, entity: &EntityRef, now: Timestamp) -> Stop {
    let stop = Stop::refused(format!("{entity} is not in stage {}", view.stage.name));
    let stages = view.workspace.settings.spec.stages.iter().map(|stage| stage.name.as_str());
    let there: Vec<&str> = stages
        .filter(|stage| view.workspace.stage(stage).is_ok_and(|view| values(&view, entity, now).is_some()))
        .collect();
    if there.is_empty() { stop } else { stop.help(format!("it is in {}", there.join(", "))) }
}
