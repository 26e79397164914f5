//! The functions of expressions, with the types of their arguments and results. Beside CEL's own (`size`, `contains`,
//! `startsWith`, `endsWith`, `matches`, `int`, `double`, `string`): `split`, `lowerAscii`, `sets.contains`,
//! `sets.intersects`, and the readers of the [`Dialect`].

use cel::{
    Env, ExecutionError,
    common::{
        types::{self, CelBool, CelList, CelString},
        value::{CowVal, Val},
    },
};

use crate::{
    Dialect, Reader, Type,
    meter::{self, Pattern},
};

/// The name under which the evaluator finds `matches`, called with a compiled pattern.
pub(crate) const MATCHES: &str = "@matches";

/// A function that may be called.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Name, with its namespace: `sets.contains`.
    pub name: &'static str,
    /// The type of the value before the dot, if the function is called on a value.
    pub target: Option<fn() -> Type>,
    /// The types of its arguments.
    pub takes: &'static [fn() -> Type],
    /// The type of its result.
    pub gives: fn() -> Type,
}

const fn text() -> Type {
    Type::Text
}
const fn int() -> Type {
    Type::Int
}
const fn double() -> Type {
    Type::Double
}
const fn bool() -> Type {
    Type::Bool
}
const fn any() -> Type {
    Type::Any
}
fn texts() -> Type {
    Type::list(Type::Text)
}
fn list() -> Type {
    Type::list(Type::Any)
}
fn map() -> Type {
    Type::map(Type::Any)
}

macro_rules! signatures {
    ($($($target:ident .)? $name:literal ($($takes:ident),*) -> $gives:ident;)+) => {
        &[$(Signature {
            name: $name,
            target: signatures!(@target $($target)?),
            takes: &[$($takes),*],
            gives: $gives,
        }),+]
    };
    (@target) => { None };
    (@target $target:ident) => { Some($target) };
}

/// All functions of the language itself but `matches` and those of optional values; the checker handles these.
const SIGNATURES: &[Signature] = signatures! {
    "size"(text) -> int;
    "size"(list) -> int;
    "size"(map) -> int;
    text."size"() -> int;
    list."size"() -> int;
    map."size"() -> int;
    text."contains"(text) -> bool;
    text."startsWith"(text) -> bool;
    text."endsWith"(text) -> bool;
    text."split"(text) -> texts;
    text."lowerAscii"() -> text;
    "int"(int) -> int;
    "int"(double) -> int;
    "int"(text) -> int;
    "double"(int) -> double;
    "double"(double) -> double;
    "double"(text) -> double;
    "string"(text) -> text;
    "string"(int) -> text;
    "string"(double) -> text;
    "string"(bool) -> text;
    "sets.contains"(list, list) -> bool;
    "sets.intersects"(list, list) -> bool;
    "dyn"(any) -> any;
};

/// Returns all functions but `matches` and the functions of optional values; the checker handles these itself.
pub fn signatures(dialect: &Dialect) -> impl Iterator<Item = Signature> + Clone {
    let readers = dialect.readers.iter();
    let readers = readers.map(|reader| Signature { name: reader.name, target: None, takes: &[text], gives: int });
    SIGNATURES.iter().copied().chain(readers)
}

fn argument<'a>(args: &'a [CowVal<'_, '_>], at: usize) -> &'a str {
    args.get(at).and_then(|arg| arg.downcast_ref::<CelString<'_>>()).map(CelString::inner).unwrap_or_default()
}

fn boolean<'b, 'v>(value: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(value))
}

/// Returns `true` if the list `args[0]` has all items of `args[1]` (with `all`), or at least one of them (without).
fn shared(args: &[CowVal<'_, '_>], all: bool) -> Result<bool, ExecutionError> {
    let Some(asked) = args[1].as_iterable() else {
        return Err(ExecutionError::function_error("sets", "expected two lists"));
    };
    let mut items = asked.iter();
    while let Some(item) = items.next() {
        if meter::among(item, args[0].as_ref(), None)? != all {
            return Ok(!all);
        }
    }
    Ok(all)
}

/// The environment of all expressions.
pub(crate) fn environment(dialect: &'static Dialect) -> Result<Env, cel::DeclarationError> {
    let mut env = Env::stdlib();
    let (text, any) = (|| types::STRING_TYPE, || types::DYN_TYPE);
    meter::add(&mut env)?;
    env.add_overload(MATCHES, MATCHES, vec![text(), any()], |args| {
        let pattern = args[1].downcast_ref::<Pattern>();
        Ok(boolean(pattern.is_some_and(|pattern| pattern.0.is_match(argument(&args, 0)))))
    })?;
    for Reader { name, read: _, call } in dialect.readers {
        env.add_overload(name, name, vec![text()], *call)?;
    }
    env.add_member_overload("split", "split_text", text(), vec![text()], |args| {
        let (whole, by) = (argument(&args, 0), argument(&args, 1));
        if by.is_empty() {
            return Err(ExecutionError::function_error("split", "there is nothing to split by"));
        }
        let parts = whole.split(by).map(|part| Box::new(CelString::from(part.to_owned())) as Box<dyn Val>);
        Ok(CowVal::owned(CelList::from(parts.collect::<Vec<_>>())))
    })?;
    env.add_member_overload("lowerAscii", "lower_ascii", text(), vec![], |args| {
        Ok(CowVal::owned(CelString::from(argument(&args, 0).to_ascii_lowercase())))
    })?;
    env.add_overload("sets.contains", "sets_contains", vec![any(), any()], |args| Ok(boolean(shared(&args, true)?)))?;
    env.add_overload("sets.intersects", "sets_intersects", vec![any(), any()], |args| {
        Ok(boolean(shared(&args, false)?))
    })?;
    Ok(env)
}
