//! Mappings that offer alternatives, of which exactly one is written.

use weir_findings::{FileId, Finding, Span};

use crate::{
    rules,
    yaml::{NodeId, Tape, Trust, listed},
};

/// Checks the spec of a `Workspace`.
pub(super) fn workspace(spec: NodeId, on: &mut Alternatives<'_, '_>) {
    const PROVIDERS: [&str; 3] = ["confluentCloud", "apacheKafka", "sandbox"];
    if let Some(secrets) = on.value(spec, "secrets") {
        on.exactly_one(secrets, &["keyVault", "folder"]);
    }
    for cluster in on.values(on.value(spec, "clusters")) {
        on.exactly_one(cluster, &PROVIDERS);
        for provider in PROVIDERS {
            let Some(provider) = on.value(Some(cluster), provider) else { continue };
            for place in [Some(provider), on.value(provider, "kafka")].into_iter().flatten() {
                if let Some(credentials) = on.value(place, "credentials") {
                    on.exactly_one(credentials, &["env", "keyVault"]);
                }
            }
        }
    }
}

/// Checks the spec of a `Team`.
pub(super) fn team(spec: NodeId, on: &mut Alternatives<'_, '_>) {
    for member in on.items(on.value(spec, "members")) {
        on.exactly_one(member, &["group", "user"]);
    }
}

/// Checks the spec of an `AccessControlList`.
pub(super) fn access_control_list(spec: NodeId, on: &mut Alternatives<'_, '_>) {
    let mut grants = on.items(on.value(spec, "allow"));
    for overlay in on.values(on.value(spec, "stages")) {
        grants.extend(on.items(on.value(overlay, "allow")));
    }
    for grant in grants {
        on.exactly_one(grant, &["produce", "consume"]);
    }
}

/// Returns the check of a kind that the table of kinds names, or none.
macro_rules! check_of {
    () => {
        |_, _| {}
    };
    ($check:ident) => {
        $crate::load::alternatives::$check
    };
}
pub(super) use check_of;

/// The document with the alternatives, and the findings about them.
pub(super) struct Alternatives<'t, 'a> {
    pub(super) tape: &'t Tape<'a>,
    pub(super) file: FileId,
    pub(super) findings: &'t mut Vec<Finding>,
}

impl Alternatives<'_, '_> {
    fn value(&self, mapping: impl Into<Option<NodeId>>, key: &str) -> Option<NodeId> {
        self.tape.entry(mapping.into()?, key).map(|(_, value)| value)
    }

    fn values(&self, mapping: Option<NodeId>) -> Vec<NodeId> {
        mapping.into_iter().flat_map(|mapping| self.tape.entries(mapping)).map(|(_, value)| value).collect()
    }

    fn items(&self, sequence: Option<NodeId>) -> Vec<NodeId> {
        sequence.into_iter().flat_map(|sequence| self.tape.items(sequence)).collect()
    }

    fn exactly_one(&mut self, mapping: NodeId, names: &[&str]) {
        // A field that was found wrong already may be the one that is missing here.
        let doubtful = self.tape.node(mapping).trust != Trust::AsWritten
            || self.tape.all_entries(mapping).any(|(key, _)| self.tape.node(key).trust == Trust::Skip);
        if doubtful {
            return;
        }
        let mut written = self
            .tape
            .entries(mapping)
            .filter(|(key, value)| names.contains(&&*self.tape.node(*key).text) && !self.tape.node(*value).is_null())
            .map(|(key, _)| key);
        let (first, second) = (written.next(), written.next());
        drop(written);
        let help = format!("write exactly one of {}", listed(names.iter().copied()));
        let finding = match (first, second) {
            (Some(_), None) => return,
            (Some(first), Some(second)) => Finding::error(
                rules::ONE_OF,
                self.tape.span(self.file, second),
                format!("`{}` and `{}` exclude each other", self.tape.node(first).text, self.tape.node(second).text),
            )
            .related(self.tape.span(self.file, first), "the other one"),
            _ => {
                let place = self.tape.name_of_node(mapping);
                let at = Span { file: self.file, start: place.start, end: place.end };
                Finding::error(rules::ONE_OF, at, format!("none of {} is written", listed(names.iter().copied())))
            }
        };
        self.findings.push(finding.help(help));
    }
}
