use weir_findings::{RulePage, Severity};
use weir_signature::PublicKey;

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "signature-key",
        severity: Severity::Error,
        waivable: None,
        title: "public keys of those who sign",
        what: "An entry of a stage's `signedBy` is a public key of the curve P-256, and is there once.",
        why: "The stage deploys only plans that one of these keys signed. A text that is no key would lock everybody out.",
        bad: "signedBy: [\"MFkwEwYH\"]",
        good: "signedBy: [\"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEav7bxqz0BB6XZcDPCAen36k3TLAPaB7pLu6sp4jBNal/i1NfVJSIlS+1xcqPTk7xhBPYHCcAPwo9dcagXYh9FA==\"]",
        remedy: "Write the public key of the key that signs. `openssl pkey -in KEY -pubout` shows it.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for (i, stage) in cx.workspace.settings.spec.stages.iter().enumerate() {
        let mut seen = Vec::new();
        for (j, text) in stage.signed_by.iter().enumerate() {
            let at = || cx.stage(i, ["signedBy", &j.to_string()]);
            match text.parse::<PublicKey>() {
                Ok(key) if seen.contains(&key) => {
                    out.push(out.error(at(), "this key is in the list twice").help("remove one of the two"));
                }
                Ok(key) => seen.push(key),
                Err(why) => {
                    let help = "write the lines between the first and the last line of `openssl pkey -in KEY -pubout`";
                    out.push(out.error(at(), format!("this is {why}")).help(help));
                }
            }
        }
    }
}
