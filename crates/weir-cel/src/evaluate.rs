//! Evaluation of a checked expression: its context, its result and its failures.

use std::{panic::AssertUnwindSafe, sync::Arc};

use cel::{
    Context, Env, ExecutionError, Value,
    common::{
        types::{CelBool, CelString},
        value::CowVal,
    },
    context::VariableResolver,
};

use crate::{
    BUDGET, Dialect, Expression, LONGEST_TEXT, Problem, Record, functions,
    meter::{METER, Meter, Pattern, SPENT},
};

/// The functions of the language, ready for use.
#[derive(Clone)]
pub struct Environment(Arc<Env>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// The environment of a dialect.
    ///
    /// # Errors
    /// If two of its functions have the same name.
    pub fn new(dialect: &'static Dialect) -> Result<Self, Problem> {
        let env = functions::environment(dialect).map_err(|err| Problem::new(err.to_string()))?;
        Ok(Self(Arc::new(env)))
    }

    /// An environment without functions: no expression can be evaluated with it.
    pub fn empty() -> Self {
        Self(Arc::new(Env::default()))
    }
}

/// The values that an expression sees, by name.
#[derive(Debug)]
pub struct Globals<'w, 'n> {
    named: &'n [(&'static str, &'n Record<'w>)],
    patterns: &'n [Pattern],
    meter: Meter,
}

/// The reason why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The evaluation exceeded its budget.
    Spent,
    /// Any other reason: a fragment in lower case, with advice.
    Other(Problem),
}

impl<'w, 'n> Globals<'w, 'n> {
    /// The values with these names.
    pub fn new(named: &'n [(&'static str, &'n Record<'w>)]) -> Self {
        Self { named, patterns: &[], meter: Meter::default() }
    }

    fn record(&self, name: &str) -> Option<&'n Record<'w>> {
        self.named.iter().find(|(other, _)| *other == name).map(|(_, record)| *record)
    }
}

impl VariableResolver for Globals<'_, '_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(internal) = name.strip_prefix('@') {
            if name == METER {
                return Some(CowVal::Borrowed(&self.meter));
            }
            let at: usize = internal.strip_prefix("re")?.parse().ok()?;
            return self.patterns.get(at).map(|pattern| CowVal::Borrowed(pattern as _));
        }
        // The evaluator asks for the longest name first, so `entity.spec.partitions` is found in one step.
        match name.split_once('.') {
            Some((root, path)) => self.record(root)?.walk(path).map(CowVal::Borrowed),
            None => self.record(name).map(|record| CowVal::Borrowed(record as _)),
        }
    }
}

impl Expression {
    /// Evaluates to true or false. Adds the cost beyond the expression's own length to `spent`.
    pub fn holds<'n>(
        &'n self,
        env: &Environment,
        globals: &mut Globals<'_, 'n>,
        spent: &mut u64,
    ) -> Result<bool, Failure> {
        self.evaluate(env, globals, spent, |value| value.downcast_ref::<CelBool>().map(|value| *value.inner()))
            .and_then(|held| held.ok_or_else(|| other("the expression gave no truth value")))
    }

    /// Evaluates to text.
    pub fn text<'n>(
        &'n self,
        env: &Environment,
        globals: &mut Globals<'_, 'n>,
        spent: &mut u64,
    ) -> Result<String, Failure> {
        let read =
            |value: &CowVal<'_, '_>| value.downcast_ref::<CelString<'_>>().map(|text| cut(text.inner(), LONGEST_TEXT));
        self.evaluate(env, globals, spent, read)
            .and_then(|text| text.ok_or_else(|| other("the expression gave no text")))
    }

    fn evaluate<'n, T>(
        &'n self,
        env: &Environment,
        globals: &mut Globals<'_, 'n>,
        spent: &mut u64,
        read: impl FnOnce(&CowVal<'_, '_>) -> T,
    ) -> Result<T, Failure> {
        globals.patterns = &self.patterns;
        globals.meter.fill(BUDGET);
        let globals: &Globals<'_, '_> = globals;
        // The evaluator is foreign code: if the evaluator panics, the policy fails and the run goes on.
        let run = || {
            let mut context = Context::with_env(Arc::clone(&env.0));
            context.set_variable_resolver(globals);
            Value::resolve_val(&self.tree, &context).map(|value| read(&value))
        };
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(run));
        *spent += BUDGET - globals.meter.fill(0);
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(other("the expression cannot be evaluated")),
        }
    }
}

fn other(message: impl Into<String>) -> Failure {
    Failure::Other(Problem::new(message))
}

fn failure(error: &ExecutionError) -> Failure {
    match error {
        ExecutionError::FunctionError { function, message } if function == SPENT => {
            if message == "text" {
                other(format!("a text has more than {} KiB", LONGEST_TEXT >> 10))
            } else {
                Failure::Spent
            }
        }
        ExecutionError::FunctionError { function, message } => {
            other(format!("`{}`: {}", function.trim_start_matches('@'), cut(message, 200)))
        }
        ExecutionError::NoSuchKey(name) => Failure::Other(
            Problem::new(format!("there is no `{}`", cut(name, 100)))
                .help("ask for it first: `has(a.b)`, `\"b\" in a`, or `a[?\"b\"].orValue(…)`"),
        ),
        ExecutionError::IndexOutOfBounds(_) => other("the list is shorter than that"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => other("a division by zero"),
        ExecutionError::Overflow(..) => other("a number is too large"),
        ExecutionError::UndeclaredReference(name) => other(format!("there is no `{}`", cut(name, 100))),
        // The remaining errors print values, which may be long and may come from any file.
        ExecutionError::NoSuchOverload(error) => {
            other(format!("`{}` does not take {}", error.function(), error.argument_types().join(" and ")))
        }
        ExecutionError::UnexpectedType { got, want } => other(format!("expected {want}, found {got}")),
        _ => other("values do not fit together"),
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &text[..end])
}
