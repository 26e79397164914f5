//! `docs/conformance.md`: the requirement of each case, and the systems that it runs on. `WEIR_BLESS=1` rewrites it.

use std::{collections::BTreeSet, fmt::Write as _};

use weir_testkit::conformance::{Ability, CONFLUENT_LACKS, Case, Port, cases};

use crate::conforms::LACKS;

const HEAD: &str = "# Conformance

One suite, in `weir-testkit`, runs the same cases on every implementation of the ports:

- the sandbox,
- a real Apache Kafka broker, started by the tests,
- a fake Confluent Cloud in front of such a broker; Confluent's OpenAPI files judge its answers,
- key vaults on loopback, checked with Microsoft's own client library.

If two of them differ, the sandbox is wrong. `cargo test -p weir-sandbox -p weir-kafka -p weir-confluent -p weir-secrets`
runs the suite. A test of `weir-kafka` compares this page with the suite.

A dash means that the system lacks the ability that the case needs. Apache Kafka:

";

const ACCOUNTS: &str = "
## A cluster of Apache Kafka brokers in `weir.yaml`

```yaml
clusters:
  onprem:
    apacheKafka:
      bootstrap: broker-1:9093,broker-2:9093
      clusterId: 4L6g3nShT-eMCtK--X86sw          # weir refuses any other cluster
      credentials: {env: ONPREM}                 # ONPREM_USERNAME and ONPREM_PASSWORD
      security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, ca: ca.pem}
secrets: {folder: {path: .weir/vaults}}          # a folder in place of key vaults
```

With credentials, the defaults are SASL_SSL and SCRAM-SHA-512; without them, SSL. Only a build with the feature `kafka`
reaches brokers: `cargo build --release -p weir --features kafka`. It compiles librdkafka and needs OpenSSL's headers
(Debian: `libssl-dev`) and `make`. The feature `kafka-vendored` compiles OpenSSL too, and needs `perl`.

## Service accounts and API keys on Apache Kafka

A service account is a SCRAM user. Its API key is its SCRAM-SHA-512 credential: a random password of 256 bits. weir tests it
with a real login before it stores it. The consequences:

| property of Kafka | consequence |
| --- | --- |
| one credential for each hash and user | an account has one slot; the key of a second slot would replace the key of the first |
| no overlap: a new credential replaces the old one at once | an application with the old password cannot log in until it reads the vault again |
| only the number of iterations distinguishes one credential from the next | each new credential has another number, and the key's id contains it: `dev-billing#sha512-4711` |
| no user without a credential, no description, no creation time, no mark | weir keeps them in *notes* |

A **note** is an ACL binding that denies the account to describe a transactional id that does not exist. The binding has no
effect; its name holds the information. `kafka-acls --list` shows notes, weir's observations and plans leave them out:

- `weir.account:<number>:<workspace>/<stage>:<description>`: the account exists, and that stage made it or took it over.
  weir writes the note when it creates the account, and deletes it with the account. If an interrupted run left several,
  the highest number counts.
- `weir.key:<iterations>:<created, ms since 1970>:<mark>`: weir made the credential with that number of iterations.
  weir writes the note before the credential, so a run that is interrupted between the two leaves a note without effect, and
  no credential that looks like somebody else's.

No file can ask for such a binding, and weir refuses it in a plan: transactional ids that begin with `weir.` are reserved.
A note about a credential counts only if the credential has its number of iterations, and never for 4096, which Kafka's tools
choose. A principal with Alter on the cluster can forge a note; it can also give itself every right.

A user without notes is an account too, with keys that weir did not make. **weir never replaces a credential that it did
not make**: make sure that it is unused, delete it by hand
(`kafka-configs --alter --delete-config SCRAM-SHA-512 --entity-type users …`), and plan again. weir shows a SCRAM-SHA-256
credential as such a key and leaves it alone.

## Rights of weir's principal

[apache-kafka.md](apache-kafka.md#rights-of-weirs-principal) lists the rights. Super users need none of them: weir assumes
that it is a super user if the cluster lets it alter ACLs without an ACL binding that allows it.

## A hundred rounds

`WEIR_ROUNDS=100 cargo test -p pipeline --test kafka -- rounds`: each round deploys other files, disturbs the run, and
runs the same plan again. Then it compares topics, settings, ACL bindings, credentials and secrets with the files, through
plain admin calls.

| when | rounds | disturbed by | outcome |
| --- | --- | --- | --- |
| November 2026, Kafka 4.3.1, seed 1 | 100 in 442 s, 4,206 steps, 411 API keys | SIGKILL 33, connections cut and SIGKILL 20, cut alone 7, slow and SIGKILL 20, broker killed 10, broker restarted 10; 49 stopped in the middle | after one more run, all 100 matched the files; no secret was lost or left over, no foreign object was touched |

The series before it failed in round 66: a deployment was killed between recovering a deleted secret and storing its key
there, and the same plan was stale in the next run. That is mended.

## Limits of librdkafka

librdkafka cannot move replicas: another replication factor is a finding. It has no name for ACL bindings on delegation
tokens and on users: weir does not show or touch them, and refuses to create one. An answer about SCRAM users holds at most
10,000 users.
";

const ROUNDS: &str = "
## Rounds of faults on Confluent Cloud

In each round, `cargo test -p pipeline --test cloud rounds` deploys other files to the fake Confluent Cloud, a real broker and
key vaults, and causes a fault:

- calls fail, are refused (401, 402, 403), are throttled or delayed, or are done and their answer is lost, with or without
  refusals of all later calls;
- a run is dropped at a call;
- `weir-deploy` gets SIGKILL, and the same plan must continue.

After each round, every declared key is in one secret of its vault and can log in, every key is in a vault, no foreign object
was changed, and no output holds a secret.

Every test run has 36 rounds. A series of 200, of 2026-11-28 (`WEIR_ROUNDS=200 WEIR_SEED=1`), passed in 11 minutes:

| fault | rounds |
| --- | --- |
| calls of the control plane; of a vault | 36; 23 |
| the run was dropped at a call of the control plane; of a vault | 27; 18 |
| SIGKILL for `weir-deploy` | 33 |
| a write was done, its answer was lost, and all later calls were refused: control plane; vault | 12; 16 |
| calls of every remote side, at random | 16 |
| no answers from a certain call on | 9 |
| new objects appeared late, deleted ones disappeared late | 10 |

78 runs were killed, 44 were partly done, 14 could not observe, and 64 finished in spite of the fault. One or two more runs
were enough. The OpenAPI files judged 22,667 exchanges with the control plane; the output was searched for 942 secrets.
";

fn reason(ability: Ability) -> &'static str {
    match ability {
        Ability::SecretSink => "a broker stores no secrets",
        Ability::SeveralKeys => "a SCRAM user has one credential",
        Ability::ShortAccountNames => "names of SCRAM users may be longer",
        Ability::MeaninglessOperations => "Kafka's protocol takes any operation for any resource",
        Ability::ChangeReplicationFactor => "librdkafka cannot move replicas",
        other => unreachable!("say why a broker lacks {other:?}"),
    }
}

fn confluents_reason(ability: Ability) -> &'static str {
    match ability {
        Ability::SecretSink => "it stores no secrets",
        Ability::Hosts => "bindings are for any address",
        Ability::MeaninglessOperations => "the fake's broker takes any operation for any resource",
        Ability::ChangeReplicationFactor => "there are three replicas, always",
        other => unreachable!("say why Confluent Cloud lacks {other:?}"),
    }
}

fn table(port: Port) -> String {
    // Key vaults and the sandbox lack nothing: the tests of weir-secrets and weir-sandbox demand all cases.
    let others: Vec<(&str, BTreeSet<Ability>)> = match port {
        Port::Cluster => vec![("Kafka", LACKS.into()), ("Confluent Cloud", CONFLUENT_LACKS.into())],
        Port::SecretSink => vec![("Key Vault", BTreeSet::new())],
    };
    let mut table = "| case | proves | sandbox |".to_owned();
    others.iter().for_each(|(name, _)| write!(table, " {name} |").unwrap());
    table += "\n| --- | --- | --- |";
    table += &" --- |".repeat(others.len());
    table += "\n";
    for Case { name, proves, needs, .. } in cases().iter().filter(|case| case.port == port) {
        write!(table, "| `{name}` | {} | ✓ |", proves.replace('|', "\\|")).unwrap();
        for (_, lacks) in &others {
            let passes = if needs.iter().any(|need| lacks.contains(need)) { "–" } else { "✓" };
            write!(table, " {passes} |").unwrap();
        }
        table += "\n";
    }
    table
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for ability in LACKS {
        writeln!(page, "- `{ability:?}`: {}", reason(ability)).unwrap();
    }
    page += "\nConfluent Cloud:\n\n";
    for ability in CONFLUENT_LACKS {
        writeln!(page, "- `{ability:?}`: {}", confluents_reason(ability)).unwrap();
    }
    for (title, port) in [("Cluster", Port::Cluster), ("SecretSink", Port::SecretSink)] {
        write!(page, "\n## `{title}`\n\n{}", table(port)).unwrap();
    }
    page + ROUNDS + ACCOUNTS
}

#[test]
fn the_page_matches_the_suite() {
    weir_testkit::expect(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md"), &page());
}
