//! Judges every exchange with the control plane by Confluent's OpenAPI files.

use std::sync::LazyLock;

use weir_fake_confluent::Exchange;
use weir_testkit::openapi::Specs;

/// Judges the exchanges and returns their number; 0 if the files are missing, which fails with `CI=true`.
#[track_caller]
pub(crate) fn judge(log: &[Exchange]) -> usize {
    static SPECS: LazyLock<Option<Specs>> = LazyLock::new(Specs::confluent);
    let Some(specs) = SPECS.as_ref() else { return 0 };
    for asked in log {
        let Exchange { method, path, query, body, answer, .. } = asked;
        let wrong = specs.judge_request(method, path, query, body.as_ref());
        assert!(wrong.is_empty(), "{asked}: {wrong:?}");
        // An answer that a fault injects need not match the specification.
        let Some(answer) = answer.as_ref().filter(|_| asked.handled) else { continue };
        if answer.status >= 500 {
            continue;
        }
        let kind = answer.headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind.as_str());
        let wrong = specs.judge_answer(method, path, answer.status, kind, &answer.body);
        assert!(wrong.is_empty(), "{asked}: {wrong:?}");
    }
    log.len()
}
