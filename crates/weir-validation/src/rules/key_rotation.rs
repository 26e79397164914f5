use weir_findings::{RulePage, Severity};
use weir_model::{ApiKey, Duration, Route};

use crate::{
    Rule,
    context::{Context, overlays, set, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "key-rotation",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "rotation with an overlap",
        what: "`rotateEvery` is not zero, and `overlap` is shorter. A `rotateEvery` under a day, or an `overlap` of \
               zero, is a warning. `emergency` needs `rotatedAfter`.",
        why: "With a longer overlap, old keys accumulate up to the cluster's limit. Without an overlap, applications \
              lose access as soon as weir makes a new key.",
        bad: "apiKeys: [{rotateEvery: 1d, overlap: 2d}]",
        good: "apiKeys: [{rotateEvery: 90d, overlap: 7d}]",
        remedy: "",
    },
    check,
};

const DAY: Duration = Duration::from_millis(86_400_000);

fn check(cx: &Context<'_>, out: &mut Out) {
    for account in cx.workspace.service_accounts.values() {
        keys(out, &account.spec.api_keys, |path| spec(account.entity_ref(), ["apiKeys"].iter().chain(path).copied()));
        for (stage, overlay) in overlays(&account.spec.stages) {
            if let Some(list) = set(&overlay.api_keys) {
                keys(out, list, |path| {
                    spec(account.entity_ref(), ["stages", stage, "apiKeys"].iter().chain(path).copied())
                });
            }
        }
    }
}

fn keys(out: &mut Out, keys: &[ApiKey], route: impl Fn(&[&str]) -> Route) {
    for (i, key) in keys.iter().enumerate() {
        let ApiKey { slot: _, rotate_every, overlap, rotated_after, emergency, projections: _ } = key;
        let at = |field| route(&[&i.to_string(), field]);
        if *emergency && rotated_after.is_none() {
            let message = "`emergency` without `rotatedAfter` names no keys to replace";
            let help = "write `rotatedAfter`: the day or time before which keys are not trusted";
            out.push(out.error(at("emergency"), message).help(help));
        }
        let Some(every) = *rotate_every else { continue };
        if every.millis == 0 {
            out.push(out.error(at("rotateEvery"), "a rotation period of 0 would replace the key at every deployment").help("write `90d`, or leave it out"));
        } else if *overlap >= every {
            let message = format!("the overlap ({overlap}) is not shorter than the rotation ({every})");
            out.push(out.error(at("overlap"), message).help(format!("write less than {every}")));
        } else if every < DAY {
            let message = format!("a key that is replaced every {every} is replaced at nearly every deployment");
            out.push(out.warning(at("rotateEvery"), message).help("write a day or more"));
        } else if overlap.millis == 0 {
            let message = "without an overlap, applications lose access as soon as a new key is created";
            out.push(out.warning(at("overlap"), message).help("write `2d`, or leave it out"));
        }
    }
}
