//! Applies a plan to an observed state in memory, as a deployment would to a cluster.

use weir_planning::*;

/// Carries out one step.
pub(crate) fn apply_step(step: &Step, plan: &Plan, state: &mut Observed) {
    let topic = |state: &mut Observed, name: &String, change: &dyn Fn(&mut ObservedTopic)| {
        change(state.topics.get_mut(name).expect("a step changes what is there"));
    };
    match &step.change {
        Change::AdoptAccount { account, from: _, maker } => {
            state.accounts.get_mut(account).unwrap().maker = Some(maker.clone());
        }
        Change::CreateAccount { account, description, maker } => {
            let (description, maker) = (description.clone(), Some(maker.clone()));
            let new = ObservedAccount { id: "sa-new".to_owned(), description, maker };
            assert!(state.accounts.insert(account.clone(), new).is_none());
        }
        Change::UpdateAccount { account, from: _, to } => {
            state.accounts.get_mut(account).unwrap().description.clone_from(to);
        }
        Change::CreateTopic { topic, partitions, replication_factor, config } => {
            let new = ObservedTopic {
                topic_id: "new".to_owned(),
                partitions: partitions.unwrap_or(state.cluster.default_partitions),
                replication_factor: replication_factor.unwrap_or(state.cluster.default_replication_factor),
                config: config.clone(),
                mirror: false,
                facts: None,
            };
            assert!(state.topics.insert(topic.clone(), new).is_none());
        }
        Change::AddPartitions { topic: name, from, to } => topic(state, name, &|t| {
            assert!(t.partitions == *from && to > from);
            t.partitions = *to;
        }),
        Change::ChangeReplicationFactor { topic: name, from: _, to } => {
            topic(state, name, &|t| t.replication_factor = *to);
        }
        Change::AlterConfig { topic: name, settings } => topic(state, name, &|t| {
            for (setting, SettingChange { from, to }) in settings {
                assert_eq!(t.config.get(setting), from.as_ref());
                match to {
                    Some(to) => _ = t.config.insert(setting.clone(), to.clone()),
                    None => _ = t.config.remove(setting),
                }
            }
        }),
        Change::CreateAcl { principal, acl } => {
            assert!(state.acls.entry(principal.clone()).or_default().insert(acl.clone()));
        }
        Change::DeleteAcl { principal, acl } => {
            assert!(state.acls.get_mut(principal).unwrap().remove(acl));
        }
        Change::CreateKey { account, slot, secret, tags, replaces: _, projections } => {
            let id = format!("new-{account}-{slot}");
            let key = ObservedKey {
                account: account.clone(),
                slot: Some(slot.clone()),
                marker: step.marker(plan).map(|m| m.to_string()),
                created: Some(crate::sample::now()),
            };
            state.keys.insert(id.clone(), key);
            let mut tags = tags.clone();
            tags.insert(ObservedSecret::TAG_KEY_ID.to_owned(), id);
            for (part, at) in projections {
                let mut tags = tags.clone();
                tags.insert(ObservedSecret::TAG_PROJECTION.to_owned(), part.to_string());
                state.secrets.insert(at.clone(), ObservedSecret { at: at.clone(), state: SecretState::Present, tags });
            }
            let stored = ObservedSecret { at: secret.clone(), state: SecretState::Present, tags };
            state.secrets.insert(secret.clone(), stored);
        }
        Change::DeleteTopic { topic, .. } => assert!(state.topics.remove(topic).is_some()),
        Change::DeleteKey { key, secret, delete_secret, projections, .. } => {
            state.keys.remove(key);
            if *delete_secret {
                secret.iter().chain(projections).for_each(|at| drop(state.secrets.remove(at)));
            }
        }
        Change::DeleteAccount { account, .. } => assert!(state.accounts.remove(account).is_some()),
    }
}

/// Carries out a plan, checking each step as deployment does.
pub(crate) fn apply(plan: &Plan, state: &mut Observed) {
    let mut done = std::collections::BTreeSet::new();
    for step in &plan.steps {
        assert!(step.after.iter().all(|before| done.contains(before)), "{} comes too early", step.id);
        assert_eq!(step.check(plan, state), Precondition::AsPlanned, "{}", step.id);
        apply_step(step, plan, state);
        assert_eq!(step.check(plan, state), Precondition::Done, "{}", step.id);
        done.insert(step.id.clone());
    }
}
