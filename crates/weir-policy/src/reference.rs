//! The reference of policies, generated from the tables that the checker uses.

use std::{collections::BTreeMap, fmt::Write as _};

use weir_cel::{Shape, Type};
use weir_findings::{RulePage, Severity};
use weir_model::{
    Enforce, Match, PolicyExample, PolicyKind, PolicySeverity, PolicySpec, Range, SettingLimit, StageLimits, Workspace,
};

use crate::{
    dialect::DIALECT,
    shape,
    starter::{self, starter_pack},
};

/// The page of a policy, with its texts.
#[derive(Clone, Debug)]
pub struct PolicyPage {
    name: String,
    description: String,
    what: String,
    spec: PolicySpec,
}

impl PolicyPage {
    /// Makes the page of a policy with this name.
    pub fn new(name: &str, description: &str, spec: &PolicySpec) -> Self {
        let what = what(spec).trim().to_owned();
        Self { name: name.to_owned(), description: description.trim().to_owned(), what, spec: spec.clone() }
    }

    /// Returns the policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the subject of the policy, in a sentence; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the page in the form of a rule's page.
    pub fn rule_page(&self) -> RulePage<'_> {
        let example = |text: fn(&PolicyExample) -> &Option<String>| {
            self.spec.example.as_ref().and_then(|example| text(example).as_deref()).unwrap_or_default()
        };
        RulePage {
            id: &self.name,
            severity: match self.spec.severity.unwrap_or_default() {
                PolicySeverity::Info => Severity::Info,
                PolicySeverity::Warning => Severity::Warning,
                PolicySeverity::Error => Severity::Error,
            },
            waivable: self.spec.waivable.unwrap_or(true).then_some(Severity::Error),
            title: if self.description.is_empty() { &self.name } else { &self.description },
            what: &self.what,
            why: self.spec.why.as_deref().unwrap_or_default(),
            bad: example(|example| &example.bad),
            good: example(|example| &example.good),
            remedy: self.spec.help.as_deref().unwrap_or_default(),
        }
    }

    /// Renders the page as markdown: rule, reason, bad and good example, how to silence. The heading is the policy's
    /// name.
    pub fn markdown(&self) -> String {
        self.rule_page().markdown()
    }
}

/// Returns the pages of the policies of a workspace: its own, and the chosen policies of the starter pack.
pub fn pages(workspace: &Workspace) -> Vec<PolicyPage> {
    let own = workspace.policies.values().map(|policy| {
        let description = policy.metadata.description.as_deref().unwrap_or_default();
        PolicyPage::new(&policy.metadata.name, description, &policy.spec)
    });
    let chosen = starter::chosen(workspace).into_iter().filter_map(|(name, spec)| {
        let of_pack = starter_pack().iter().find(|policy| policy.name == name)?;
        Some(PolicyPage::new(&name, &of_pack.description, &spec.ok()?))
    });
    own.chain(chosen).collect()
}

/// Describes the entities and the demands of a policy.
fn what(spec: &PolicySpec) -> String {
    let mut out = String::new();
    let Match { kinds, teams, stages, labels, names } = &spec.matches;
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let mut about = format!("About {}", kinds.join(", "));
    let lists = [("of teams", teams), ("named", names), ("in stages", stages)];
    for (what, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        let _ = write!(about, ", {what} {}", list.join(", "));
    }
    for (label, value) in labels {
        let _ = write!(about, ", labelled {label}={value}");
    }
    let _ = writeln!(out, "{about}.");
    if let Some(Enforce { from, stages, from_stage }) = &spec.enforce {
        let mut when = Vec::new();
        when.extend(from.map(|from| format!("from {from} on")));
        when.extend((!stages.is_empty()).then(|| format!("in {}", stages.join(", "))));
        when.extend(from_stage.as_ref().map(|stage| format!("from stage {stage} on")));
        let _ = writeln!(out, "\nAn error {}; otherwise a warning.", when.join(", "));
    }
    let mut asks = Vec::new();
    asks.extend(spec.naming.as_ref().map(|naming| format!("the name is built as `{}`", naming.pattern)));
    if let Some(requires) = &spec.requires {
        asks.extend(requires.description.map(|least| format!("there is a description of {least} characters or more")));
        asks.extend(requires.labels.keys().map(|label| format!("there is a label `{label}` with an allowed value")));
    }
    asks.extend(limits("", &spec.settings, spec.partitions, spec.replication_factor));
    for (stage, StageLimits { settings, partitions, replication_factor }) in &spec.stages {
        asks.extend(limits(&format!("in stage `{stage}`, "), settings, *partitions, *replication_factor));
    }
    asks.extend(spec.validations.iter().map(|validation| {
        let text = validation.expression.split_whitespace().collect::<Vec<_>>().join(" ");
        match &validation.message {
            Some(message) => format!("reports \"{message}\" unless `{text}`"),
            None => format!("reports every case except `{text}`"),
        }
    }));
    out.push('\n');
    for ask in asks {
        let _ = writeln!(out, "- {ask}");
    }
    out
}

/// Describes limits, a sentence each.
fn limits(
    place: &str,
    settings: &BTreeMap<String, SettingLimit>,
    partitions: Option<Range>,
    replicas: Option<Range>,
) -> Vec<String> {
    let list = |words: &[String]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let mut asks = Vec::new();
    for (name, SettingLimit { required, unset, allowed, forbidden, min, max, when }) in settings {
        let mut says = Vec::new();
        says.extend(required.then(|| "set".to_owned()));
        says.extend(unset.then(|| "not set".to_owned()));
        says.extend((!allowed.is_empty()).then(|| format!("none but {}", list(allowed))));
        says.extend((!forbidden.is_empty()).then(|| format!("not {}", list(forbidden))));
        says.extend(min.as_ref().map(|min| format!("at least {min}")));
        says.extend(max.as_ref().map(|max| format!("at most {max}")));
        let when: Vec<String> = when.iter().map(|(name, value)| format!("`{name}` is `{value}`")).collect();
        let when = if when.is_empty() { String::new() } else { format!(", where {}", when.join(" and ")) };
        asks.push(format!("{place}`{name}` is {}{when}", says.join(" and ")));
    }
    for (what, range) in [("partitions", partitions), ("replicas of each partition", replicas)] {
        let Some(Range { min, max }) = range else { continue };
        let ends = [min.map(|min| format!("at least {min}")), max.map(|max| format!("at most {max}"))];
        asks.push(format!("{place}there are {} {what}", ends.into_iter().flatten().collect::<Vec<_>>().join(" and ")));
    }
    asks
}

/// Renders `docs/policies.md`: the values and functions of expressions, the starter pack, and the rules about
/// policies.
pub fn reference() -> String {
    let mut out = include_str!("reference.md").to_owned();
    out.push_str("\n## Variables\n");
    let mut shown: Vec<&'static str> = Vec::new();
    for kind in PolicyKind::ALL {
        let names: Vec<String> = shape::globals(kind).iter().map(|(name, _)| format!("`{name}`")).collect();
        let _ = writeln!(out, "\nPolicies about `{kind}` see {}.", names.join(", "));
        for (name, shape) in shape::globals(kind) {
            fields(&mut out, name, shape, &mut shown);
        }
    }
    out.push_str("\n## Functions\n\nCEL's operators, `has`, `all`, `exists`, `exists_one`, `filter`, `map`, `in`, `a[?\"b\"].orValue(c)`, and:\n\n");
    for function in weir_cel::signatures(&DIALECT).filter(|function| function.name != "dyn") {
        let takes: Vec<String> = function.takes.iter().map(|of| of().to_string()).collect();
        let on = function.target.map(|of| format!("({}).", of())).unwrap_or_default();
        let _ = writeln!(out, "- `{on}{}({})` gives {}", function.name, takes.join(", "), (function.gives)());
    }
    out.push_str("- `(text).matches(\"pattern\")` gives true or false; the pattern must be a literal\n");
    out.push_str("\n`duration(\"7d\")` gives milliseconds, `byteSize(\"1GiB\")` gives bytes: the units of settings.\n");
    out.push_str("\n# The starter pack\n\n`weir.yaml` chooses the pack as a whole or by name; its fields replace those of the pack.\n");
    for policy in starter_pack() {
        let _ = write!(out, "\n{}", PolicyPage::new(&policy.name, &policy.description, &policy.spec).markdown());
    }
    out
}

fn fields(out: &mut String, path: &str, of: &'static Shape, shown: &mut Vec<&'static str>) {
    if shown.contains(&of.name) {
        return;
    }
    shown.push(of.name);
    let _ = writeln!(out, "\n`{path}`, {}:\n\n| field | type | meaning |\n|---|---|---|", of.name);
    let mut inner = Vec::new();
    for field in of.fields {
        let optional = if field.optional { ", optional" } else { "" };
        let is = match (field.of)() {
            Type::Record(shape) => {
                inner.push((format!("{path}.{}", field.name), shape));
                shape.name.to_owned()
            }
            Type::List(item) => match *item {
                Type::Record(shape) => {
                    inner.push((format!("{path}.{}[…]", field.name), shape));
                    format!("a list, each {}", shape.name)
                }
                other => format!("a list of {other}"),
            },
            other => other.to_string(),
        };
        let _ = writeln!(out, "| `{}` | {is}{optional} | {} |", field.name, (field.about)());
    }
    for (path, shape) in inner {
        fields(out, &path, shape, shown);
    }
}
