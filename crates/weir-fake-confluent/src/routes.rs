//! Dispatches requests to the operations.

use super::{
    Operation, accounts,
    answer::Answer,
    call::Call,
    clusters, keys, quotas,
    state::{ApiKey, Organization},
};

/// Carries out a request.
pub(super) fn handle(org: &mut Organization, call: &Call<'_>) -> Answer {
    answer(org, call).unwrap_or_else(|refusal| refusal)
}

fn answer(org: &mut Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    use Operation as O;
    if call.operation == O::ListTopics {
        return clusters::list_topics(org, call);
    }
    log_in(org, call)?;
    match call.operation {
        O::ListAccounts => accounts::list(org, call),
        O::CreateAccount => accounts::create(org, call),
        O::ReadAccount => accounts::read(org, call),
        O::UpdateAccount => accounts::update(org, call),
        O::DeleteAccount => accounts::delete(org, call),
        O::ListKeys => keys::list(org, call),
        O::CreateKey => keys::create(org, call),
        O::ReadKey => keys::read(org, call),
        O::UpdateKey => keys::update(org, call),
        O::DeleteKey => keys::delete(org, call),
        O::ListEnvironments => clusters::list_environments(org, call),
        O::ReadEnvironment => clusters::read_environment(org, call),
        O::ListClusters => clusters::list(org, call),
        O::ReadCluster => clusters::read(org, call),
        O::ListQuotas => quotas::list(org, call),
        O::ReadQuota => quotas::read(org, call),
        O::ListTopics => Err(Answer::not_found()),
    }
}

/// Checks the login. The control plane accepts Cloud API keys only.
fn log_in<'o>(org: &'o Organization, call: &Call<'_>) -> Result<&'o ApiKey, Answer> {
    call.login
        .and_then(|(id, secret)| org.authenticate(id, secret))
        .filter(|key| key.cluster.is_none() && org.cloud_knows(key))
        .ok_or_else(Answer::unauthenticated)
}
