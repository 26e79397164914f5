//! A fake Confluent Cloud to try out, or to test tools in any language against.
//!
//! ```text
//! cargo run -p weir-fake-confluent --example fake-confluent -- [--port PORT] [--brokers]
//! ```
//!
//! Prints `KEY=VALUE` lines, fit for `eval`, and runs until its input ends. With `--brokers`, the cluster has
//! brokers: a real broker from `tools/kafka/kafka-up`, behind a front with TLS; `CLUSTER_API_KEY` then has all rights
//! on it.
#![expect(clippy::print_stdout, reason = "printing is the purpose of this program")]

use std::io::Read as _;

use weir_fake_confluent::{BROKER, FakeConfluent, Tls};
use weir_testkit::Broker;

fn main() -> Result<(), String> {
    let mut port = 0;
    let mut brokers = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--brokers" => brokers = true,
            "--port" => {
                let number = arguments.next().and_then(|text| text.parse().ok());
                port = number.ok_or("--port needs a number")?;
            }
            other => return Err(format!("unknown argument {other}; there are --port PORT and --brokers")),
        }
    }

    let cloud = FakeConfluent::builder().port(port).start();
    let (cluster, key) = (cloud.cluster(), cloud.cloud_key());
    println!("CONFLUENT_CLOUD_URL={}", cloud.url());
    println!("CONFLUENT_CLOUD_API_KEY={}\nCONFLUENT_CLOUD_API_SECRET={}", key.id, key.secret);
    println!("ENVIRONMENT={}\nCLUSTER={cluster}", cloud.environment());
    let broker = if brokers { Broker::start(&BROKER) } else { None };
    if let Some(broker) = &broker {
        cloud.attach(cluster, broker.bootstrap(), broker.admin(), Tls::On);
        let key = cloud.create_key(&key.owner, Some(cluster), "cluster administrator");
        println!("BOOTSTRAP={}\nCA={}", cloud.bootstrap(cluster), cloud.ca().display());
        println!("CLUSTER_API_KEY={}\nCLUSTER_API_SECRET={}", key.id, key.secret);
    }
    // Standard input ends when the parent process closes it, or ends itself.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}
