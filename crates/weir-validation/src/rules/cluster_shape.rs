use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};
use weir_model::{ApacheKafka, ConfluentCloud, CredentialRef, ProviderRef, Sandbox, SaslMechanism};

use crate::{
    Rule,
    context::Context,
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "cluster-shape",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "clusters that can be reached and recognised",
        what: "A Confluent Cloud cluster has an environment `env-…` and an id `lkc-…`; an Apache Kafka cluster a \
               `bootstrap` of `host:port`s and an id; a sandbox a path, and at least one broker. The address of the \
               control plane begins with `https`; `http` is allowed for tests on the same machine. `assignedOwner` is \
               an id that begins with `sa-`, `u-`, `pool-` or `group-`. The brokers have either `bootstrap` or \
               `endpoint`. Credentials in a key vault are given by the secret's address. OAUTHBEARER takes a file \
               with a token in place of credentials. Two names for one cluster are a warning.",
        why: "Deployment compares the id with the id of the cluster that it reaches. With a wrong id in the file, it \
              refuses the right cluster.",
        bad: "clusters: {prod: {confluentCloud: {environment: production, cluster: lkc-c3}}}",
        good: "clusters: {prod: {confluentCloud: {environment: env-x2, cluster: lkc-c3}}}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let mut first = BTreeMap::new();
    for (name, cluster) in &cx.workspace.settings.spec.clusters {
        match cluster.provider() {
            Some(ProviderRef::ConfluentCloud(cloud)) => confluent(cx, out, name, cloud),
            Some(ProviderRef::ApacheKafka(kafka)) => apache_kafka(cx, out, name, kafka),
            Some(ProviderRef::Sandbox(folder)) => sandbox(cx, out, name, folder),
            None => {}
        }
        if let Some(id) = cluster.identity()
            && let Some(other) = first.insert(id, name)
        {
            let finding = out
                .warning(cx.settings(["clusters", name]), format!("`{name}` and `{other}` are the same cluster"))
                .help("declare the cluster once, and use that name in the stages")
                .related(cx.settings(["clusters", other]), "the other one");
            out.push(finding);
        }
    }
}

fn apache_kafka(cx: &Context<'_>, out: &mut Out, name: &str, kafka: &ApacheKafka) {
    if let Some(broker) = kafka.bootstrap.split(',').find(|broker| !is_address(broker.trim())) {
        let at = cx.settings(["clusters", name, "apacheKafka", "bootstrap"]);
        let message = format!("`{}` is not `host:port`", broker.trim());
        out.push(out.error(at, message).help("write `broker-1:9092`, several separated by commas"));
    }
    credentials(cx, out, &["clusters", name, "apacheKafka"], kafka.credentials.as_ref());
    tokens(cx, out, name, kafka);
    if kafka.cluster_id.trim().is_empty() {
        let at = cx.settings(["clusters", name, "apacheKafka", "clusterId"]);
        let help = "write the id that `kafka-cluster.sh cluster-id` prints";
        out.push(out.error(at, "the cluster's id is empty").help(help));
    }
}

fn sandbox(cx: &Context<'_>, out: &mut Out, name: &str, sandbox: &Sandbox) {
    if sandbox.path.trim().is_empty() {
        let at = cx.settings(["clusters", name, "sandbox", "path"]);
        out.push(out.error(at, "the sandbox's path is empty").help("write a folder, as in `.weir/local`"));
    }
    if sandbox.brokers == Some(0) {
        let at = cx.settings(["clusters", name, "sandbox", "brokers"]);
        out.push(out.error(at, "a cluster needs at least one broker, found 0").help("write 3, or leave it out"));
    }
}

/// Checks the tokens of OAUTHBEARER: the mechanism and `tokens` need each other, and exclude `credentials`.
fn tokens(cx: &Context<'_>, out: &mut Out, name: &str, kafka: &ApacheKafka) {
    let at = |rest: &[&str]| cx.settings(["clusters", name, "apacheKafka"].iter().chain(rest).copied());
    let is_bearer = |mechanism: SaslMechanism| mechanism == SaslMechanism::OauthBearer;
    match (kafka.security.mechanism, &kafka.security.tokens) {
        (Some(mechanism), None) if is_bearer(mechanism) => {
            let message = "OAUTHBEARER needs a token, and weir does not fetch tokens";
            let help = "name the file that holds the token: `tokens: {file: PATH}` beside `mechanism`";
            out.push(out.error(at(&["security", "mechanism"]), message).help(help));
        }
        (Some(mechanism), Some(_)) if !is_bearer(mechanism) => {
            let message = format!("tokens are for OAUTHBEARER, not for {mechanism}");
            out.push(out.error(at(&["security", "mechanism"]), message).help("leave the mechanism out"));
        }
        (_, Some(tokens)) if tokens.file.trim().is_empty() => {
            let help = "write the file's path, as in `/var/run/secrets/kafka/token`";
            out.push(out.error(at(&["security", "tokens", "file"]), "the path of the token file is empty").help(help));
        }
        (_, Some(_)) if kafka.credentials.is_some() => {
            let message = "there are `credentials` and `tokens`: two ways to log in";
            out.push(out.error(at(&["security", "tokens"]), message).help("leave one of them out"));
        }
        _ => {}
    }
}

fn confluent(cx: &Context<'_>, out: &mut Out, name: &str, cloud: &ConfluentCloud) {
    let path = ["clusters", name, "confluentCloud"];
    let at = |rest: &[&str]| cx.settings(path.iter().chain(rest).copied());
    for (field, value, beginning) in
        [("environment", &cloud.environment, "env-"), ("cluster", &cloud.cluster, "lkc-")]
    {
        if !is_id(value, beginning) {
            let message = format!("`{value}` is not a valid `{field}` id");
            out.push(out.error(at(&[field]), message).help(format!("write the id that begins with `{beginning}`")));
        }
    }
    if let Some(api) = cloud.api.as_deref().filter(|api| !is_control_plane(api)) {
        let message = format!("`{api}` is not the https address of a control plane");
        out.push(out.error(at(&["api"]), message).help("leave it out, or write `https://api.confluent.cloud`"));
    }
    let owners = ["sa-", "u-", "pool-", "group-"];
    let is_owner = |id: &&str| owners.iter().any(|beginning| is_id(id, beginning));
    if let Some(owner) = cloud.assigned_owner.as_deref().filter(|id| !is_owner(id)) {
        let help = "write the id of a service account, a user, an identity pool or a group mapping: `sa-…`, `u-…`, \
                    `pool-…`, `group-…`";
        out.push(out.error(at(&["assignedOwner"]), format!("`{owner}` is not the id of an owner")).help(help));
    }
    let limits = cloud.limits.unwrap_or_default();
    for (field, limit) in [("partitions", limits.partitions), ("aclBindings", limits.acl_bindings)] {
        if limit == Some(0) {
            let finding = out.error(at(&["limits", field]), "a limit of 0 allows nothing");
            out.push(finding.help("write the cluster's limit, or leave the field out"));
        }
    }
    credentials(cx, out, &path, cloud.credentials.as_ref());
    let Some(kafka) = &cloud.kafka else { return };
    credentials(cx, out, &["clusters", name, "confluentCloud", "kafka"], kafka.credentials.as_ref());
    if let Some(endpoint) = kafka.endpoint.as_deref() {
        let at = at(&["kafka", "endpoint"]);
        if endpoint.is_empty() || !endpoint.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            let help = "write `PUBLIC`, `PRIVATE_LINK`, or the id of the access point";
            out.push(out.error(at, format!("`{endpoint}` is not the id of an access point")).help(help));
        } else if kafka.bootstrap.is_some() {
            let help = "leave one of them out";
            out.push(out.error(at, "`bootstrap` already names the brokers").help(help));
        }
    }
    let Some(bootstrap) = kafka.bootstrap.as_deref() else { return };
    // The address may have a protocol in front, as Confluent writes it. An unencrypted connection is accepted to this
    // machine only, for tests.
    let here = bootstrap.strip_prefix("SASL_PLAINTEXT://");
    let brokers = here.or_else(|| bootstrap.strip_prefix("SASL_SSL://")).unwrap_or(bootstrap);
    let fits = |one: &&str| is_address(one.trim()) && (here.is_none() || is_here(one.trim()));
    if let Some(broker) = brokers.split(',').find(|one| !fits(one)) {
        let message = match here {
            Some(_) if is_address(broker.trim()) => format!("a login at `{}` would not be encrypted", broker.trim()),
            _ => format!("`{}` is not `host:port`", broker.trim()),
        };
        let help = "write the cluster's bootstrap server, as in `pkc-1.westeurope.azure.confluent.cloud:9092`";
        out.push(out.error(at(&["kafka", "bootstrap"]), message).help(help));
    }
}

fn credentials(cx: &Context<'_>, out: &mut Out, path: &[&str], credentials: Option<&CredentialRef>) {
    let Some(url) = credentials.and_then(|credentials| credentials.key_vault.as_deref()) else { return };
    let secret = url.strip_prefix("https://").and_then(|rest| rest.split_once("/secrets/"));
    let plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "@?#".contains(c));
    if !secret.is_some_and(|(host, name)| plain(host) && !host.contains('/') && plain(name)) {
        let at = cx.settings(path.iter().chain(&["credentials", "keyVault"]).copied());
        let help = "write `https://<vault>.vault.azure.net/secrets/<name>`";
        out.push(out.error(at, format!("`{url}` is not the address of a secret")).help(help));
    }
}

/// Returns `true` if `text` is `beginning` followed by letters or digits.
fn is_id(text: &str, beginning: &str) -> bool {
    let rest = text.strip_prefix(beginning).filter(|rest| !rest.is_empty());
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Returns `true` if `url` is an https address of a host, or an http address of this machine.
fn is_control_plane(url: &str) -> bool {
    let (https, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return false,
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.is_empty() || authority.contains(|c: char| c.is_whitespace() || "/@?#".contains(c)) {
        return false;
    }
    https || is_here(authority)
}

/// Returns `true` if `host` or `host:port` is this machine.
fn is_here(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(char::is_whitespace) && !host.contains("://") && port.parse::<u16>().is_ok_and(|p| p > 0)
    })
}
