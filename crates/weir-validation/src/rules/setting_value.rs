use weir_findings::{RulePage, Severity};
use weir_model::{
    SettingValue,
    settings::{self, SettingKind},
};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "setting-value",
        severity: Severity::Error,
        waivable: None,
        title: "settings of the right type and range",
        what: "The value of every topic setting has the setting's type and lies in its range. A setting with a list \
               of words has one of these words.",
        why: "The broker refuses other values, long after the review.",
        bad: "config: {cleanup.policy: compacted}",
        good: "config: {cleanup.policy: compact}",
        remedy: "Write times as `7d` or in milliseconds, sizes as `1GiB` or in bytes. `default` removes the topic's \
                 own value.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    cx.settings_written(|place, name, value| {
        if !value.is_default()
            && let Err(fault) = settings::canonical(name, value)
        {
            let at = place.route(cx, &["config", name]);
            let mut finding = out.error(at.clone(), format!("`{name}`: {fault}"));
            if let Some(word) = same_word(name, value) {
                finding = finding.fix(format!("write `{word}`"), at, word);
            }
            out.push(finding);
        }
    });
}

/// Returns the word that equals `value` except for upper and lower case, if the setting has such a word.
fn same_word(name: &str, value: &SettingValue) -> Option<&'static str> {
    let (SettingKind::Word(words) | SettingKind::Words(words), SettingValue::Scalar(text)) =
        (&settings::lookup(name)?.kind, value)
    else {
        return None;
    };
    words.iter().copied().find(|word| word.eq_ignore_ascii_case(text.trim()))
}
