//! The parts of the language that the caller brings along.

use cel::{
    ExecutionError,
    common::{
        types::{CelInt, CelString},
        value::CowVal,
    },
};

use crate::Type;

/// The functions that the caller adds to the language.
#[derive(Debug)]
pub struct Dialect {
    /// Returns the known name that a wrong one most likely stands for, if one is close enough to be suggested.
    pub closest: for<'k> fn(wrong: &str, known: &mut dyn Iterator<Item = &'k str>) -> Option<&'k str>,
    /// Functions of expressions that read a number from text.
    pub readers: &'static [Reader],
}

/// A function of expressions that reads a whole number from text, as `duration("7d")`. A text that is written out is
/// read when the expression is checked. [`reader!`](crate::reader) makes one.
#[derive(Debug)]
pub struct Reader {
    /// Name of the function.
    pub name: &'static str,
    /// Reads the number; the error is a fragment in lower case.
    pub read: fn(&str) -> Result<i64, String>,
    /// Calls `read` with the arguments of an expression.
    pub call: for<'b, 'v> fn(Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError>,
}

impl Reader {
    /// Calls `read` with the arguments of an expression. The evaluator takes functions that capture nothing, so
    /// [`reader!`](crate::reader) writes one for each reader.
    ///
    /// # Errors
    /// If the text is no such number.
    pub fn call<'b, 'v>(
        name: &str,
        read: fn(&str) -> Result<i64, String>,
        args: &[CowVal<'_, '_>],
    ) -> Result<CowVal<'b, 'v>, ExecutionError> {
        let text = args.first().and_then(|arg| arg.downcast_ref::<CelString<'_>>());
        match read(text.map(CelString::inner).unwrap_or_default()) {
            Ok(number) => Ok(CowVal::owned(CelInt::from(number))),
            Err(why) => Err(ExecutionError::function_error(name, why)),
        }
    }
}

/// Makes a [`Reader`] from the name of the function and the function itself.
#[macro_export]
macro_rules! reader {
    ($name:literal, $read:expr) => {
        $crate::Reader { name: $name, read: $read, call: |args| $crate::Reader::call($name, $read, &args) }
    };
}

/// A mapping that has only known names, each with a value of its own type.
#[derive(Debug)]
pub struct Entries {
    /// The mapping, as people would say: `topic settings`.
    pub name: &'static str,
    /// One entry of it: `topic setting`.
    pub entry: &'static str,
    /// Returns the type of the entry with that name, if there is one.
    pub of: fn(&str) -> Option<Type>,
    /// Returns the known name that a wrong one most likely stands for.
    pub closest: fn(&str) -> Option<&'static str>,
}
