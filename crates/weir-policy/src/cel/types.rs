//! Static types: the knowledge about a value before the value exists.

use std::fmt;

use weir_model::{closest, settings};

use super::Problem;

/// The type of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Type {
    /// The type without values: the items of an empty list.
    Never,
    Bool,
    Int,
    Double,
    Text,
    Null,
    List(Box<Type>),
    /// A mapping from text to values of the type.
    Map(Box<Type>),
    Record(&'static Shape),
    /// Topic settings by name, each of its own type.
    Settings,
    Optional(Box<Type>),
    Any,
}

/// The fields of a record.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The name in messages: `a topic`.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

/// A field of a record.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) of: fn() -> Type,
    /// `true` if the field may be missing, so that authors ask for it with `has`.
    pub(crate) optional: bool,
    /// The description of the field in the reference.
    pub(crate) about: &'static str,
}

impl Type {
    pub(crate) fn list(of: Type) -> Self {
        Self::List(Box::new(of))
    }

    pub(crate) fn map(of: Type) -> Self {
        Self::Map(Box::new(of))
    }

    /// Returns `true` if a value can be of both types.
    pub(crate) fn meets(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Any | Type::Never, _) | (_, Type::Any | Type::Never) => true,
            (Type::Int | Type::Double, Type::Int | Type::Double) => true,
            (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) | (Type::Optional(a), Type::Optional(b)) => {
                a.meets(b)
            }
            (Type::Record(a), Type::Record(b)) => std::ptr::eq(*a, *b),
            (Type::Record(_) | Type::Settings, Type::Map(_)) | (Type::Map(_), Type::Record(_) | Type::Settings) => true,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }

    /// The type of a value that has one of both types.
    pub(crate) fn either(self, other: Type) -> Type {
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
            (Type::Settings, Type::Settings) => Type::Settings,
            _ => Type::Any,
        }
    }

    /// Returns `true` if a value of the type takes no more than a machine word.
    pub(crate) fn is_small(&self) -> bool {
        matches!(self, Type::Bool | Type::Int | Type::Double | Type::Null)
    }

    /// Returns `true` if no value of the type is a mapping, a list or optional.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_small() || matches!(self, Type::Text)
    }

    /// The type of a field or entry.
    pub(crate) fn field(&self, name: &str) -> Result<Type, Problem> {
        match self {
            Type::Record(shape) => match shape.fields.iter().find(|field| field.name == name) {
                Some(field) => Ok((field.of)()),
                None => {
                    let names = || shape.fields.iter().map(|field| field.name);
                    let help = match closest(name, names()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => {
                            format!("there is {}", names().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))
                        }
                    };
                    Err(Problem::new(format!("{} has no field `{name}`", shape.name)).about(name).help(help))
                }
            },
            Type::Settings => match settings::lookup(name) {
                Some(setting) => Ok(of_setting(setting)),
                None => {
                    let problem = Problem::new(format!("there is no topic setting `{name}`")).about(name);
                    Err(match settings::did_you_mean(name) {
                        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                        None => problem,
                    })
                }
            },
            Type::Map(of) => Ok((**of).clone()),
            Type::Optional(of) => Ok(Type::Optional(Box::new(of.field(name)?))),
            Type::Any | Type::Never => Ok(Type::Any),
            other => Err(Problem::new(format!("{other} has no field `{name}`")).about(name)),
        }
    }
}

fn of_setting(setting: &settings::Setting) -> Type {
    use settings::SettingKind;
    match setting.kind {
        SettingKind::Time(_) | SettingKind::Size(_) | SettingKind::Integer(_) => Type::Int,
        SettingKind::Ratio => Type::Double,
        SettingKind::Boolean => Type::Bool,
        SettingKind::Word(_) => Type::Text,
        SettingKind::Words(_) => Type::list(Type::Text),
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
            Type::Settings => f.write_str("topic settings"),
            Type::Optional(_) => f.write_str("an optional value"),
            Type::Any => f.write_str("a value"),
        }
    }
}
