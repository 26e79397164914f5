//! The list `adopt` in `weir.yaml`.

use std::collections::BTreeMap;

use weir_findings::{FileId, Severity};
use weir_model::{Adopt, EntityRef, Kind, Loaded, Route};

/// Returns the lines of the list, in YAML.
pub(crate) fn lines(adopt: &BTreeMap<String, Adopt>) -> Vec<String> {
    let mut lines = Vec::new();
    for (stage, Adopt { topics, service_accounts }) in adopt {
        lines.push(format!("{stage}:"));
        for (field, names) in [("topics", topics), ("serviceAccounts", service_accounts)] {
            if !names.is_empty() {
                let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                lines.push(format!("  {field}: [{}]", names.join(", ")));
            }
        }
    }
    lines
}

/// Returns `weir.yaml` with the list [`Imported::adopt`](crate::Imported::adopt) below `ownership`, and everything else as
/// it is.
///
/// `None` where people have to write the list: `ownership` is in braces, or it has objects of one of these stages
/// already.
pub fn adopting(loaded: &Loaded, adopt: &BTreeMap<String, Adopt>) -> Option<(FileId, String)> {
    let settings = &loaded.workspace.as_ref()?.settings;
    let there = &settings.spec.ownership.as_ref()?.adopt;
    let mut lines = lines(adopt);
    if lines.is_empty() || adopt.keys().any(|stage| there.contains_key(stage)) {
        return None;
    }
    let mut path = vec!["spec", "ownership"];
    if there.is_empty() {
        lines = std::iter::once("adopt:".to_owned()).chain(lines.into_iter().map(|line| format!("  {line}"))).collect();
    } else {
        path.push("adopt");
    }
    let at = loaded.locate(&Route::value(EntityRef::new(Kind::Workspace, &*settings.metadata.name), path));
    let (before, rest) = loaded.sources.file(at.file).text().split_at_checked(at.start as usize)?;
    let indent = before.rsplit('\n').next()?;
    let text = format!("{before}{}\n{indent}{rest}", lines.join(&format!("\n{indent}")));
    // The first key of a mapping in lines is in front of it: then the list is in the same mapping.
    let expected: BTreeMap<_, _> =
        there.iter().chain(adopt).map(|(stage, list)| (stage.clone(), list.clone())).collect();
    let files = loaded.sources.iter().map(|(file, source)| {
        (source.path().to_owned(), if file == at.file { text.clone() } else { source.text().to_owned() })
    });
    let read = weir_model::load(files);
    let fine = read.findings.iter().all(|finding| finding.severity < Severity::Error);
    let ownership = read.workspace.and_then(|workspace| workspace.settings.spec.ownership);
    (fine && ownership.is_some_and(|ownership| ownership.adopt == expected)).then_some((at.file, text))
}
