//! The functions of expressions, with the types of their arguments and results. Beside CEL's own (`size`, `contains`,
//! `startsWith`, `endsWith`, `matches`, `int`, `double`, `string`): `duration`, `byteSize`, `split`, `lowerAscii`,
//! `sets.contains`, `sets.intersects`.

use cel::{
    Env, ExecutionError,
    common::{
        types::{self, CelBool, CelInt, CelList, CelString},
        value::{CowVal, Val},
    },
};
use weir_model::{Duration, Size};

use super::{
    Type,
    meter::{self, Pattern},
};

/// The name under which the evaluator finds `matches`, called with a compiled pattern.
pub(super) const MATCHES: &str = "@matches";

/// A function that may be called.
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    /// The type of the value before the dot, if the function is called on a value.
    pub(crate) target: Option<fn() -> Type>,
    pub(crate) takes: &'static [fn() -> Type],
    pub(crate) gives: fn() -> Type,
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

/// All functions but `matches` and the functions of optional values; the checker handles these itself.
pub(crate) const SIGNATURES: &[Signature] = signatures! {
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
    "duration"(text) -> int;
    "byteSize"(text) -> int;
    "sets.contains"(list, list) -> bool;
    "sets.intersects"(list, list) -> bool;
    "dyn"(any) -> any;
};

fn argument<'a>(args: &'a [CowVal<'_, '_>], at: usize) -> &'a str {
    args.get(at).and_then(|arg| arg.downcast_ref::<CelString<'_>>()).map(CelString::inner).unwrap_or_default()
}

/// Reads a length of time, such as `7d`, in milliseconds.
pub(super) fn millis(text: &str) -> Result<i64, String> {
    let time: Duration = text.parse()?;
    i64::try_from(time.millis).map_err(|_| format!("`{text}` is too long"))
}

/// Reads a number of bytes, such as `1GiB`.
pub(super) fn bytes(text: &str) -> Result<i64, String> {
    let size: Size = text.parse()?;
    i64::try_from(size.bytes).map_err(|_| format!("`{text}` is too much"))
}

fn number<'b, 'v>(name: &str, read: Result<i64, String>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    read.map(|number| CowVal::owned(CelInt::from(number))).map_err(|why| ExecutionError::function_error(name, why))
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
pub(super) fn environment() -> Result<Env, cel::DeclarationError> {
    let mut env = Env::stdlib();
    let (text, any) = (|| types::STRING_TYPE, || types::DYN_TYPE);
    meter::add(&mut env)?;
    env.add_overload(MATCHES, MATCHES, vec![text(), any()], |args| {
        let pattern = args[1].downcast_ref::<Pattern>();
        Ok(boolean(pattern.is_some_and(|pattern| pattern.0.is_match(argument(&args, 0)))))
    })?;
    env.add_overload("duration", "duration_text", vec![text()], |args| number("duration", millis(argument(&args, 0))))?;
    env.add_overload("byteSize", "byte_size_text", vec![text()], |args| number("byteSize", bytes(argument(&args, 0))))?;
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
