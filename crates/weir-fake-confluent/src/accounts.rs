//! Service accounts: `/iam/v2/service-accounts`.

use serde_json::{Value, json};

use super::{
    Gone,
    answer::Answer,
    call::{Call, page},
    state::{self, Account, Organization},
};

/// The longest name, in characters.
const NAME: usize = 64;
/// The longest description, in characters.
const DESCRIPTION: usize = 128;

impl Organization {
    fn account_json(&self, account: &Account, base: &str) -> Value {
        let Account { id, display_name, description, created, updated, deleted, integer_id: _, owner: _ } = account;
        let mut value = json!({
            "api_version": "iam/v2",
            "kind": "ServiceAccount",
            "id": id,
            "metadata": {
                // The service leaves out `iam` in this address.
                "self": format!("{base}/v2/service-accounts/{id}"),
                "resource_name": format!("crn://confluent.cloud/organization={}/service-account={id}", self.id),
                "created_at": created.to_string(),
                "updated_at": updated.to_string(),
            },
            "display_name": display_name,
            "description": description,
        });
        if let Some(at) = deleted {
            value["metadata"]["deleted_at"] = json!(at.to_string());
        }
        value
    }

    fn taken(&self, name: &str, but: &str, base: &str) -> Option<Answer> {
        let other = self.live_accounts().find(|account| account.display_name == name && account.id != but)?;
        let answer =
            Answer::error(409, "resource_already_exists", "Resource Already exists", "Service name is already in use");
        Some(answer.header("location", format!("{base}/iam/v2/service-accounts/{}", other.id)))
    }

    fn account(&self, id: &str) -> Result<&Account, Answer> {
        match self.accounts.get(id) {
            None => Err(Answer::not_found()),
            Some(account) if self.is_gone(account.deleted) => Err(match self.behaviour.deleted_account {
                Gone::Forbidden => Answer::forbidden(),
                Gone::NotFound => Answer::not_found(),
            }),
            Some(account) if !self.is_readable(account.created) => Err(Answer::not_found()),
            Some(account) => Ok(account),
        }
    }
}

pub(super) fn list(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let names: Vec<&str> =
        call.query.iter().filter(|(name, _)| name == "display_name").map(|(_, value)| value.as_str()).collect();
    let shown = org.live_accounts().filter(|account| {
        org.is_listed(account.created) && (names.is_empty() || names.contains(&account.display_name.as_str()))
    });
    let items: Vec<Value> = shown.map(|account| org.account_json(account, call.base)).collect();
    page(org, call, "iam/v2", "ServiceAccountList", 100, &items)
}

pub(super) fn create(org: &mut Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let body = call.object()?;
    let name = text(body, "/display_name", NAME)?
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Answer::invalid("/display_name", "The property '/display_name' is required"))?;
    let description = text(body, "/description", DESCRIPTION)?.unwrap_or_default();
    if let Some(conflict) = org.taken(name, "", call.base) {
        return Err(conflict);
    }
    org.within(state::ACCOUNTS, org.live_accounts().count())?;
    let owner = call.parameter("assigned_resource_owner");
    let kinds = ["sa-", "u-", "pool-", "group-"];
    if let Some(unknown) = owner.filter(|id| !kinds.iter().any(|kind| id.starts_with(kind))) {
        let detail = format!("The owner '{unknown}' is unknown");
        return Err(Answer::invalid_parameter("assigned_resource_owner", &detail));
    }
    let id = org.add_account(name, description);
    if let Some(account) = org.accounts.get_mut(&id) {
        account.owner = owner.map(ToOwned::to_owned);
    }
    let answer = Answer::json(201, &org.account_json(&org.accounts[&id], call.base));
    Ok(answer.header("location", format!("{}/iam/v2/service-accounts/{id}", call.base)))
}

pub(super) fn read(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    Ok(Answer::json(200, &org.account_json(org.account(call.id)?, call.base)))
}

pub(super) fn update(org: &mut Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    org.account(call.id)?;
    let body = call.object()?;
    let name = text(body, "/display_name", NAME)?;
    let description = text(body, "/description", DESCRIPTION)?;
    if name == Some("") {
        return Err(Answer::invalid("/display_name", "The property '/display_name' is empty"));
    }
    if let Some(conflict) = name.and_then(|name| org.taken(name, call.id, call.base)) {
        return Err(conflict);
    }
    let now = org.now();
    if let Some(account) = org.accounts.get_mut(call.id) {
        account.updated = now;
        account.display_name = name.map_or_else(|| account.display_name.clone(), ToOwned::to_owned);
        account.description = description.map_or_else(|| account.description.clone(), ToOwned::to_owned);
    }
    read(org, call)
}

pub(super) fn delete(org: &mut Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    org.account(call.id)?;
    org.remove_account(call.id);
    Ok(Answer::empty(204))
}

/// Returns a text of a body; `None` if the body lacks it.
pub(super) fn text<'a>(body: &'a Value, pointer: &str, longest: usize) -> Result<Option<&'a str>, Answer> {
    match body.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= longest => Ok(Some(text)),
        Some(Value::String(_)) => {
            Err(Answer::invalid(pointer, &format!("The property '{pointer}' is longer than {longest} characters")))
        }
        Some(_) => {
            let detail = format!("The property '{pointer}' did not match the following type: string");
            Err(Answer::invalid(pointer, &detail))
        }
    }
}
