//! A plan compared with the plan made again: deployment believes the files and the live state, not the plan.
//!
//! A plan file may have been made from other files, from an invented observation, for another time, or by hand with a
//! digest that fits. So deployment plans again, from the files at hand and the state it just observed, and carries out
//! only steps that are in both plans, with the content of the new one. A plan selects steps; it does not define them.
//!
//! A part of a plan may be deployed: a plan that lacks steps is a smaller plan. Three parts must not be separated: a step
//! and the steps it comes after, a principal's new grants and its new denials, a step and its items in the head.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use weir_model::{Ensure, Permission, SecretPart};

use crate::{
    AuthorityItem, AuthorityKind, Blocked, Change, Desired, Object, Observed, ObservedSecret, Plan, Plane, Planned,
    Precondition, Principal, Risk, SecretRef, SecretState, Step, StepId, planner::authority::of_steps, secrets_needed,
};

/// A plan that was compared with the plan made again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Again {
    /// The plan with the content of the new one in the steps that may be carried out.
    pub plan: Plan,
    /// The decision about each step of the planes that are reached.
    pub fates: BTreeMap<StepId, Fate>,
    /// The objects that are in trouble now, for the steps that are blocked.
    pub blocked: Vec<Blocked>,
}

/// The decision about a step before anything is touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The new plan has the step.
    Go,
    /// Its object is already as the step leaves it.
    Done,
    /// Its object is in trouble; the sentence gives the reason.
    Blocked(String),
    /// Its object is neither as it was when the plan was made, nor as wanted; the sentence says what changed.
    Stale(String),
}

/// The reason for which a plan must not be carried out, whatever its digest says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// The step is in the plan twice.
    Twice(StepId),
    /// The step's name is not that of its change.
    Named(StepId),
    /// The files do not ask for the step in this state of the cluster and the vaults, or not yet.
    NotAskedFor(StepId),
    /// The step differs from the one that the files ask for.
    Differs {
        /// The step.
        step: StepId,
        /// The name of the part that differs.
        part: &'static str,
    },
    /// The step risks more than the plan says.
    Riskier {
        /// The step.
        step: StepId,
        /// The risk in the plan.
        says: Risk,
        /// The real risk.
        is: Risk,
    },
    /// The step comes after a step that the plan does not put before it.
    Unordered {
        /// The step.
        step: StepId,
        /// The step that comes first.
        after: StepId,
    },
    /// The plan creates grants of a principal, and lacks a denial that the files put beside them.
    LacksDenial {
        /// The missing step.
        missing: StepId,
    },
    /// The plan shows other rights before and after than its steps come to.
    Access(Principal),
    /// The head of the plan lacks an item that its steps or the files call for: the approver did not see it.
    NotShown(Box<AuthorityItem>),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Twice(step) => write!(f, "the plan has the step `{step}` twice"),
            Doubt::Named(step) => write!(f, "the step `{step}` makes another change than its name says"),
            Doubt::NotAskedFor(step) => write!(f, "the files do not ask for `{step}`, or not at this time"),
            Doubt::Differs { step, part } => {
                write!(f, "the step `{step}` has another {part} than the files ask for")
            }
            Doubt::Riskier { step, says, is } => {
                write!(f, "the risk of `{step}` is `{is}` now, the plan says `{says}`")
            }
            Doubt::Unordered { step, after } => {
                write!(f, "the step `{step}` comes after `{after}`, which the plan does not put before it")
            }
            Doubt::LacksDenial { missing } => {
                write!(f, "the plan creates grants without the denial beside them, `{missing}`")
            }
            Doubt::Access(principal) => {
                write!(f, "the plan shows other rights of {principal} than its steps come to")
            }
            Doubt::NotShown(item) => {
                write!(f, "the plan does not show under “Authority” that {}", item.message)
            }
        }
    }
}

impl Plan {
    /// Returns the secrets of keys to delete whose places are those that the files give. Deployment reads them beside
    /// [`secrets_needed`]: a run that was stopped between deleting a key and its secret leaves no other trace.
    pub fn secrets(&self, desired: &Desired) -> BTreeSet<SecretRef> {
        let of_step = |step: &Step| -> Vec<SecretRef> {
            let Change::DeleteKey { account, slot, .. } = &step.change else { return Vec::new() };
            let vaults: BTreeSet<&String> = match desired.accounts.get(account) {
                Some(wanted) if wanted.ensure == Ensure::Unmanaged => BTreeSet::new(),
                // A team's former vault may hold the secret of an account that moved.
                Some(wanted) => wanted.vault.iter().chain(&desired.vaults).collect(),
                None if desired.prune && desired.owns.owns_account(account) => desired.vaults.iter().collect(),
                None => BTreeSet::new(),
            };
            // A key without our mark names no slot.
            let is_named = |name: &str| match slot {
                Some(slot) => {
                    name == weir_model::secret_name(account, slot)
                        || SecretPart::ALL.iter().any(|part| name == part.secret_name(account, slot))
                }
                None => name.starts_with(&weir_model::secret_name(account, "default")),
            };
            let is_place = |at: &&SecretRef| vaults.contains(&at.vault) && is_named(&at.name);
            step.change.secrets().into_iter().filter(is_place).cloned().collect()
        };
        self.steps.iter().flat_map(of_step).collect()
    }

    /// Compares the plan with `fresh`, which was made again from `desired` and `observed`, for the steps on `planes`.
    /// `observed` shows what a plan needs and [`Plan::secrets`]. Steps on other planes stay as they are.
    ///
    /// # Errors
    /// All reasons for which nothing of the plan may be carried out.
    pub fn again(
        &self,
        fresh: &Planned,
        desired: &Desired,
        observed: &Observed,
        planes: &BTreeSet<Plane>,
    ) -> Result<Again, Vec<Doubt>> {
        let mut doubts = Vec::new();
        let mut plan = self.clone();
        let mut fates = BTreeMap::new();
        let mut blocked = BTreeSet::new();
        let wanted: BTreeMap<&StepId, &Step> = fresh.plan.steps.iter().map(|step| (&step.id, step)).collect();
        let known: BTreeSet<SecretRef> =
            secrets_needed(desired, observed).into_iter().chain(self.secrets(desired)).collect();
        // The principals whose bindings an earlier run has begun to change. Creations come before deletions.
        let begun: BTreeSet<&Principal> = self
            .steps
            .iter()
            .filter_map(|step| match step.change.about().object {
                Object::Acl { principal, .. } if step.check(self, observed) == Precondition::Done => Some(principal),
                Object::Acl { .. } | Object::Topic(_) | Object::Account(_) | Object::Key { .. } => None,
            })
            .collect();
        let mut seen = BTreeSet::new();
        for step in &mut plan.steps {
            if !seen.insert(step.id.clone()) {
                doubts.push(Doubt::Twice(step.id.clone()));
                continue;
            }
            if step.change.id() != step.id {
                doubts.push(Doubt::Named(step.id.clone()));
                continue;
            }
            let wanted = wanted.get(&step.id).copied();
            // The plane of a step is a fact of its change: no plan moves a step out of sight.
            if let Some(wanted) = wanted.filter(|wanted| wanted.plane != step.plane) {
                doubts.push(Doubt::Differs { step: wanted.id.clone(), part: "plane" });
                continue;
            }
            if !planes.contains(&step.plane) {
                continue;
            }
            let fate = match fresh.blocks.of(step) {
                Some(why) => {
                    blocked.insert(why.clone());
                    Fate::Blocked(why.why.clone())
                }
                None => match step.check(self, observed) {
                    Precondition::Done if step.change.secrets().into_iter().all(|at| known.contains(at)) => Fate::Done,
                    // A key that another step replaces first is handed out until then.
                    Precondition::Stale(_) if wanted.is_some_and(|wanted| wanted.fingerprint == step.fingerprint) => {
                        Fate::Go
                    }
                    Precondition::Stale(why) => Fate::Stale(why),
                    Precondition::Done | Precondition::AsPlanned => Fate::Go,
                },
            };
            if fate == Fate::Go {
                match wanted {
                    None => doubts.push(Doubt::NotAskedFor(step.id.clone())),
                    Some(wanted) => match step.compared(self, wanted, observed, &known, &begun) {
                        Err(doubt) => doubts.push(doubt),
                        Ok(()) => *step = self.as_wanted(step, wanted, observed),
                    },
                }
            }
            fates.insert(step.id.clone(), fate);
        }
        doubts.extend(self.unordered(fresh, &fates, planes));
        doubts.extend(self.lacking(fresh, &fates));
        doubts.extend(self.accesses(fresh, &fates, planes));
        doubts.extend(self.not_shown(fresh, desired, observed, &fates));
        plan.approval_required |= fresh.plan.approval_required;
        plan.beyond_threshold = plan.beyond_threshold.or_else(|| fresh.plan.beyond_threshold.clone());
        if doubts.is_empty() { Ok(Again { plan, fates, blocked: blocked.into_iter().collect() }) } else { Err(doubts) }
    }

    /// Returns the step to carry out: the content is that of the new plan, the name and the mark are those of the plan
    /// that was approved.
    fn as_wanted(&self, step: &Step, wanted: &Step, observed: &Observed) -> Step {
        let mut wanted = Step { after: step.after.clone(), risk: step.risk.max(wanted.risk), ..wanted.clone() };
        let marker = wanted.marker(self).map(|marker| marker.to_string());
        wanted.fingerprint = wanted.fingerprint_with(observed, &wanted.keys_in(observed), marker.as_deref());
        wanted
    }

    /// Returns the steps that come after a step which the plan does not put before them.
    fn unordered(&self, fresh: &Planned, fates: &BTreeMap<StepId, Fate>, planes: &BTreeSet<Plane>) -> Vec<Doubt> {
        let after: BTreeMap<&StepId, &Vec<StepId>> = self.steps.iter().map(|step| (&step.id, &step.after)).collect();
        let reached: BTreeSet<&StepId> =
            fresh.plan.steps.iter().filter(|step| planes.contains(&step.plane)).map(|step| &step.id).collect();
        let going = fresh.plan.steps.iter().filter(|step| fates.get(&step.id) == Some(&Fate::Go));
        let missing = |step: &Step| {
            let says = after.get(&step.id)?;
            let first =
                step.after.iter().find(|id| reached.contains(id) && !(says.contains(id) && after.contains_key(id)))?;
            Some(Doubt::Unordered { step: step.id.clone(), after: first.clone() })
        };
        going.filter_map(missing).collect()
    }

    /// Returns the denials that the new plan puts beside grants of this one, and this one lacks.
    fn lacking(&self, fresh: &Planned, fates: &BTreeMap<StepId, Fate>) -> Vec<Doubt> {
        let created = |step: &Step, wanted: Permission| match &step.change {
            Change::CreateAcl { principal, acl } if acl.permission == wanted => Some(principal.clone()),
            _ => None,
        };
        let granted: BTreeSet<Principal> = self
            .steps
            .iter()
            .filter(|step| fates.get(&step.id) == Some(&Fate::Go))
            .filter_map(|step| created(step, Permission::Allow))
            .collect();
        let has: BTreeSet<&StepId> = self.steps.iter().map(|step| &step.id).collect();
        let denials = fresh.plan.steps.iter().filter(|step| !has.contains(&step.id));
        denials
            .filter(|step| created(step, Permission::Deny).is_some_and(|principal| granted.contains(&principal)))
            .map(|step| Doubt::LacksDenial { missing: step.id.clone() })
            .collect()
    }

    /// Returns the items that the head of the plan lacks: those of its steps to carry out, and those that hold by the
    /// files alone. Items of steps that are done already are gone from the new plan, and other steps of the new plan
    /// are not carried out, so that neither count.
    fn not_shown(
        &self,
        fresh: &Planned,
        desired: &Desired,
        observed: &Observed,
        fates: &BTreeMap<StepId, Fate>,
    ) -> Vec<Doubt> {
        let going = fresh.plan.steps.iter().filter(|step| fates.get(&step.id) == Some(&Fate::Go));
        let of_steps = of_steps(desired, observed, going);
        // The plan does not say when it was made. Rights that end later than all that it shows may have come since.
        let ends = |item: &&AuthorityItem| item.kind == AuthorityKind::Ends;
        let shown_until = self.authority.iter().filter(ends).filter_map(|item| item.until).max();
        let of_files = fresh.plan.authority.iter().filter(|item| match item.kind {
            AuthorityKind::Waiver | AuthorityKind::Owner => true,
            AuthorityKind::Ends => item.until <= shown_until,
            AuthorityKind::Escalation
            | AuthorityKind::PlatformWide
            | AuthorityKind::Governance
            | AuthorityKind::Adoption
            | AuthorityKind::Vault
            | AuthorityKind::Consent
            | AuthorityKind::Shared
            | AuthorityKind::Withdrawn => false,
        });
        let shown: BTreeSet<&AuthorityItem> = self.authority.iter().collect();
        let missing = of_steps.iter().chain(of_files).filter(|item| !shown.contains(item));
        missing.map(|item| Doubt::NotShown(Box::new(item.clone()))).collect()
    }

    /// Returns the principals whose rights the plan shows otherwise than the new one, which changes the same bindings.
    fn accesses(&self, fresh: &Planned, fates: &BTreeMap<StepId, Fate>, planes: &BTreeSet<Plane>) -> Vec<Doubt> {
        if !planes.contains(&Plane::Data) {
            return Vec::new();
        }
        fn of(plan: &Plan) -> BTreeMap<&Principal, BTreeSet<&StepId>> {
            let mut all = BTreeMap::<_, BTreeSet<_>>::new();
            for step in &plan.steps {
                if let Object::Acl { principal, .. } = step.change.about().object {
                    all.entry(principal).or_default().insert(&step.id);
                }
            }
            all
        }
        let (ours, theirs) = (of(self), of(&fresh.plan));
        let shown: BTreeMap<_, _> = self.access.iter().map(|access| (&access.principal, access)).collect();
        let real: BTreeMap<_, _> = fresh.plan.access.iter().map(|access| (&access.principal, access)).collect();
        let strange = self.access.iter().map(|access| &access.principal).filter(|shown| !ours.contains_key(*shown));
        let same = ours.iter().filter(|(principal, steps)| {
            theirs.get(*principal) == Some(steps) && steps.iter().all(|id| fates.get(*id) == Some(&Fate::Go))
        });
        let wrong = same.map(|(principal, _)| *principal).filter(|one| shown.get(one) != real.get(one));
        strange.chain(wrong).map(|principal| Doubt::Access(principal.clone())).collect()
    }
}

impl Step {
    /// Compares the step with the one that the files ask for.
    fn compared(
        &self,
        plan: &Plan,
        wanted: &Step,
        observed: &Observed,
        known: &BTreeSet<SecretRef>,
        begun: &BTreeSet<&Principal>,
    ) -> Result<(), Doubt> {
        let halfway = self.is_halfway(plan, observed);
        let rest = self.change.without_retired(observed, known);
        let same_change = match halfway {
            true => rest.intent() == wanted.change.intent(),
            false => rest == wanted.change,
        };
        // These sentences count records and look at other accounts, so they change with the cluster; the risk counts.
        let from_state = halfway || self.facts_topic().is_some() || matches!(self.change, Change::DeleteAcl { .. });
        let parts = [
            ("change", same_change),
            ("entity", self.entity == wanted.entity),
            ("team", self.team == wanted.team),
            ("plane", self.plane == wanted.plane),
            ("meaning", from_state || self.meaning == wanted.meaning),
        ];
        if let Some((part, _)) = parts.into_iter().find(|(_, same)| !same) {
            return Err(Doubt::Differs { step: self.id.clone(), part });
        }
        // The risk of taking a binding away depends on the principal's other bindings. The highest allowed risk is compared
        // with the real one in any case.
        let begun = matches!(self.change.about().object, Object::Acl { principal, .. } if begun.contains(principal));
        if wanted.risk > self.risk && !halfway && !begun {
            return Err(Doubt::Riskier { step: self.id.clone(), says: self.risk, is: wanted.risk });
        }
        Ok(())
    }
}

impl Change {
    /// Returns the change without the secrets that are gone by now: the secrets of a key are deleted before the key, so
    /// an interrupted run may have deleted some of them. Secrets that were not looked at, not in `known`, stay.
    fn without_retired(&self, observed: &Observed, known: &BTreeSet<SecretRef>) -> Self {
        let mut change = self.clone();
        if let Change::DeleteKey { secret, delete_secret, projections, .. } = &mut change
            && *delete_secret
        {
            let is_left = |at: &SecretRef| {
                let state = observed.secrets.get(at).map(|secret| secret.state);
                !known.contains(at) || state.is_some_and(|state| state != SecretState::Deleted)
            };
            *secret = secret.take().filter(is_left);
            projections.retain(is_left);
            *delete_secret = secret.is_some() || !projections.is_empty();
        }
        change
    }

    /// Returns the change without the parts that an interrupted run of it alters: the state before it.
    fn intent(&self) -> Self {
        let mut change = self.clone();
        match &mut change {
            Change::CreateKey { tags, replaces, .. } => {
                tags.remove(ObservedSecret::TAG_REPLACES);
                tags.remove(ObservedSecret::TAG_REPLACES_CREATED);
                *replaces = None;
            }
            Change::AlterConfig { settings, topic: _ } => settings.values_mut().for_each(|change| change.from = None),
            Change::AdoptAccount { .. }
            | Change::CreateAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::CreateAcl { .. }
            | Change::DeleteAcl { .. }
            | Change::DeleteTopic { .. }
            // See `without_retired`.
            | Change::DeleteKey { .. }
            | Change::DeleteAccount { .. } => {}
        }
        change
    }
}
