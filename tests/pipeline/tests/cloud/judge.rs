//! Every exchange with the control plane is judged by Confluent's OpenAPI files.

use std::sync::LazyLock;

use weir_testkit::{confluent::Exchange, openapi::Specs};

/// How many exchanges were judged; 0 where there are no files, but with `CI=true`: there that is a failure.
#[track_caller]
pub(crate) fn judge(log: &[Exchange]) -> usize {
    static SPECS: LazyLock<Option<Specs>> = LazyLock::new(Specs::confluent);
    let Some(specs) = SPECS.as_ref() else { return 0 };
    for asked in log {
        let Exchange { method, path, query, body, answer, .. } = asked;
        let wrong = specs.judge_request(method, path, query, body.as_ref());
        assert!(wrong.is_empty(), "{asked}: {wrong:?}");
        // What a fault answers in the service's place is anything.
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
