//! Properties of plans for every desired and every observed state.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::{
    collection,
    prelude::*,
    sample::{Index, select},
};
use weir_model::Ensure;
use weir_planning::*;

use crate::{
    sample::{WORKSPACE, acls_of, desired_of, desired_state, now, observed_state, options},
    simulation::{apply, apply_step},
};

/// Returns `true` if the plan may touch the account.
fn manages_account(desired: &Desired, account: &str) -> bool {
    match desired.accounts.get(account) {
        Some(declared) => declared.ensure != Ensure::Unmanaged,
        None => desired.prune && desired.owns.owns_account(account),
    }
}

fn manages_topic(desired: &Desired, observed: &Observed, topic: &str) -> bool {
    let untouchable = topic.starts_with('_') || observed.topics.get(topic).is_some_and(|t| t.mirror);
    !untouchable
        && match desired.topics.get(topic) {
            Some(declared) => declared.ensure != Ensure::Unmanaged,
            None => desired.prune && desired.owns.owns_topic(topic),
        }
}

fn deletable(desired: &Desired, declared: Option<Ensure>, owned: bool) -> bool {
    declared.map_or(desired.prune && owned, |ensure| ensure == Ensure::Absent)
}

/// Returns `true` if the object of a change is new, was made by this stage, or is one that a platform file names.
fn may_touch(desired: &Desired, observed: &Observed, change: &Change) -> bool {
    match change.about().object {
        _ if !desired.governed => true,
        Object::Topic(topic) => {
            !observed.topics.contains_key(topic)
                || desired.topics.get(topic).is_none_or(|t| t.own_name || t.by_platform)
                || desired.adopt.owns_topic(topic)
        }
        object => object.account().is_some_and(|name| match observed.accounts.get(name) {
            _ if desired.adopt.owns_account(name) => true,
            Some(there) => there.maker == Some(desired.maker()),
            None => !observed.acls.contains_key(&*Principal::of_account(name)),
        }),
    }
}

/// Returns `true` if the change deletes a key along with its secrets.
fn deletes_secrets(change: &Change) -> bool {
    matches!(change, Change::DeleteKey { delete_secret: true, .. })
}

/// Returns the team of an object in [`of_two_teams`].
fn team_of(name: &str) -> &'static str {
    if name.bytes().fold(0_u8, u8::wrapping_add).is_multiple_of(2) { "cards" } else { "toll" }
}

/// Divides the entities between two teams.
fn of_two_teams(mut desired: Desired) -> Desired {
    desired.topics.iter_mut().for_each(|(name, topic)| topic.team = team_of(name).to_owned());
    desired.accounts.iter_mut().for_each(|(name, account)| account.team = team_of(name).to_owned());
    desired
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn applying_a_plan_leaves_nothing_to_do(desired in desired_state(false), observed in observed_state(false)) {
        let outcome = plan(&desired, &observed, &options());
        prop_assume!(!outcome.plan.steps.is_empty());
        // The trouble of an object may end when others change: a name that collides becomes free.
        if let Some(first) = outcome.accept().ok().filter(|first| first.blocked.is_empty()) {
            let mut state = observed;
            apply(&first, &mut state);
            let second = plan(&desired, &state, &options());
            prop_assert!(second.plan.is_empty(), "{:#?}", second.plan.steps);
            prop_assert!(second.findings.is_empty(), "{:#?}", second.findings);
            // Whoever runs the old plan again finds every step done, but for a key that was issued and has aged.
            for step in &first.steps {
                prop_assert_eq!(step.check(&first, &state), Precondition::Done);
            }
        }
    }

    /// Deployment makes the plan again. Wherever a run was stopped, the rest is still what the files ask for.
    #[test]
    fn the_rest_of_a_plan_is_in_the_plan_made_again(
        mut desired in desired_state(false),
        observed in observed_state(false),
        done in any::<Index>(),
        part in 0..4_usize,
        governed in any::<bool>(),
        days in select(vec![0, 1, 20]),
    ) {
        desired.governed = governed;
        if let Ok(first) = plan(&desired, &observed, &options()).accept() {
            let done = done.index(first.steps.len() + 1);
            let mut state = observed;
            for step in &first.steps[..done] {
                apply_step(step, &first, &mut state);
            }
            // The secrets of a key are deleted before the key, one by one.
            let halfway = first.steps.get(done).filter(|step| deletes_secrets(&step.change));
            for at in halfway.iter().flat_map(|step| step.change.secrets().into_iter().rev().take(part)) {
                state.secrets.get_mut(at).unwrap().state = SecretState::Deleted;
            }
            let fresh = plan(&desired, &state, &options());
            let again = first.again(&fresh, &desired, &state, &Plane::ALL.into());
            // A key that weir did not make for this stage is foreign once another has taken its place in the vault.
            let is_foreign = |doubt: &Doubt| match doubt {
                Doubt::NotAskedFor(StepId(id)) => state.keys.iter().any(|(key, seen)| {
                    id.ends_with(&format!("/{key}"))
                        && !seen.marker.as_ref().is_some_and(|marker| marker.starts_with("weir/dev/"))
                }),
                _ => false,
            };
            let again = match again {
                Err(doubts) if doubts.iter().all(is_foreign) => return Ok(()),
                again => again.map_err(|doubts| TestCaseError::fail(format!("{doubts:?}")))?,
            };
            for (place, step) in first.steps.iter().enumerate() {
                let is_done = place < done || step.check(&first, &state) == Precondition::Done;
                let expected = if is_done { Fate::Done } else { Fate::Go };
                prop_assert_eq!(&again.fates[&step.id], &expected, "{}", step.id);
            }
            let others = |plan: &Plan| {
                let others = plan.steps.iter().filter(|step| halfway.is_none_or(|halfway| step.id != halfway.id));
                others.map(|step| step.change.clone()).collect::<Vec<_>>()
            };
            prop_assert_eq!(others(&again.plan), others(&first));
            // Another day calls for nothing more in the head. Deployment goes on with a plan of any age.
            let later = PlanOptions { now: now() + SignedDuration::from_hours(24 * days), commit: None };
            let doubts = first.again(&plan(&desired, &state, &later), &desired, &state, &Plane::ALL.into()).err();
            let not_shown = doubts.into_iter().flatten().find(|doubt| matches!(doubt, Doubt::NotShown(_)));
            prop_assert!(not_shown.is_none(), "{not_shown:?}");
        }
    }

    /// The approver of a plan saw its head. If an item was taken out of it, nothing that the item is about is carried out,
    /// whatever the plan's digest says.
    #[test]
    fn no_item_can_be_taken_out_of_the_head(
        desired in desired_state(true),
        observed in observed_state(true),
        which in any::<Index>(),
    ) {
        let desired = of_two_teams(desired);
        let fresh = plan(&desired, &observed, &options());
        let mut forged = fresh.plan.clone();
        prop_assert!(forged.again(&fresh, &desired, &observed, &Plane::ALL.into()).is_ok());
        if forged.authority.is_empty() {
            return Ok(());
        }
        let item = forged.authority.remove(which.index(forged.authority.len()));
        let refused = match forged.again(&fresh, &desired, &observed, &Plane::ALL.into()) {
            Err(doubts) => doubts == [Doubt::NotShown(Box::new(item.clone()))],
            Ok(again) => {
                let goes = |step: &&Step| again.fates[&step.id] == Fate::Go;
                let mut going = forged.steps.iter().filter(goes);
                let held = |step: &Step| step.team.is_none() || step.team != item.team;
                item.team.is_some() && going.all(held) && forged.steps.iter().any(|step| step.team == item.team)
            }
        };
        let last = forged.authority.iter().filter(|other| other.kind == item.kind).filter_map(|other| other.until).max();
        let is_optional = match item.kind {
            // It may have come with time.
            AuthorityKind::Ends => item.until > last,
            // The team loses rights on its own names.
            AuthorityKind::Withdrawn => item.step.is_none(),
            _ => false,
        };
        let is_about_nothing = forged.steps.iter().all(|step| step.team != item.team) && item.step.is_none();
        prop_assert!(refused != is_optional || is_about_nothing, "{:?}", item);
    }

    /// Whatever one team changes after the plan was made, in its files or at its objects, the steps of the other team go
    /// on if they are as before.
    #[test]
    fn no_difference_of_one_team_stops_another(
        desired in desired_state(false),
        other in desired_state(false),
        observed in observed_state(false),
        later in observed_state(false),
    ) {
        let is_cards = |name: &String| team_of(name) == "cards";
        let mut desired = of_two_teams(desired);
        // An object that no file declares is no team's.
        desired.prune = false;
        let first = plan(&desired, &observed, &options()).plan;
        let (mut files, mut state) = (desired.clone(), observed.clone());
        let other = of_two_teams(other);
        files.topics.retain(|name, _| !is_cards(name));
        files.topics.extend(other.topics.into_iter().filter(|(name, _)| is_cards(name)));
        files.accounts.retain(|name, _| !is_cards(name));
        files.accounts.extend(other.accounts.into_iter().filter(|(name, _)| is_cards(name)));
        state.topics.retain(|name, _| !is_cards(name));
        state.topics.extend(later.topics.into_iter().filter(|(name, _)| is_cards(name)));
        // Bindings of every user concern all teams.
        let of_cards = |principal: &Principal| {
            principal.user().is_some_and(|name| team_of(name) == "cards" && &**principal != Principal::EVERYBODY)
        };
        state.acls.retain(|principal, _| !of_cards(principal));
        state.acls.extend(later.acls.into_iter().filter(|(principal, _)| of_cards(principal)));
        let fresh = plan(&files, &state, &options());
        let part = |plan: &Plan| -> Vec<Step> {
            plan.steps.iter().filter(|step| step.team.as_deref() == Some("toll")).cloned().collect()
        };
        let items = |plan: &Plan| -> Vec<AuthorityItem> {
            plan.authority.iter().filter(|item| item.team.as_deref() == Some("toll")).cloned().collect()
        };
        let is_same = part(&first) == part(&fresh.plan) && items(&first) == items(&fresh.plan);
        match first.again(&fresh, &files, &state, &Plane::ALL.into()) {
            Ok(again) => {
                for step in first.steps.iter().filter(|step| again.fates[&step.id] == Fate::Go) {
                    let wanted = fresh.plan.steps.iter().find(|wanted| wanted.id == step.id);
                    prop_assert!(wanted.is_some_and(|wanted| wanted.change == step.change), "{}", step.id);
                }
                for step in part(&first).iter().filter(|_| is_same) {
                    prop_assert_eq!(&again.fates[&step.id], &Fate::Go, "{}", step.id);
                }
            }
            Err(doubts) => prop_assert!(!is_same || part(&first).is_empty(), "{:?}", doubts),
        }
    }

    /// A plan of other files is refused, but for the steps that are the same.
    #[test]
    fn no_step_of_other_files_is_carried_out(
        desired in desired_state(true),
        other in desired_state(true),
        observed in observed_state(true),
    ) {
        let (strange, fresh) = (plan(&other, &observed, &options()).plan, plan(&desired, &observed, &options()));
        let wanted = |step: &Step| fresh.plan.steps.iter().any(|other| other.id == step.id && other.change == step.change);
        match strange.again(&fresh, &desired, &observed, &Plane::ALL.into()) {
            Err(doubts) => prop_assert!(!doubts.is_empty()),
            Ok(again) => {
                for step in again.plan.steps.iter().filter(|step| again.fates[&step.id] == Fate::Go) {
                    prop_assert!(wanted(step), "{}", step.id);
                }
            }
        }
    }

    #[test]
    fn nothing_outside_the_scope_is_touched(desired in desired_state(true), observed in observed_state(true)) {
        let outcome = plan(&desired, &observed, &options());
        for step in &outcome.plan.steps {
            prop_assert!(step.risk >= step.change.about().least_risk, "{} risks {}", step.id, step.risk);
            let fine = match &step.change {
                Change::CreateTopic { topic, .. }
                | Change::AddPartitions { topic, .. }
                | Change::ChangeReplicationFactor { topic, .. }
                | Change::AlterConfig { topic, .. } => {
                    manages_topic(&desired, &observed, topic) && desired.topics.contains_key(topic)
                }
                Change::DeleteTopic { topic, .. } => {
                    let declared = desired.topics.get(topic).map(|t| t.ensure);
                    manages_topic(&desired, &observed, topic)
                        && deletable(&desired, declared, desired.owns.owns_topic(topic))
                }
                Change::AdoptAccount { account, .. }
                | Change::CreateAccount { account, .. }
                | Change::UpdateAccount { account, .. }
                | Change::CreateKey { account, .. } => desired.accounts.contains_key(account),
                Change::DeleteKey { account, key, .. } => {
                    manages_account(&desired, account)
                        && observed.keys.get(key).is_none_or(|k| k.account == *account)
                }
                Change::DeleteAccount { account, .. } => {
                    let declared = desired.accounts.get(account).map(|a| a.ensure);
                    deletable(&desired, declared, desired.owns.owns_account(account))
                }
                Change::CreateAcl { principal, acl } => {
                    let account = &principal["User:".len()..];
                    desired.accounts.get(account).is_some_and(|a| a.acls.contains_key(acl))
                }
                Change::DeleteAcl { principal, acl } => {
                    let account = &principal["User:".len()..];
                    let made_here = || observed.accounts[account].maker == Some(desired.maker());
                    let withdrawn = |account: &DesiredAccount| account.withdrawn.contains_key(acl);
                    (manages_account(&desired, account)
                        || desired.accounts.get(account).is_some_and(withdrawn) && made_here())
                        && desired.accounts.get(account).is_none_or(|a| !a.acls.contains_key(acl))
                        && acls_of(&observed, principal).any(|a| a == acl)
                }
            };
            prop_assert!(fine, "{}", step.id);
            prop_assert!(desired.leaves_alone(&step.change, &observed).is_none(), "{} is left alone", step.id);
            prop_assert!(may_touch(&desired, &observed, &step.change), "{} touches a foreign object", step.id);
        }
    }

    #[test]
    fn nothing_panics_and_the_same_input_gives_the_same_bytes(
        desired in desired_state(true),
        observed in observed_state(true),
    ) {
        let outcome = plan(&desired, &observed, &options());
        let json = outcome.plan.to_json();
        let again: Observed = serde_json::from_str(&serde_json::to_string(&observed).unwrap()).unwrap();
        prop_assert_eq!(&json, &plan(&desired, &again, &options()).plan.to_json());
        prop_assert_eq!(&Plan::from_json(&json).unwrap(), &outcome.plan);
        let ids: BTreeSet<_> = outcome.plan.steps.iter().map(|s| &s.id).collect();
        prop_assert_eq!(ids.len(), outcome.plan.steps.len(), "step ids are unique");
        let drift = weir_planning::Drift::of(&outcome.plan);
        for rendered in [
            render::text(&outcome.plan, false),
            render::markdown(&outcome.plan),
            render::drift(&drift, false),
            render::drift_markdown(&drift),
        ] {
            prop_assert!(!rendered.contains("##vso") && !rendered.contains('\u{202e}'), "{}", rendered);
        }
        // A key goes once its replacement is made: until then the vault hands it out.
        let waits = |step: &Step| step.after.iter().any(|id| id.0.starts_with("create-key "));
        for step in outcome.plan.steps.iter().filter(|step| !waits(step)) {
            prop_assert!(!matches!(step.check(&outcome.plan, &observed), Precondition::Stale(_)), "{}", step.id);
        }
        facts_needed(&desired, &observed);
        secrets_needed(&desired, &observed);
    }

    #[test]
    fn the_digest_changes_with_the_content_and_only_with_it(
        desired in desired_state(false),
        observed in observed_state(false),
        which in any::<Index>(),
    ) {
        let first = plan(&desired, &observed, &options()).plan;
        let mut other = first.clone();
        prop_assert_eq!(Plan::from_json(&other.to_json()).unwrap().digest, first.digest.clone());
        match which.index(5) {
            4 => {
                prop_assume!(!other.report.items.is_empty());
                other.report.items.clear();
            }
            0 => other.stage.push('x'),
            1 => other.beyond_threshold = Some("other".to_owned()),
            2 => other.approval_required ^= true,
            _ => {
                prop_assume!(!other.steps.is_empty());
                let step = which.index(other.steps.len());
                other.steps[step].risk = if other.steps[step].risk == Risk::Change { Risk::Additive } else { Risk::Change };
            }
        }
        let changed = matches!(Plan::from_json(&other.to_json()), Err(PlanError::Digest));
        prop_assert!(changed);
    }

    #[test]
    fn data_loss_is_never_called_less(desired in desired_state(false), observed in observed_state(false)) {
        for step in plan(&desired, &observed, &options()).plan.steps {
            if let Change::DeleteTopic { topic, .. } = &step.change {
                let empty = observed.topics[topic].facts.as_ref().is_some_and(|f| f.records == 0);
                prop_assert_eq!(step.risk == Risk::DataLoss, !empty);
            }
            if let Change::AlterConfig { topic, settings: changes } = &step.change
                && let Some(change) = changes.get("retention.ms")
                && let (Some(from), Some(to)) = (&change.from, &change.to)
                && observed.topics[topic].facts.is_none()
                && let (Some(from), Some(to)) = (from.number(), to.number())
                && to != -1 && (from == -1 || from > to)
                && !changes.contains_key("cleanup.policy")
                && observed.topics[topic].config.get("cleanup.policy").is_none_or(|policy| *policy != "compact")
            {
                prop_assert_eq!(step.risk, Risk::DataLoss);
            }
        }
    }
}

fn list(name: &str, grants: &[(bool, u8)]) -> String {
    let mut text = format!(
        "apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {{name: {name}, team: toll}}\nspec:\n  serviceAccount: billing\n  allow:\n"
    );
    if grants.is_empty() {
        text.push_str("    []\n");
    }
    for (produce, topic) in grants {
        let verb = if *produce { "produce" } else { "consume" };
        let star = if topic % 2 == 0 { "*" } else { "" };
        text.push_str(&format!("    - {{{verb}: \"t{topic}{star}\"}}\n"));
    }
    text
}

const ACCOUNT: &str = "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: billing, team: toll}\nspec: {}\n";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn removing_a_list_keeps_what_another_needs(
        one in collection::vec((any::<bool>(), 0..6_u8), 0..5),
        two in collection::vec((any::<bool>(), 0..6_u8), 0..5),
    ) {
        let (one, two) = (list("one", &one), list("two", &two));
        let both = desired_of([WORKSPACE, ACCOUNT, &one, &two]);
        let mut state = Observed::default();
        let first = plan(&both, &state, &options()).accept().unwrap();
        apply(&first, &mut state);
        let left = desired_of([WORKSPACE, ACCOUNT, &two]);
        let second = plan(&left, &state, &options()).plan;
        let needed = &left.accounts["dev-billing"].acls;
        for step in &second.steps {
            let harmless = matches!(&step.change, Change::DeleteAcl { acl, .. } if !needed.contains_key(acl));
            prop_assert!(harmless, "{}", step.id);
        }
        apply(&second, &mut state);
        prop_assert!(needed.keys().eq(acls_of(&state, "User:dev-billing")));
    }

    #[test]
    fn removing_a_grant_keeps_what_another_needs(
        mut grants in collection::vec((any::<bool>(), 0..4_u8), 1..8),
        gone in any::<Index>(),
    ) {
        let all = desired_of([WORKSPACE, ACCOUNT, &list("one", &grants)]);
        let mut state = Observed::default();
        apply(&plan(&all, &state, &options()).accept().unwrap(), &mut state);
        grants.remove(gone.index(grants.len()));
        let left = desired_of([WORKSPACE, ACCOUNT, &list("one", &grants)]);
        let needed = &left.accounts["dev-billing"].acls;
        let second = plan(&left, &state, &options()).plan;
        prop_assert!(second.steps.len() <= 1, "a grant is one binding, or none of its own");
        apply(&second, &mut state);
        prop_assert!(needed.keys().eq(acls_of(&state, "User:dev-billing")));
    }

    #[test]
    fn the_order_of_documents_does_not_matter(
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let topic = |name: &str| format!("apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: {name}, team: toll}}\nspec: {{partitions: 3}}\n");
        let documents = [
            WORKSPACE.to_owned(),
            ACCOUNT.to_owned(),
            list("one", &[(true, 1), (false, 2)]),
            list("two", &[(true, 1)]),
            topic("a"),
            topic("b"),
        ];
        let straight = desired_of(documents.iter().map(String::as_str));
        let shuffled = desired_of(order.iter().map(|i| documents[*i].as_str()));
        prop_assert_eq!(
            plan(&straight, &Observed::default(), &options()).plan.to_json(),
            plan(&shuffled, &Observed::default(), &options()).plan.to_json()
        );
    }
}
