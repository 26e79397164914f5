//! Static types: the knowledge about a value before the value exists.

use std::{borrow::Cow, fmt};

use crate::{Dialect, Entries, Problem};

/// The type of an expression.
#[derive(Clone, Debug)]
pub enum Type {
    /// The type without values: the items of an empty list.
    Never,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Double,
    /// Text.
    Text,
    /// `null`.
    Null,
    /// A list of values of that type.
    List(Box<Type>),
    /// A mapping from text to values of the type.
    Map(Box<Type>),
    /// A mapping with these fields.
    Record(&'static Shape),
    /// A mapping that has only known names, each with a value of its own type.
    Entries(&'static Entries),
    /// A value of that type that may be absent.
    Optional(Box<Type>),
    /// A value of any type.
    Any,
}

/// The fields of a record.
#[derive(Debug)]
pub struct Shape {
    /// The name in messages: `a topic`.
    pub name: &'static str,
    /// The fields, in the order of the reference.
    pub fields: &'static [Field],
}

/// A field of a record.
#[derive(Debug)]
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// The type of its value.
    pub of: fn() -> Type,
    /// `true` if the field may be missing, so that authors ask for it with `has`.
    pub optional: bool,
    /// The description of the field in the reference.
    pub about: fn() -> Cow<'static, str>,
}

impl Type {
    /// A list of values of that type.
    pub fn list(of: Type) -> Self {
        Self::List(Box::new(of))
    }

    /// A mapping from text to values of that type.
    pub fn map(of: Type) -> Self {
        Self::Map(Box::new(of))
    }

    /// Returns `true` if a value can be of both types.
    pub fn meets(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Any | Type::Never, _) | (_, Type::Any | Type::Never) => true,
            (Type::Int | Type::Double, Type::Int | Type::Double) => true,
            (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) | (Type::Optional(a), Type::Optional(b)) => {
                a.meets(b)
            }
            (Type::Record(a), Type::Record(b)) => std::ptr::eq(*a, *b),
            (Type::Entries(a), Type::Entries(b)) => std::ptr::eq(*a, *b),
            (Type::Record(_) | Type::Entries(_), Type::Map(_)) | (Type::Map(_), Type::Record(_) | Type::Entries(_)) => {
                true
            }
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }

    /// The type of a value that has one of both types.
    pub fn either(self, other: Type) -> Type {
        match (self, other) {
            (Type::Never, t) | (t, Type::Never) => t,
            (Type::Bool, Type::Bool) => Type::Bool,
            (Type::Int, Type::Int) => Type::Int,
            (Type::Double, Type::Double) => Type::Double,
            (Type::Text, Type::Text) => Type::Text,
            (Type::List(a), Type::List(b)) => Type::list(a.either(*b)),
            (Type::Map(a), Type::Map(b)) => Type::map(a.either(*b)),
            (Type::Optional(a), Type::Optional(b)) => Type::Optional(Box::new(a.either(*b))),
            (Type::Record(a), Type::Record(b)) if std::ptr::eq(a, b) => Type::Record(a),
            (Type::Entries(a), Type::Entries(b)) if std::ptr::eq(a, b) => Type::Entries(a),
            _ => Type::Any,
        }
    }

    /// Returns `true` if a value of the type takes no more than a machine word.
    pub fn is_small(&self) -> bool {
        matches!(self, Type::Bool | Type::Int | Type::Double | Type::Null)
    }

    /// Returns `true` if no value of the type is a mapping, a list or optional.
    pub fn is_plain(&self) -> bool {
        self.is_small() || matches!(self, Type::Text)
    }

    /// The type of a field or entry.
    pub fn field(&self, name: &str, dialect: &Dialect) -> Result<Type, Problem> {
        match self {
            Type::Record(shape) => match shape.fields.iter().find(|field| field.name == name) {
                Some(field) => Ok((field.of)()),
                None => {
                    let names = || shape.fields.iter().map(|field| field.name);
                    let help = match (dialect.closest)(name, &mut names()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => {
                            format!("there is {}", names().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))
                        }
                    };
                    Err(Problem::new(format!("{} has no field `{name}`", shape.name)).about(name).help(help))
                }
            },
            Type::Entries(entries) => (entries.of)(name).ok_or_else(|| {
                let problem = Problem::new(format!("there is no {} `{name}`", entries.entry)).about(name);
                match (entries.closest)(name) {
                    Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                    None => problem,
                }
            }),
            Type::Map(of) => Ok((**of).clone()),
            Type::Optional(of) => Ok(Type::Optional(Box::new(of.field(name, dialect)?))),
            Type::Any | Type::Never => Ok(Type::Any),
            other => Err(Problem::new(format!("{other} has no field `{name}`")).about(name)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Never => f.write_str("nothing"),
            Type::Bool => f.write_str("true or false"),
            Type::Int => f.write_str("a whole number"),
            Type::Double => f.write_str("a number"),
            Type::Text => f.write_str("text"),
            Type::Null => f.write_str("null"),
            Type::List(_) => f.write_str("a list"),
            Type::Map(_) => f.write_str("a mapping"),
            Type::Record(shape) => f.write_str(shape.name),
            Type::Entries(entries) => f.write_str(entries.name),
            Type::Optional(_) => f.write_str("an optional value"),
            Type::Any => f.write_str("a value"),
        }
    }
}
