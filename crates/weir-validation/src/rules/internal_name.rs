use weir_findings::{RulePage, Severity};
use weir_model::{EntityRef, Kind, Resource, Route};
use weir_ownership::is_reserved;

use crate::{
    Rule,
    context::{Context, access},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "internal-name",
        severity: Severity::Error,
        waivable: None,
        title: "no internal names",
        what: "No topic name and no topic prefix begins with `_`. No grant and no raw rule names transactional ids that \
               begin with `weir.` on the cluster, where the prefix of the stage is part of the name.",
        why: "Names that begin with `_` belong to Kafka and its tools (`__consumer_offsets`, `_schemas`). weir never \
              creates, changes or deletes such topics, so declaring one has no effect. In bindings of transactional \
              ids that begin with `weir.`, weir keeps its own notes about accounts and keys.",
        bad: "metadata: {name: _toll.state.v1, team: toll}",
        good: "metadata: {name: toll.state.v1, team: toll}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for name in cx.workspace.topics.keys().filter(|name| name.starts_with('_')) {
        let at = Route::name(EntityRef::new(Kind::Topic, name));
        let help = format!("name it `{}`", name.trim_start_matches('_'));
        out.push(out.error(at, format!("`{name}` begins with `_`, as internal topics do")).help(help));
    }
    for (i, stage) in cx.workspace.settings.spec.stages.iter().enumerate() {
        if let Some(prefix) = stage.prefix.transactional_id.as_deref().filter(|prefix| prefix.starts_with("weir.")) {
            let message = format!("the prefix `{prefix}` is that of weir's own notes");
            let at = cx.stage(i, ["prefix", "transactionalId"]);
            out.push(out.error(at, message).help("write another prefix"));
        }
        if let Some(prefix) = stage.prefix.topic.as_deref().filter(|prefix| prefix.starts_with('_')) {
            let message = format!("the prefix `{prefix}` would make every topic of the stage look internal");
            let help = format!("write `{}`", prefix.trim_start_matches('_'));
            out.push(out.error(cx.stage(i, ["prefix", "topic"]), message).help(help));
        }
    }
    notes(cx, out);
}

/// Reports names under which weir keeps its notes. The prefix of the stage is part of the name.
fn notes(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        let prefix = view.stage.prefix.of(Resource::TransactionalId);
        for list in view.access.values() {
            let grants = list.allow.iter().enumerate().filter_map(|(i, grant)| {
                Some(("allow", i, "transactionalId", grant.transactional_id.as_deref()?))
            });
            let rules = list
                .rules
                .iter()
                .enumerate()
                .filter(|(_, rule)| rule.resource == Resource::TransactionalId)
                .filter_map(|(i, rule)| Some(("rules", i, "name", rule.name.as_deref()?)));
            for (part, i, field, name) in grants.chain(rules) {
                let physical = format!("{prefix}{name}");
                if is_reserved(Resource::TransactionalId, &physical) {
                    let message = format!("`{physical}` begins with `weir.`, as weir's own notes do");
                    let finding = out.error(access(view, list, part, i, field), message).help("choose another name");
                    out.push_in(view.index, finding);
                }
            }
        }
    }
}
