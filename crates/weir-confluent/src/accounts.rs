//! Changes of service accounts.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use weir_planning::{Maker, is_reserved_description};
use weir_ports::{ErrorKind, PortError};

use crate::{
    ConfluentCloud,
    answer::Account,
    apply::{Answer, for_all},
    cloud::FEW,
    control::ControlPlane,
    request::NAME,
};

/// The largest number of calls at the same time; the budget decides their rate.
const AT_ONCE: usize = 4;
/// The longest description, in characters.
const DESCRIPTION: usize = 128;

/// A change of a service account.
#[derive(Clone, Copy)]
pub(crate) enum AccountChange<'a> {
    Adopt { maker: &'a Maker },
    Create { description: &'a str, maker: &'a Maker },
    Update { to: &'a str },
    Delete,
}

/// Carries out changes of the accounts that are named beside them.
pub(crate) async fn apply(cloud: &ConfluentCloud, changes: &[(&str, AccountChange<'_>)]) -> Vec<Answer> {
    if changes.is_empty() {
        return Vec::new();
    }
    let control = match cloud.control() {
        Ok(control) => control,
        Err(error) => return for_all(changes.len(), &error),
    };
    // Accounts are looked up again before a change or deletion: since the last look, another account may have taken
    // the name.
    let named: BTreeSet<&str> = changes
        .iter()
        .filter(|(_, change)| !matches!(change, AccountChange::Create { .. }))
        .map(|(account, _)| *account)
        .collect();
    let named: Vec<&str> = named.into_iter().collect();
    let found = match named.as_slice() {
        [] => Ok(Vec::new()),
        few if few.len() <= FEW => control.accounts(Some(few)).await,
        _ => control.accounts(None).await,
    };
    let found = found.map_err(PortError::from);
    let known = |name: &str| match &found {
        Ok(found) => Ok(found.iter().find(|account| account.display_name == name)),
        Err(error) => Err(error.copy_for_item()),
    };
    let mut answers = Vec::with_capacity(changes.len());
    for (account, change) in changes {
        answers.push(async {
            match change {
                AccountChange::Adopt { maker } => adopt(control, account, known(account)?, maker).await,
                AccountChange::Create { description, maker } => {
                    create(cloud, control, account, &maker.sign(description)).await
                }
                AccountChange::Update { to } => update(control, account, known(account)?, to).await,
                AccountChange::Delete => delete(cloud, control, account, known(account)?).await,
            }
        });
    }
    stream::iter(answers).buffered(AT_ONCE).collect().await
}

async fn create(cloud: &ConfluentCloud, control: &ControlPlane, name: &str, description: &str) -> Answer {
    if name.is_empty() || name == "*" || name.chars().any(char::is_control) {
        return Err(PortError::refused(format!("`{name}` is not a valid name of a service account")));
    }
    if name.chars().count() > NAME {
        return Err(PortError::refused(format!("the name `{name}` has more than {NAME} characters")));
    }
    check_description(name, description)?;
    let failure = match control.create_account(name, description).await {
        Ok(account) => {
            cloud.memory().ids.insert(name.to_owned(), account.id);
            return Ok(());
        }
        Err(failure) => failure,
    };
    let taken = failure.status() == Some(409) || failure.detail.contains("already in use");
    if !taken && failure.kind() != ErrorKind::Ambiguous {
        return Err(failure.into());
    }
    // The name is taken: perhaps by this creation, if only its answer was lost.
    let Ok(found) = control.accounts(Some(&[name])).await else { return Err(failure.into()) };
    match found.into_iter().next() {
        Some(account) if account.description == description => {
            cloud.memory().ids.insert(name.to_owned(), account.id);
            Ok(())
        }
        Some(account) => Err(PortError::refused(format!(
            "the service account `{name}` exists already, with the description `{}`",
            account.description
        ))),
        None => Err(failure.into()),
    }
}

/// Changes a description, and leaves weir's mark at its end.
async fn update(control: &ControlPlane, name: &str, found: Option<&Account>, to: &str) -> Answer {
    let Some(account) = found else { return Err(absent(name)) };
    let to = match Maker::signed(&account.description).1 {
        Some(maker) => maker.sign(to),
        None if is_reserved_description(to) => {
            return Err(PortError::refused(format!("the description of `{name}` ends like weir's own mark: `{to}`")));
        }
        None => to.to_owned(),
    };
    describe(control, name, account, &to).await
}

/// Writes weir's mark at the end of a description.
async fn adopt(control: &ControlPlane, name: &str, found: Option<&Account>, maker: &Maker) -> Answer {
    let Some(account) = found else { return Err(absent(name)) };
    let (description, _) = Maker::signed(&account.description);
    describe(control, name, account, &maker.sign(description)).await
}

async fn describe(control: &ControlPlane, name: &str, account: &Account, to: &str) -> Answer {
    check_description(name, to)?;
    if account.description == to { Ok(()) } else { Ok(control.update_account(&account.id, to).await?) }
}

fn absent(name: &str) -> PortError {
    PortError::refused(format!("there is no service account `{name}`"))
}

async fn delete(cloud: &ConfluentCloud, control: &ControlPlane, name: &str, found: Option<&Account>) -> Answer {
    if let Some(account) = found
        && let Err(failure) = control.delete_account(&account.id).await
    {
        // Confluent answers 403 or 404 for a deleted account, and 403 for a foreign one as well: the list decides.
        if !matches!(failure.status(), Some(403 | 404)) {
            return Err(failure.into());
        }
        if control.accounts(Some(&[name])).await?.iter().any(|seen| seen.id == account.id) {
            return Err(failure.although_listed());
        }
    }
    cloud.memory().ids.remove(name);
    Ok(())
}

fn check_description(name: &str, description: &str) -> Answer {
    match description.chars().count() {
        ..=DESCRIPTION => Ok(()),
        long => Err(PortError::refused(format!(
            "the description of `{name}` has {long} characters with weir's mark; Confluent Cloud accepts {DESCRIPTION}"
        ))),
    }
}
