//! A plan compared with the plan made again: deployment believes the files and the live state, not the plan.
//!
//! A plan file may have been made from other files, from an invented observation, for another time, or by hand with a
//! digest that fits. So deployment plans again, from the files at hand and the state it just observed, and carries out
//! only steps that are in both plans, with the content of the new one. A plan selects steps; it does not define them.
//!
//! A part of a plan may be deployed: a plan that lacks steps is a smaller plan. Three parts must not be separated: a step
//! and the steps it comes after, a principal's new grants and its new denials, a step and its items in the head.
//!
//! A difference with an honest cause at one team makes that team's part of the plan stale: the team deleted its topic,
//! its grant has ended. The parts of other teams are carried out. A plan is refused as a whole if a difference has no
//! such cause, if it is about no team, or if nothing of the plan is left to carry out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use weir_model::{Ensure, Permission};

use crate::{
    AuthorityItem, AuthorityKind, Blocked, Change, Desired, Object, Observed, ObservedSecret, Plan, Plane, Planned,
    Precondition, Principal, Risk, SecretRef, SecretState, Step, StepId,
    planner::{authority::of_steps, threshold::beyond_threshold},
    secrets_needed,
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
    /// Its object is neither as it was when the plan was made, nor as wanted, or the step or its team's part of the plan
    /// differs from the new plan; the sentence says what changed. Nothing of the team may be carried out.
    Stale(String),
    /// Another step of its team is stale, since it differs from the new plan.
    Held,
    /// It comes after a step of another team that the plan lacks; the sentence names that step. Other steps of its own
    /// team may be carried out.
    Early(String),
}

/// A difference between a plan and the plan made again, for which a part of the plan, or all of it, must not be carried
/// out, whatever its digest says.
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

impl Doubt {
    /// Returns the step in doubt; `None` for a doubt about a principal or an item.
    fn step(&self) -> Option<&StepId> {
        match self {
            Doubt::Twice(step)
            | Doubt::Named(step)
            | Doubt::NotAskedFor(step)
            | Doubt::Differs { step, .. }
            | Doubt::Riskier { step, .. }
            | Doubt::Unordered { step, .. } => Some(step),
            Doubt::LacksDenial { .. } | Doubt::Access(_) | Doubt::NotShown(_) => None,
        }
    }
}

/// The part of a plan that a doubt is about, the largest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// All of it: the plan was forged, or the doubt is about no team.
    Whole,
    /// All steps of a team.
    Team(String),
    /// A single step.
    Step,
}

impl Part {
    /// Returns the part of a team; the whole plan if there is no team.
    fn of(team: Option<&String>) -> Self {
        team.map_or(Self::Whole, |team| Self::Team(team.clone()))
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
                Some(slot) => weir_model::secret_names(account, slot).any(|of_slot| name == of_slot),
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
    /// A doubt about one team leaves the team no step that may be carried out: the steps in doubt are stale, or all of them
    /// if the doubt is about no single step.
    ///
    /// # Errors
    /// All doubts, if one is about the whole plan, or if no step is left to carry out.
    pub fn again(
        &self,
        fresh: &Planned,
        desired: &Desired,
        observed: &Observed,
        planes: &BTreeSet<Plane>,
    ) -> Result<Again, Vec<Doubt>> {
        let mut doubts: Vec<(Part, Doubt)> = Vec::new();
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
                doubts.push((Part::Whole, Doubt::Twice(step.id.clone())));
                continue;
            }
            if step.change.id() != step.id {
                doubts.push((Part::Whole, Doubt::Named(step.id.clone())));
                continue;
            }
            let wanted = wanted.get(&step.id).copied();
            // The plane of a step is a fact of its change: no plan moves a step out of sight.
            if let Some(wanted) = wanted.filter(|wanted| wanted.plane != step.plane) {
                doubts.push((Part::Whole, Doubt::Differs { step: wanted.id.clone(), part: "plane" }));
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
            // The team decides which steps a doubt holds back: no plan moves a step to another team.
            let is_compared = matches!(fate, Fate::Go | Fate::Stale(_));
            if is_compared && step.team.as_deref() != step.owner(wanted, desired) {
                doubts.push((Part::Whole, Doubt::Differs { step: step.id.clone(), part: "team" }));
            } else if fate == Fate::Go {
                let compared = match wanted {
                    None => Err(Doubt::NotAskedFor(step.id.clone())),
                    Some(wanted) => step.compared(self, wanted, observed, &known, &begun).map(|()| wanted),
                };
                match compared {
                    Err(doubt) => doubts.push((Part::of(step.team.as_ref()), doubt)),
                    Ok(wanted) => *step = self.as_wanted(step, wanted, observed),
                }
            }
            fates.insert(step.id.clone(), fate);
        }
        doubts.extend(self.unordered(&wanted, &mut fates, planes));
        doubts.extend(self.lacking(fresh, &fates));
        doubts.extend(self.accesses(fresh, &fates, planes));
        doubts.extend(self.not_shown(fresh, desired, observed, &fates));
        hold(&plan, &doubts, &mut fates);
        let goes = |step: &&Step| fates.get(&step.id) == Some(&Fate::Go);
        let is_whole = doubts.iter().any(|(part, _)| *part == Part::Whole);
        if is_whole || !doubts.is_empty() && !plan.steps.iter().any(|step| goes(&step)) {
            return Err(doubts.into_iter().map(|(_, doubt)| doubt).collect());
        }
        plan.approval_required |= fresh.plan.approval_required;
        // The threshold is for the steps that are carried out, by the live state.
        plan.beyond_threshold = plan
            .beyond_threshold
            .take()
            .or_else(|| beyond_threshold(desired, observed, plan.steps.iter().filter(goes)));
        Ok(Again { plan, fates, blocked: blocked.into_iter().collect() })
    }

    /// Returns the step to carry out: the content is that of the new plan, the name and the mark are those of the plan
    /// that was approved.
    fn as_wanted(&self, step: &Step, wanted: &Step, observed: &Observed) -> Step {
        let mut wanted = Step { after: step.after.clone(), risk: step.risk.max(wanted.risk), ..wanted.clone() };
        let marker = wanted.marker(self).map(|marker| marker.to_string());
        wanted.fingerprint = wanted.fingerprint_with(observed, &wanted.keys_in(observed), marker.as_deref());
        wanted
    }

    /// Returns the steps that come after a step which the plan does not put before them. If that is a step of another
    /// team, only the step itself has to wait: [`Fate::Early`].
    fn unordered(
        &self,
        wanted: &BTreeMap<&StepId, &Step>,
        fates: &mut BTreeMap<StepId, Fate>,
        planes: &BTreeSet<Plane>,
    ) -> Vec<(Part, Doubt)> {
        let mut doubts = Vec::new();
        let has: BTreeSet<&StepId> = self.steps.iter().map(|step| &step.id).collect();
        for Step { id, team, after: says, .. } in &self.steps {
            let Some((fate, step)) = fates.get_mut(id).filter(|fate| **fate == Fate::Go).zip(wanted.get(id)) else {
                continue;
            };
            let reached = step.after.iter().filter_map(|id| wanted.get(id)).filter(|step| planes.contains(&step.plane));
            let missing = reached.filter(|before| !(says.contains(&before.id) && has.contains(&before.id)));
            let parts = missing.map(|before| match has.contains(&before.id) {
                // Both steps are in the plan, but the plan does not say that they depend on each other.
                true => (Part::Whole, &before.id),
                false if before.team == *team => (Part::of(team.as_ref()), &before.id),
                false => (Part::Step, &before.id),
            });
            let Some((part, after)) = parts.min() else { continue };
            let doubt = Doubt::Unordered { step: id.clone(), after: after.clone() };
            if part == Part::Step {
                *fate = Fate::Early(doubt.to_string());
            }
            doubts.push((part, doubt));
        }
        doubts
    }

    /// Returns the denials that the new plan puts beside grants of this one, and that are not carried out with them.
    fn lacking(&self, fresh: &Planned, fates: &BTreeMap<StepId, Fate>) -> Vec<(Part, Doubt)> {
        let goes = |step: &&Step| fates.get(&step.id) == Some(&Fate::Go);
        let granted: BTreeSet<&Principal> =
            self.steps.iter().filter(goes).filter_map(|step| step.change.creates(Permission::Allow)).collect();
        let is_beside = |step: &&Step| step.change.creates(Permission::Deny).is_some_and(|one| granted.contains(one));
        let missing = fresh.plan.steps.iter().filter(|step| is_beside(step) && !goes(step));
        missing.map(|step| (Part::of(step.team.as_ref()), Doubt::LacksDenial { missing: step.id.clone() })).collect()
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
    ) -> Vec<(Part, Doubt)> {
        let teams: BTreeMap<&StepId, &Option<String>> =
            fresh.plan.steps.iter().map(|step| (&step.id, &step.team)).collect();
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
        let mentioned: BTreeSet<&StepId> = self.authority.iter().filter_map(|item| item.step.as_ref()).collect();
        let part_of = |item: &AuthorityItem| match &item.step {
            // Consents change, but only the platform team decides which names are beyond those of a team: an honest plan
            // has an item for the step.
            Some(step) if is_beyond_own_names(item.kind) && !mentioned.contains(step) => Part::Whole,
            Some(step) => Part::of(teams.get(step).and_then(|team| team.as_ref())),
            // The platform team waives a rule for entities of any team.
            None if item.kind == AuthorityKind::Waiver => Part::Whole,
            None => Part::of(item.team.as_ref()),
        };
        let missing = of_steps.iter().chain(of_files).filter(|item| !shown.contains(item));
        missing.map(|item| (part_of(item), Doubt::NotShown(Box::new(item.clone())))).collect()
    }

    /// Returns the principals whose rights the plan shows otherwise than the new one, which changes the same bindings.
    fn accesses(
        &self,
        fresh: &Planned,
        fates: &BTreeMap<StepId, Fate>,
        planes: &BTreeSet<Plane>,
    ) -> Vec<(Part, Doubt)> {
        if !planes.contains(&Plane::Data) {
            return Vec::new();
        }
        fn of(plan: &Plan) -> BTreeMap<&Principal, BTreeMap<&StepId, &Option<String>>> {
            let mut all = BTreeMap::<_, BTreeMap<_, _>>::new();
            for step in &plan.steps {
                if let Object::Acl { principal, .. } = step.change.about().object {
                    all.entry(principal).or_default().insert(&step.id, &step.team);
                }
            }
            all
        }
        let (ours, theirs) = (of(self), of(&fresh.plan));
        let shown: BTreeMap<_, _> = self.access.iter().map(|access| (&access.principal, access)).collect();
        let real: BTreeMap<_, _> = fresh.plan.access.iter().map(|access| (&access.principal, access)).collect();
        let strange = self.access.iter().map(|access| &access.principal).filter(|shown| !ours.contains_key(*shown));
        let same = ours.iter().filter(|(principal, steps)| {
            theirs.get(*principal) == Some(steps) && steps.keys().all(|id| fates.get(*id) == Some(&Fate::Go))
        });
        let wrong = same.filter(|(one, _)| shown.get(*one) != real.get(*one));
        // All steps about a principal are those of the team of its account.
        let part = |steps: &BTreeMap<_, &Option<String>>| Part::of(steps.values().find_map(|team| team.as_ref()));
        let wrong = wrong.map(|(principal, steps)| (part(steps), *principal));
        let strange = strange.map(|principal| (Part::Whole, principal));
        strange.chain(wrong).map(|(part, principal)| (part, Doubt::Access(principal.clone()))).collect()
    }
}

/// Returns `true` for a right beyond the names of its team.
fn is_beyond_own_names(kind: AuthorityKind) -> bool {
    match kind {
        AuthorityKind::Escalation | AuthorityKind::PlatformWide | AuthorityKind::Shared => true,
        AuthorityKind::Governance
        | AuthorityKind::Owner
        | AuthorityKind::Adoption
        | AuthorityKind::Vault
        | AuthorityKind::Consent
        | AuthorityKind::Waiver
        | AuthorityKind::Withdrawn
        | AuthorityKind::Ends => false,
    }
}

/// Holds back the steps that would be carried out for a team whose part of the plan is in doubt.
fn hold(plan: &Plan, doubts: &[(Part, Doubt)], fates: &mut BTreeMap<StepId, Fate>) {
    let (mut by_step, mut by_team) = (BTreeMap::new(), BTreeMap::new());
    for (part, doubt) in doubts {
        if let Part::Team(team) = part {
            by_team.entry(team).or_insert(doubt);
            doubt.step().into_iter().for_each(|step| _ = by_step.entry(step).or_insert(doubt));
        }
    }
    for step in &plan.steps {
        if let Some(fate) = fates.get_mut(&step.id).filter(|fate| **fate == Fate::Go)
            && let Some(first) = step.team.as_ref().and_then(|team| by_team.get(team))
        {
            *fate = match by_step.get(&step.id) {
                Some(doubt) => Fate::Stale(doubt.to_string()),
                None if first.step().is_some() => Fate::Held,
                None => Fate::Stale(first.to_string()),
            };
        }
    }
}

impl Step {
    /// Returns the team that the step is done for, by the new plan, by the files, or by the name spaces; the plan's word
    /// counts only for an object that no file declares any more and that lies in no name space.
    fn owner<'a>(&'a self, wanted: Option<&'a Step>, desired: &'a Desired) -> Option<&'a str> {
        if let Some(wanted) = wanted {
            return wanted.team.as_deref();
        }
        let object = self.change.about().object;
        let owner = match object.account() {
            Some(name) => (desired.accounts.get(name).map(|account| account.team.as_str()))
                .or_else(|| desired.owner(|team| &team.service_accounts, name)),
            None => (desired.topics.get(object.name()).map(|topic| topic.team.as_str()))
                .or_else(|| desired.owner(|team| &team.topics, object.name())),
        };
        owner.or(self.team.as_deref())
    }

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
