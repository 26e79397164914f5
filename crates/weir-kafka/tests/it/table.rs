//! `docs/conformance.md`: what each case proves, and on what it runs. Written anew with `WEIR_BLESS=1`.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use weir_testkit::conformance::{Ability, CONFLUENT_LACKS, Case, Port, cases};

use crate::conforms::LACKS;

const HEAD: &str = "# Conformance

One suite, in `weir-testkit`, runs the same cases on every implementation of the ports: on the sandbox, on a real Apache
Kafka broker that the tests start themselves, on a fake Confluent Cloud before such a broker, which Confluent's OpenAPI
files judge, and on key vaults on loopback, which Microsoft's own client library has judged. Where they differ, the sandbox
is wrong. They run with `cargo test -p weir-sandbox -p weir-kafka -p weir-confluent -p weir-secrets`; this page is compared
with the suite by the second.

A dash means that the system cannot do what the case is about. Apache Kafka:

";

const ACCOUNTS: &str = "
## A cluster of Apache Kafka brokers in `weir.yaml`

```yaml
clusters:
  onprem:
    apacheKafka:
      bootstrap: broker-1:9093,broker-2:9093
      clusterId: 4L6g3nShT-eMCtK--X86sw          # no other cluster is planned for or deployed to
      credentials: {env: ONPREM}                 # ONPREM_USERNAME and ONPREM_PASSWORD
      security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, ca: ca.pem}
secrets: {folder: {path: .weir/vaults}}          # what plays the key vaults
```

With credentials, SASL_SSL and SCRAM-SHA-512 are the defaults; without, SSL. Brokers are reached by a build with the
feature `kafka`, which compiles librdkafka and needs OpenSSL's headers (Debian: `libssl-dev`) and `make`:
`cargo build --release -p weir --features kafka`. With `kafka-vendored` OpenSSL is compiled along, which needs `perl`.

## Service accounts and API keys on Apache Kafka

A service account is a SCRAM user. Its API key is its SCRAM-SHA-512 credential: a random password of 256 bits, tried by a
real log-in before it is handed out and stored. What follows from that:

| Kafka has | so |
| --- | --- |
| one credential for each hash and user | an account has one slot; a second one would replace the first one's key |
| no overlap: a new credential takes the old one's place at once | whoever still logs in with the old password is out from that moment, until it reads the vault |
| nothing but the number of iterations to tell one credential from the next | each new one has another number, and the key's id names it: `dev-billing#sha512-4711` |
| no user without a credential, no description, no creation time, no mark | these are kept in *notes* |

A **note** is an ACL that denies the account to describe a transactional id nobody uses. It gives nothing and takes
nothing; its name is what is remembered. `kafka-acls --list` shows them, weir's observations and plans do not:

- `weir.account:<number>:<description>`: the account exists. It is written when the account is created and deleted with
  it; of several, left by a run that was stopped, the highest number holds.
- `weir.key:<iterations>:<created, ms since 1970>:<mark>`: weir made the credential with that many iterations. It is
  written before the credential, so a run that is stopped between the two leaves a note that means nothing, never a
  credential that is taken for somebody else's.

A user without notes is an account too, with keys that weir did not make. **weir never replaces a credential that it did
not make**: delete it by hand (`kafka-configs --alter --delete-config SCRAM-SHA-512 --entity-type users …`) when nobody
uses it, and plan again. A SCRAM-SHA-256 credential is shown as such a key and left alone.

## What weir must be allowed

On the cluster: Describe, DescribeConfigs (defaults of brokers, their authorizer), Alter (ACLs and SCRAM users). On the topics of its
stages: Describe, DescribeConfigs, AlterConfigs, Alter, Create, Delete; Describe on the groups that read them. A
stage that owns `dev.*` needs its Describe as one binding that covers all of `dev.`: Kafka lists what may be described
without a word about the rest, and weir does not take that for absence. Groups that may not be described are told of, and
taken for such as read a topic. Super users need none of this; weir takes
itself for one if the cluster lets it alter ACLs although no ACL says so.

## A hundred rounds

`WEIR_ROUNDS=100 cargo test -p pipeline --test kafka -- rounds`: each round deploys other files, disturbs the run, runs the
same plan again, and compares topics, settings, bindings, credentials and secrets with the files by plain admin calls.

| when | rounds | disturbed by | outcome |
| --- | --- | --- | --- |
| November 2026, Kafka 4.3.1, seed 1 | 100 in 442 s, 4,206 steps, 411 API keys | SIGKILL 33, connections cut and SIGKILL 20, cut alone 7, slow and SIGKILL 20, broker killed 10, broker restarted 10; 49 stopped in the middle | all 100 ended as the files say when run once more; no secret lost or left over, nothing of others touched |

The run before it ended at round 66: a deployment that was killed between recovering a deleted secret and storing its key
there was stale when it was run again. It goes on now.

## What librdkafka lacks

Replicas cannot be moved: another replication factor is a finding. Bindings on delegation tokens and on users have no
name in it: they are neither shown nor touched, and granting one is refused. An answer about SCRAM users holds at most
10,000 of them.
";

const ROUNDS: &str = "
## Rounds of faults on Confluent Cloud

`cargo test -p pipeline --test cloud rounds` deploys other files in each round to the fake Confluent Cloud, a real broker and
key vaults, and lets something go wrong: calls that fail, are refused (401, 402, 403), are throttled, come late, or are done
while their answer gets lost, also with nothing but refusals after that; runs that are dropped at a call; a `weir-deploy`
that gets SIGKILL, after which the same plan has to go on. After each round there is each declared key in one secret of its
vault and logs in, no key that no vault knows, nothing changed that is another's, and no secret in whatever was said.

36 rounds are in every test run. 200, of 2026-11-28 (`WEIR_ROUNDS=200 WEIR_SEED=1`), all passed, in 11 minutes:

| what went wrong | rounds |
| --- | --- |
| calls of the control plane; of a vault | 36; 23 |
| the run was dropped at a call of the control plane; of a vault | 27; 18 |
| SIGKILL for `weir-deploy` | 33 |
| a write was done, its answer lost, and from then on all refused: control plane; vault | 12; 16 |
| calls of everybody, at random | 16 |
| from some call on, nobody answered | 9 |
| what was made was seen late, what was deleted went late | 10 |

78 runs were killed, 44 were partly done, 14 could not observe; 64 came to their end all the same. One run more, or two, was
enough. 22,667 exchanges with the control plane were judged by the OpenAPI files, 942 secrets looked for.
";

fn reason(ability: Ability) -> &'static str {
    match ability {
        Ability::SecretSink => "a broker keeps no secrets",
        Ability::SeveralKeys => "a SCRAM user has one credential",
        Ability::ShortAccountNames => "names of SCRAM users may be longer",
        Ability::MeaninglessOperations => "Kafka's protocol takes any operation for any resource",
        Ability::ChangeReplicationFactor => "librdkafka cannot move replicas",
        other => unreachable!("say why a broker lacks {other:?}"),
    }
}

fn confluents_reason(ability: Ability) -> &'static str {
    match ability {
        Ability::SecretSink => "it keeps no secrets",
        Ability::Hosts => "bindings are for any address",
        Ability::MeaninglessOperations => "the fake's broker takes any operation for any resource",
        Ability::ChangeReplicationFactor => "there are three replicas, always",
        other => unreachable!("say why Confluent Cloud lacks {other:?}"),
    }
}

fn table(port: Port) -> String {
    // Key vaults lack nothing: weir-secrets' own test asks for all cases. So does the sandbox's.
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
fn the_page_is_what_the_suite_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "docs/conformance.md is out of date; write it with WEIR_BLESS=1");
}
