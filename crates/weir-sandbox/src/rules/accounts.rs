//! Service accounts.

use weir_planning::Maker;
use weir_ports::PortError;

use super::room;
use crate::{
    random,
    state::{ACCOUNTS, Account, KEYS},
    transaction::Transaction,
};

/// The longest name on Confluent Cloud, in characters.
const NAME_LENGTH: usize = 64;

pub(crate) fn create(
    on: &mut Transaction<'_>,
    name: &str,
    description: &str,
    maker: Option<&Maker>,
) -> Result<(), PortError> {
    let state = on.state();
    if let Some(found) = state.accounts.get(name) {
        let Account { id: _, description: found, maker: made_by } = found;
        if made_by.as_ref() != maker {
            return Err(PortError::refused(format!(
                "the service account `{name}` exists already; somebody else made it"
            )));
        }
        if found == description {
            return Ok(());
        }
        return Err(PortError::refused(format!(
            "the service account `{name}` exists already, with the description `{found}`"
        )));
    }
    let length = name.chars().count();
    if length == 0 || length > NAME_LENGTH {
        return Err(PortError::refused(format!(
            "the service account name `{name}` has {length} characters; it must have 1 to {NAME_LENGTH}"
        )));
    }
    if name.chars().any(char::is_control) {
        return Err(PortError::refused(format!("the service account name {name:?} holds control characters")));
    }
    room("service accounts", state.accounts.len() as u64 + 1, state.cluster.limits.accounts)?;
    let id = loop {
        let id = random::account_id()?;
        if !state.account_ids.contains(&id) {
            break id;
        }
    };
    let state = on.edit(ACCOUNTS);
    state.account_ids.insert(id.clone());
    state.accounts.insert(name.to_owned(), Account { id, description: description.to_owned(), maker: maker.cloned() });
    Ok(())
}

/// Writes weir's mark on an account.
pub(crate) fn adopt(on: &mut Transaction<'_>, name: &str, maker: &Maker) -> Result<(), PortError> {
    let found = on.state().accounts.get(name).ok_or_else(|| absent(name))?;
    if found.maker.as_ref() != Some(maker)
        && let Some(account) = on.edit(ACCOUNTS).accounts.get_mut(name)
    {
        account.maker = Some(maker.clone());
    }
    Ok(())
}

pub(crate) fn update(on: &mut Transaction<'_>, name: &str, description: &str) -> Result<(), PortError> {
    let found = on.state().accounts.get(name).ok_or_else(|| absent(name))?;
    if found.description != description
        && let Some(account) = on.edit(ACCOUNTS).accounts.get_mut(name)
    {
        description.clone_into(&mut account.description);
    }
    Ok(())
}

/// Deletes an account and its keys. Its ACL bindings stay, as on Confluent Cloud.
pub(crate) fn delete(on: &mut Transaction<'_>, name: &str) {
    if !on.state().accounts.contains_key(name) {
        return;
    }
    if on.state().keys.values().any(|key| key.account == name) {
        on.edit(KEYS).keys.retain(|_, key| key.account != name);
    }
    let state = on.edit(ACCOUNTS);
    if let Some(account) = state.accounts.remove(name) {
        state.account_ids.remove(&account.id);
    }
}

pub(crate) fn absent(name: &str) -> PortError {
    PortError::refused(format!("there is no service account `{name}`"))
}
