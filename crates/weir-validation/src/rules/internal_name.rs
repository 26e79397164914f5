use weir_findings::{RulePage, Severity};
use weir_model::{EntityRef, Kind, Route};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "internal-name",
        severity: Severity::Error,
        waivable: None,
        title: "no internal topics",
        what: "No topic name and no topic prefix begins with `_`.",
        why: "Names that begin with `_` belong to Kafka and its tools (`__consumer_offsets`, `_schemas`). weir never \
              creates, changes or deletes such topics, so declaring one has no effect.",
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
        if let Some(prefix) = stage.prefix.topic.as_deref().filter(|prefix| prefix.starts_with('_')) {
            let message = format!("the prefix `{prefix}` would make every topic of the stage look internal");
            let help = format!("write `{}`", prefix.trim_start_matches('_'));
            out.push(out.error(cx.stage(i, ["prefix", "topic"]), message).help(help));
        }
    }
}
