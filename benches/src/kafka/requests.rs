//! Counts the requests that weir sends. The counts are taken in this process, where the client can be asked; they are
//! not timed.

use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use weir_deployment::{MemoryJournal, Options, Ports, deploy};
use weir_kafka::{Kafka, Login, SaslMechanism, SecurityProtocol};
use weir_pipeline::{query, read};
use weir_planning::{PlanOptions, desired, plan};
use weir_ports::{Cluster as _, SystemClock};
use weir_sandbox::{Faults, Vaults};
use weir_testkit::Broker;

/// Observes the state for a plan. Returns the number of requests.
pub(super) async fn of_plan(broker: &Broker, dir: &Path) -> Result<u64> {
    let loaded = read(dir)?.loaded;
    let workspace = loaded.workspace.as_ref().context("the workspace cannot be read")?;
    let kafka = client(broker)?;
    kafka.observe(&query(&desired(&workspace.stage("dev")?, Timestamp::now()))).await?;
    Ok(kafka.requests())
}

/// Plans and deploys. Returns the number of requests for the deployment.
pub(super) async fn of_deploy(broker: &Broker, dir: &Path) -> Result<u64> {
    let loaded = read(dir)?.loaded;
    let workspace = loaded.workspace.as_ref().context("the workspace cannot be read")?;
    let wanted = desired(&workspace.stage("dev")?, Timestamp::now());
    let seen = client(broker)?.observe(&query(&wanted)).await?;
    let outcome = plan(&wanted, &seen, &PlanOptions { now: Timestamp::now(), commit: None });
    let kafka = client(broker)?;
    let vaults = Vaults::open(dir.join(".weir"), Faults::default())?;
    let mut journal = MemoryJournal::default();
    let ports = Ports { cluster: &kafka, vaults: &vaults, clock: &SystemClock, journal: &mut journal, progress: &() };
    deploy(&outcome.plan, ports, &Options::default()).await?;
    Ok(kafka.requests())
}

fn client(broker: &Broker) -> Result<Kafka> {
    let (username, password) = broker.admin();
    let login = Login {
        mechanism: SaslMechanism::ScramSha512,
        username: username.to_owned(),
        password: password.into(),
        tokens: None,
    };
    let protocol = SecurityProtocol::SaslPlaintext;
    let options = weir_kafka::Options { protocol, login: Some(login), ..weir_kafka::Options::new(broker.bootstrap()) };
    Ok(Kafka::new(options)?)
}
