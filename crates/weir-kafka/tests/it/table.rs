//! `docs/conformance.md`: the requirement of each case, and the systems that it runs on. `WEIR_BLESS=1` rewrites it.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use weir_testkit::conformance::{Ability, CONFLUENT_LACKS, Case, Port, cases};

use crate::conforms::LACKS;

const HEAD: &str = "# Conformance

One suite, in `weir-testkit`, runs the same cases on every implementation of the ports: on the sandbox, on a real Apache
Kafka broker that the tests start themselves, on a fake Confluent Cloud before such a broker, which Confluent's OpenAPI
files judge, and on key vaults on loopback, which Microsoft's own client library has judged. Where the sandbox and a
real system differ, the sandbox is wrong. The suite runs with
`cargo test -p weir-sandbox -p weir-kafka -p weir-confluent -p weir-secrets`; a test of `weir-kafka` compares this page
with the suite.

A dash means that the system lacks an ability that the case needs. Apache Kafka lacks:

";

const ACCOUNTS: &str = "
## A cluster of Apache Kafka brokers in `weir.yaml`

```yaml
clusters:
  onprem:
    apacheKafka:
      bootstrap: broker-1:9093,broker-2:9093
      clusterId: 4L6g3nShT-eMCtK--X86sw          # weir refuses any other cluster at this address
      credentials: {env: ONPREM}                 # ONPREM_USERNAME and ONPREM_PASSWORD
      security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, ca: ca.pem}
secrets: {folder: {path: .weir/vaults}}          # stands in for key vaults
```

With credentials, SASL_SSL and SCRAM-SHA-512 are the defaults; without credentials, SSL. A build that reaches brokers needs
the feature `kafka`, which compiles librdkafka and needs OpenSSL's headers (Debian: `libssl-dev`) and `make`:
`cargo build --release -p weir --features kafka`. The feature `kafka-vendored` also compiles OpenSSL, which needs `perl`.

## Service accounts and API keys on Apache Kafka

A service account is a SCRAM user. Its API key is its SCRAM-SHA-512 credential: a random password of 256 bits. weir tries the
password with a real log-in before it stores it. The consequences:

| Kafka has | so |
| --- | --- |
| one credential for each hash and user | an account has one slot; a second slot would replace the key of the first |
| no overlap: a new credential replaces the old one at once | a client with the old password cannot log in until it reads the new password from the vault |
| only the number of iterations to distinguish credentials | weir gives each new credential another number, and the key's id contains it: `dev-billing#sha512-4711` |
| no user without a credential, no description, no creation time, no mark | weir keeps these in *notes* |

A **note** is an ACL binding that denies the account to describe a transactional id that no client uses. The binding has no
effect; the name of the transactional id holds the data. `kafka-acls --list` shows notes; weir's observations and plans do not:

- `weir.account:<number>:<description>`: the account exists. weir writes this note when it creates the account, and deletes
  both together. A stopped run may leave several; then the highest number counts.
- `weir.key:<iterations>:<created, ms since 1970>:<mark>`: weir created the credential with this number of iterations. weir
  writes the note before the credential, so a run that stops between the two leaves a note without effect, never a
  credential that looks foreign.

A user without notes is an account too, whose keys weir did not create. **weir never replaces a foreign credential**: delete it
by hand (`kafka-configs --alter --delete-config SCRAM-SHA-512 --entity-type users …`) as soon as no client uses it, and plan
again. A SCRAM-SHA-256 credential is reported as a foreign key and left alone.

## The rights that weir needs

On the cluster: Describe, DescribeConfigs (defaults of brokers, their authorizer), Alter (ACLs and SCRAM users). On the topics of its
stages: Describe, DescribeConfigs, AlterConfigs, Alter, Create, Delete; Describe on the groups that read them. A
stage that owns `dev.*` needs Describe as one binding that covers all of `dev.`: Kafka silently omits topics that a client may
not describe, and weir must not take them for absent. weir reports groups that it may not describe, and assumes that they
read a topic. Super users need none of these rights; weir assumes that it is a super user if the cluster lets it alter ACLs
without a binding for that.

## A hundred rounds

`WEIR_ROUNDS=100 cargo test -p pipeline --test kafka -- rounds`: each round deploys other files, disturbs the run, runs the
same plan again, and compares topics, settings, bindings, credentials and secrets with the files, by plain admin calls.

| when | rounds | disturbed by | outcome |
| --- | --- | --- | --- |
| November 2026, Kafka 4.3.1, seed 1 | 100 in 442 s, 4,206 steps, 411 API keys | SIGKILL 33, connections cut and SIGKILL 20, connections cut 7, slow and SIGKILL 20, broker killed 10, broker restarted 10; 49 stopped in the middle | after one more run, all 100 matched the files; no secret was lost or left over, no foreign object was changed |

An earlier run failed at round 66: weir was killed between recovering a deleted secret and storing its key, and the next run
took the plan for stale. weir now continues in this case.

## Limits of librdkafka

librdkafka cannot move replicas: a changed replication factor is a finding. It has no name for bindings on delegation tokens
and on users: weir does not report or change them, and refuses to create one. An answer about SCRAM users holds at most
10,000 users.
";

const ROUNDS: &str = "
## Rounds of faults on Confluent Cloud

`cargo test -p pipeline --test cloud rounds` deploys other files in each round to the fake Confluent Cloud, a real broker and
key vaults, and injects faults: calls that fail, are refused (401, 402, 403), are throttled, come late, or succeed while their
answer is lost, some of them followed by refusals only; runs that are dropped at a call; a `weir-deploy` that gets SIGKILL,
after which the same plan must continue. After each round, each declared key is in exactly one secret of its vault and can log
in, each key is known to a vault, no foreign object has changed, and no output contains a secret.

Every test run has 36 rounds. On 2026-11-28, 200 rounds (`WEIR_ROUNDS=200 WEIR_SEED=1`) all passed, in 11 minutes:

| fault | rounds |
| --- | --- |
| calls of the control plane; of a vault | 36; 23 |
| the run was dropped at a call of the control plane; of a vault | 27; 18 |
| SIGKILL for `weir-deploy` | 33 |
| a write succeeded, its answer was lost, and all later calls were refused: control plane; vault | 12; 16 |
| calls to all systems, at random | 16 |
| no answers from some call on | 9 |
| new objects appeared late, deleted objects disappeared late | 10 |

78 runs were killed, 44 were partly done, 14 could not observe; 64 completed despite the fault. One or two more runs were
always enough. The OpenAPI files judged 22,667 exchanges with the control plane; the outputs were searched for 942 secrets.
";

fn reason(ability: Ability) -> &'static str {
    match ability {
        Ability::SecretSink => "a broker keeps no secrets",
        Ability::SeveralKeys => "a SCRAM user has one credential",
        Ability::ShortAccountNames => "names of SCRAM users have no such limit",
        Ability::MeaninglessOperations => "Kafka's protocol takes any operation for any resource",
        Ability::ChangeReplicationFactor => "librdkafka cannot move replicas",
        other => unreachable!("say why a broker lacks {other:?}"),
    }
}

fn confluents_reason(ability: Ability) -> &'static str {
    match ability {
        Ability::SecretSink => "it keeps no secrets",
        Ability::Hosts => "bindings apply to any address",
        Ability::MeaninglessOperations => "the fake's broker takes any operation for any resource",
        Ability::ChangeReplicationFactor => "topics always have three replicas",
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
    page += "\nConfluent Cloud lacks:\n\n";
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "docs/conformance.md is out of date; write it with WEIR_BLESS=1");
}
