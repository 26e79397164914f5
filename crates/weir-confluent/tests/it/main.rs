//! The adapter against hosts with scripted answers, and against the fake Confluent Cloud.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod brokers;
mod calls;
mod changes;
mod conforms;
mod fake;
mod planes;
mod script;

use std::time::Duration;

use weir_confluent::{ApiKey, ConfluentCloud, Control, Options};

/// A secret that no output may contain.
const CANARY: &str = "c4n4ry-s3cret";

fn key(id: &str) -> ApiKey {
    ApiKey { id: id.to_owned(), secret: CANARY.into() }
}

fn control(url: &str) -> Control {
    Control {
        api: url.to_owned(),
        timeout: Duration::from_secs(2),
        patience: Duration::from_secs(20),
        ..Control::new("env-x1", key("CLOUD"))
    }
}

/// Returns a client with the control plane alone, at `url`.
fn cloud(url: &str) -> ConfluentCloud {
    cloud_with(control(url))
}

fn cloud_with(control: Control) -> ConfluentCloud {
    ConfluentCloud::new(Options { cluster: "lkc-a1".to_owned(), control: Some(control), data: None }).unwrap()
}

/// The mark of the tests' objects.
pub(crate) fn maker() -> weir_planning::Maker {
    weir_planning::Maker { workspace: "acme".to_owned(), stage: "dev".to_owned() }
}
