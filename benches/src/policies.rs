//! Thirty policies of one expression each, and the same expressions without weir: parsed by the `cel` crate alone and
//! evaluated over values that are prepared before the clock starts.

use std::{fmt::Write as _, sync::Arc};

use anyhow::{Context as _, Result, anyhow, bail};
use cel::{Context, Env, Program};
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use weir_model::{Loaded, SettingValue, StagedTopic, settings};

/// Returns the expressions of the policies: fifteen expressions, each twice with a different number.
pub(crate) fn expressions() -> Vec<String> {
    let each = |n: usize| {
        [
            format!("!has(entity.spec.partitions) || entity.spec.partitions <= {}", 20_000 + n),
            format!("!has(entity.spec.replicationFactor) || entity.spec.replicationFactor >= {n}"),
            format!("entity.name.size() > {n}"),
            format!("!('retention.ms' in entity.spec.config) || entity.spec.config['retention.ms'] > {n}"),
            format!("has(entity.metadata.labels.costCenter) || entity.name.size() > {n}"),
            format!("stage.name != 'prod' || entity.kind == 'Topic' && {n} == {n}"),
            format!("entity.spec.access.consumers.all(t, t != 'nobody{n}')"),
            format!("entity.metadata.team != 'nobody{n}' && stage.index >= 0"),
            format!("entity.physicalName.endsWith(entity.name) && {n} > -1"),
            format!(
                "!('min.insync.replicas' in entity.spec.config) || entity.spec.config['min.insync.replicas'] >= {n}"
            ),
            format!("entity.spec.ensure in ['present', 'absent', 'x{n}']"),
            format!("entity.name.contains('.') || entity.name.startsWith('x{n}')"),
            format!("!has(entity.spec.profile) || entity.spec.profile != 'none{n}'"),
            format!("(stage.last ? 400 : 200) > {n}"),
            format!("entity.spec.access.producers.size() < {}", 1_000 + n),
        ]
    };
    each(0).into_iter().chain(each(1)).collect()
}

/// Returns the expressions as a file of policies.
pub(crate) fn file() -> String {
    let mut text = String::new();
    for (n, expression) in expressions().iter().enumerate() {
        let quoted = Value::from(expression.as_str());
        // Writing into a `String` cannot fail.
        let _ = write!(
            text,
            "---\napiVersion: weir/v1\nkind: Policy\nmetadata: {{name: p{n}}}\n\
             spec: {{match: {{kinds: [Topic]}}, validations: [{{expression: {quoted}}}]}}\n"
        );
    }
    text
}

/// Evaluates all expressions on every topic in every stage, with `start` and `stop` around each batch. Returns the
/// number of evaluations.
pub(crate) fn bare<C>(loaded: &Loaded, start: impl Fn() -> C, mut stop: impl FnMut(C)) -> Result<usize> {
    let workspace = loaded.workspace.as_ref().context("the workspace cannot be read")?;
    let env = Arc::new(Env::stdlib());
    let programs: Vec<Program> = expressions()
        .iter()
        .map(|text| Program::compile(text).map_err(|err| anyhow!("`{text}`: {err}")))
        .collect::<Result<_>>()?;
    let mut counted = 0;
    for view in workspace.stages() {
        let last = view.index + 1 == workspace.settings.spec.stages.len();
        let stage = json!({"name": view.stage.name, "index": view.index, "last": last});
        let stage = cel::to_value(stage).map_err(|err| anyhow!("{err}"))?;
        let topics: Vec<&StagedTopic<'_>> = view.topics.values().collect();
        // The values are prepared in batches, because all of them together would not fit into memory.
        for some in topics.chunks(5_000) {
            let made: Vec<cel::Value> = some
                .par_iter()
                .map(|topic| cel::to_value(entity(topic)).map_err(|err| anyhow!("{err}")))
                .collect::<Result<_>>()?;
            let contexts: Vec<Context<'_, '_>> = made
                .into_iter()
                .map(|entity| {
                    let mut context = Context::with_env(Arc::clone(&env));
                    context.add_variable_from_value("entity", entity);
                    context.add_variable_from_value("stage", stage.clone());
                    context
                })
                .collect();
            let clock = start();
            let held: usize = contexts
                .par_iter()
                .map(|context| programs.iter().filter(|p| p.execute(context) == Ok(cel::Value::Bool(true))).count())
                .sum();
            stop(clock);
            if held != contexts.len() * programs.len() {
                bail!("{} of {} expressions hold", held, contexts.len() * programs.len());
            }
            counted += held;
        }
    }
    Ok(counted)
}

fn entity(topic: &StagedTopic<'_>) -> Value {
    let meta = &topic.entity.metadata;
    let mut config = Map::new();
    for (name, setting) in topic.config.iter() {
        let written = settings::canonical(name, setting.value).map(String::from).unwrap_or_default();
        let value = match setting.value {
            SettingValue::Scalar(_) => written.parse::<i64>().map_or_else(|_| written.into(), Value::from),
            SettingValue::List(_) => written.split(',').collect(),
        };
        config.insert((*name).to_owned(), value);
    }
    let access = &topic.access;
    let mut spec = json!({
        "ensure": "present",
        "config": config,
        "access": {"consumers": access.consumers, "producers": access.producers, "administrators": access.administrators},
    });
    if let Some((partitions, _)) = topic.partitions {
        spec["partitions"] = partitions.into();
    }
    if let Some((replicas, _)) = topic.replication_factor {
        spec["replicationFactor"] = replicas.into();
    }
    if let Some(profile) = topic.profile {
        spec["profile"] = profile.into();
    }
    json!({
        "kind": "Topic",
        "name": meta.name,
        "physicalName": topic.name,
        "metadata": {"name": meta.name, "team": meta.team, "description": meta.description, "labels": meta.labels},
        "spec": spec,
    })
}
