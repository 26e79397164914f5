//! The meter: limits the cost of an evaluation. The evaluator has no limit of its own. So the checker wraps every
//! node whose cost can grow (the range of a loop, copies, concatenations) in a call to one of the functions below.
//! The functions charge the meter and return their value unchanged. No author can write their names, because `@` is
//! not part of CEL.

use std::{
    any::Any,
    sync::atomic::{AtomicU64, Ordering},
};

use cel::{
    Env, ExecutionError,
    common::{
        traits::Sizer,
        types::{self, CelBool, CelInt, CelList, CelMap, CelOptional, CelString, Kind},
        value::{CowVal, StaticVal, Val},
    },
};

use crate::LONGEST_TEXT;

/// Charges for walking over a value: `@walk(value, @meter, operations for each item)`.
pub(crate) const WALK: &str = "@walk";
/// Charges for copying or reading all of a value: `@copy(value, @meter)`.
pub(crate) const COPY: &str = "@copy";
/// Compares two values, charged by the size of the comparison: `@same(a, b, @meter)`.
pub(crate) const SAME: &str = "@same";
/// Looks for a value in a list, comparing as [`SAME`] does: `@among(value, list, @meter)`.
pub(crate) const AMONG: &str = "@among";
/// The variable that holds the meter.
pub(crate) const METER: &str = "@meter";
/// The name of the error with which an evaluation fails when its budget is used up.
pub(crate) const SPENT: &str = "@spent";

/// The operations left of the budget.
#[derive(Debug, Default)]
pub(crate) struct Meter(AtomicU64);

impl Meter {
    /// Fills the meter, and returns the operations that were left.
    pub(crate) fn fill(&self, budget: u64) -> u64 {
        self.0.swap(budget, Ordering::Relaxed)
    }

    fn charge(&self, cost: u64) -> Result<(), ExecutionError> {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(cost), Ordering::Relaxed);
        if cost <= left { Ok(()) } else { Err(ExecutionError::function_error(SPENT, "")) }
    }
}

/// The type of values that expressions cannot look into.
static HANDLE: types::Type = types::Type::new_unspecified_type("@handle");

impl Val for Meter {
    fn get_type(&self) -> &types::Type {
        &HANDLE
    }

    fn cel_type() -> &'static types::Type {
        &HANDLE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(Meter(AtomicU64::new(self.0.load(Ordering::Relaxed))))
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Meter {}

/// A regular expression, compiled when its policy was loaded.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(pub(crate) regex::Regex);

impl Val for Pattern {
    fn get_type(&self) -> &types::Type {
        &HANDLE
    }

    fn cel_type() -> &'static types::Type {
        &HANDLE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

/// Returns the cost of copying a value.
fn weight(value: &dyn Val) -> Result<u64, ExecutionError> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        let bytes = text.inner().len();
        return if bytes <= LONGEST_TEXT {
            Ok(1 + bytes as u64 / 32)
        } else {
            Err(ExecutionError::function_error(SPENT, "text"))
        };
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().try_fold(1, |sum: u64, item| Ok(sum + weight(item.as_ref())?));
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        return map
            .inner()
            .iter()
            .try_fold(1, |sum: u64, (key, value)| Ok(sum + weight(key.inner())? + weight(value.as_ref())?));
    }
    match value.downcast_ref::<CelOptional<'_>>().and_then(CelOptional::inner) {
        Some(inner) => Ok(1 + weight(inner)?),
        // The other values are one word, or copied by pointer.
        None => Ok(1),
    }
}

/// Returns `true` if two values are equal. Mappings and lists are compared by their items, however they are stored;
/// the evaluator's own equality knows only the mappings and lists that it made itself.
pub(crate) fn same(a: &dyn Val, b: &dyn Val, meter: Option<&Meter>) -> Result<bool, ExecutionError> {
    if let Some(meter) = meter {
        meter.charge(match a.downcast_ref::<CelString<'_>>() {
            Some(text) => 1 + text.inner().len() as u64 / 32,
            None => 1,
        })?;
    }
    let optional = |value: &dyn Val| value.downcast_ref::<CelOptional<'_>>().is_some();
    if optional(a) && optional(b) {
        let inner = |value| <dyn Val>::downcast_ref::<CelOptional<'_>>(value).and_then(CelOptional::inner);
        return match (inner(a), inner(b)) {
            (Some(a), Some(b)) => same(a, b, meter),
            (a, b) => Ok(a.is_none() && b.is_none()),
        };
    }
    let (kind, other) = (a.get_type().kind(), b.get_type().kind());
    if !matches!(kind, Kind::Map | Kind::List) {
        return Ok(a.equals(b));
    }
    if kind != other {
        return Ok(false);
    }
    let (Some(items), Some(others)) = (a.as_iterable(), b.as_iterable()) else { return Ok(false) };
    if a.as_sizer().map(Sizer::size) != b.as_sizer().map(Sizer::size) {
        return Ok(false);
    }
    let mut items = items.iter();
    if kind == Kind::List {
        let mut others = others.iter();
        while let (Some(a), Some(b)) = (items.next(), others.next()) {
            if !same(a, b, meter)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    let (Some(of_a), Some(of_b), Some(names)) = (a.as_indexer(), b.as_indexer(), b.as_container()) else {
        return Ok(false);
    };
    while let Some(name) = items.next() {
        if !names.contains(name)? || !same(of_a.get(name)?.as_ref(), of_b.get(name)?.as_ref(), meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns `true` if a list holds the value.
pub(crate) fn among(value: &dyn Val, list: &dyn Val, meter: Option<&Meter>) -> Result<bool, ExecutionError> {
    // Containers other than lists, and lists of plain values, bring their own lookup.
    let own = !matches!(value.get_type().kind(), Kind::Map | Kind::List) || list.get_type().kind() != Kind::List;
    if let Some(container) = list.as_container().filter(|_| own) {
        return container.contains(value);
    }
    let Some(items) = list.as_iterable() else {
        return Err(ExecutionError::function_error("_in_", "nothing is in it"));
    };
    let mut items = items.iter();
    while let Some(item) = items.next() {
        if same(item, value, meter)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn third<'a>(args: &'a [CowVal<'_, '_>]) -> Option<&'a Meter> {
    args.get(2).and_then(|arg| arg.downcast_ref::<Meter>())
}

fn meter<'a>(args: &'a [CowVal<'_, '_>]) -> Result<&'a Meter, ExecutionError> {
    let meter = args.get(1).and_then(|arg| arg.downcast_ref::<Meter>());
    meter.ok_or_else(|| ExecutionError::function_error(SPENT, "no meter"))
}

fn copy<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    meter(&args)?.charge(weight(args[0].as_ref())?)?;
    Ok(args.swap_remove(0))
}

fn walk<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let items = args[0].as_sizer().map_or(1, |sizer| *sizer.size().inner());
    let each = args.get(2).and_then(|each| each.downcast_ref::<CelInt>()).map_or(1, |each| *each.inner());
    let rounds = u64::try_from(items).unwrap_or(u64::MAX).saturating_mul(u64::try_from(each).unwrap_or(u64::MAX));
    // Items are copied into the loop's variable.
    meter(&args)?.charge(rounds.saturating_add(weight(args[0].as_ref())?))?;
    Ok(args.swap_remove(0))
}

fn truth<'b, 'v>(value: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(value))
}

/// Adds the meter's functions to an environment.
pub(crate) fn add(env: &mut Env) -> Result<(), cel::DeclarationError> {
    let any = || types::DYN_TYPE;
    env.add_overload(COPY, COPY, vec![any(), any()], copy)?;
    env.add_overload(SAME, SAME, vec![any(), any(), any()], |args| {
        same(args[0].as_ref(), args[1].as_ref(), third(&args)).map(truth)
    })?;
    env.add_overload(AMONG, AMONG, vec![any(), any(), any()], |args| {
        among(args[0].as_ref(), args[1].as_ref(), third(&args)).map(truth)
    })?;
    env.add_overload(WALK, WALK, vec![any(), any(), any()], walk)
}
