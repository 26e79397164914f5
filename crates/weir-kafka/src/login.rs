//! Tests a new credential by logging in.

use std::time::Duration;

use weir_ports::{ErrorKind, PortError, SecretString};
use weir_rdkafka_admin::Admin;
use weir_retry::Pauses;

use crate::{
    Options,
    failure::{self, Purpose},
};

/// Pauses until a credential has come from the controller to the answering broker.
const ARRIVAL: Pauses = Pauses::new(Duration::from_millis(50), Duration::from_secs(1), Duration::from_secs(20));
/// Time limit of one login.
const TRY: Duration = Duration::from_millis(2_000);

/// Logs in as `account`.
///
/// # Errors
/// `Denied` if the broker still refuses at the end; other errors if no login could be tried.
pub(crate) async fn check(options: &Options, account: &str, password: &SecretString) -> Result<(), PortError> {
    let config = options.account_config(account, password);
    let admin = Admin::new(&config).map_err(|e| failure::call(e, Purpose::Read, "cannot make a client"))?;
    let what = format!("the new credential of `{account}` is not let in");
    let asked = weir_rdkafka_admin::Options::new().request_timeout(TRY);
    let mut looks = Pauses { deadline: ARRIVAL.deadline.min(options.timeout), ..ARRIVAL }.begin();
    loop {
        let Err(error) = admin.describe_cluster(&asked).await else { return Ok(()) };
        let error = failure::call(error, Purpose::Read, &what);
        let hopeless = error.kind == ErrorKind::Unavailable;
        if hopeless || !looks.wait().await {
            return Err(error);
        }
    }
}
