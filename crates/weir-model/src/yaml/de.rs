//! serde on a [`Tape`]. Every error knows its node.

use std::fmt::{self, Display};

use serde::{
    Deserialize, Deserializer, de,
    de::{DeserializeSeed, Expected, IntoDeserializer, Unexpected, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

use super::tape::{NodeId, Shape, Tape, Trust};

/// Reads the node `at` as a `T`.
pub(crate) fn deserialize<'de, T: Deserialize<'de>>(tape: &Tape<'_>, at: NodeId) -> Result<T, TypeError> {
    T::deserialize(Value { tape, at: Some(at) }).map_err(|error| error.at(at))
}

/// A value that does not fit where it stands.
#[derive(Debug)]
pub(crate) struct TypeError(Box<Details>);

#[derive(Debug)]
struct Details {
    at: Option<NodeId>,
    problem: Problem,
}

/// The reason why a value does not fit.
#[derive(Debug)]
pub(crate) enum Problem {
    UnknownField {
        name: String,
        known: &'static [&'static str],
    },
    UnknownVariant {
        name: String,
        known: &'static [&'static str],
    },
    MissingField(&'static str),
    /// A message, and help.
    Other(String, Instead),
}

/// Help for a value that does not fit.
#[derive(Debug, Default)]
pub(crate) struct Instead {
    /// In words.
    pub(crate) help: Option<String>,
    /// The text to write, if only one can be meant.
    pub(crate) text: Option<String>,
}

impl Instead {
    fn words(help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), text: None }
    }

    fn text(text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), text: Some(text.into()) }
    }
}

impl TypeError {
    fn new(problem: Problem) -> Self {
        Self(Box::new(Details { at: None, problem }))
    }

    /// Adds the node, unless an inner value has set one.
    fn at(mut self, node: NodeId) -> Self {
        self.0.at.get_or_insert(node);
        self
    }

    fn instead(mut self, instead: Instead) -> Self {
        if let Problem::Other(_, of) = &mut self.0.problem {
            *of = instead;
        }
        self
    }

    /// The node and the problem. No node: a made-up value was refused.
    pub(crate) fn into_parts(self) -> (Option<NodeId>, Problem) {
        (self.0.at, self.0.problem)
    }
}

impl Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.problem)
    }
}

impl std::error::Error for TypeError {}

impl de::Error for TypeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Problem::Other(message.to_string(), Instead::default()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Map => "a mapping".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Unit => "nothing".to_owned(),
            Unexpected::Str(text) => format!("`{text}`"),
            other => other.to_string(),
        };
        Self::new(Problem::Other(format!("expected {expected}, found {found}"), Instead::default()))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownField { name: name.to_owned(), known })
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownVariant { name: name.to_owned(), known })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Problem::MissingField(name))
    }
}

/// A node as serde sees it; without a node, the value of a missing field, which passes as any type.
#[derive(Clone, Copy)]
struct Value<'t, 'a> {
    tape: &'t Tape<'a>,
    at: Option<NodeId>,
}

/// The type of a value.
enum Seen<'t> {
    Anything,
    Null,
    Plain(&'t str),
    Quoted(&'t str),
    Sequence(NodeId),
    Mapping(NodeId),
}

impl<'t, 'a> Value<'t, 'a> {
    fn see(self) -> Seen<'t> {
        let Some(at) = self.at else { return Seen::Anything };
        let node = self.tape.node(at);
        if node.trust == Trust::Anything {
            return Seen::Anything;
        }
        match node.shape {
            Shape::Plain if node.is_null() => Seen::Null,
            Shape::Plain => Seen::Plain(&node.text),
            Shape::Quoted => Seen::Quoted(&node.text),
            Shape::Sequence => Seen::Sequence(at),
            Shape::Mapping => Seen::Mapping(at),
        }
    }

    /// Returns the error for a value other than `expected`.
    fn expected(self, expected: &str) -> TypeError {
        let found = match self.see() {
            Seen::Anything => "something else".to_owned(),
            Seen::Null => "nothing".to_owned(),
            Seen::Plain(text) => format!("`{text}`"),
            Seen::Quoted(text) => format!("the text \"{text}\""),
            Seen::Sequence(_) => "a list".to_owned(),
            Seen::Mapping(_) => "a mapping".to_owned(),
        };
        TypeError::new(Problem::Other(format!("expected {expected}, found {found}"), Instead::default()))
    }

    fn entries(self, mapping: NodeId) -> Entries<'t, 'a> {
        Entries {
            tape: self.tape,
            mapping: Some(mapping),
            next: mapping + 1,
            end: self.tape.node(mapping).next,
            made_up: [].iter(),
            missing: self.tape.missing.iter(),
            value: None,
        }
    }

    fn made_up(self, fields: &'static [&'static str]) -> Entries<'t, 'a> {
        Entries {
            tape: self.tape,
            mapping: None,
            next: 0,
            end: 0,
            made_up: fields.iter(),
            missing: [].iter(),
            value: None,
        }
    }

    /// Runs the visitor on a mapping, so that what it finds missing is placed there.
    fn visit_mapping<'de, V: Visitor<'de>>(self, mapping: NodeId, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_map(self.entries(mapping)).map_err(|error| error.at(mapping))
    }

    fn visit_sequence<'de, V: Visitor<'de>>(self, sequence: NodeId, visitor: V) -> Result<V::Value, TypeError> {
        let items = Items { tape: self.tape, next: sequence + 1, end: self.tape.node(sequence).next };
        visitor.visit_seq(items)
    }

    fn integer<T: std::str::FromStr + Default>(self, min: &dyn Display, max: &dyn Display) -> Result<T, TypeError> {
        let wrong = |instead: Instead| self.expected("a whole number").instead(instead);
        match self.see() {
            Seen::Anything => Ok(T::default()),
            Seen::Plain(text) if is_integer(text) => text.parse().map_err(|_| {
                TypeError::new(Problem::Other(
                    format!("expected a whole number from {min} to {max}, found `{text}`"),
                    Instead::default(),
                ))
            }),
            Seen::Plain(text) => {
                let tidy = text.strip_suffix(".0").unwrap_or(text).replace('_', "");
                let decimal = tidy.trim_start_matches('0');
                Err(wrong(match is_integer(decimal) {
                    // `010` is ten to some readers and eight to others.
                    true if decimal != tidy => Instead::words(format!("write `{decimal}`")),
                    true => Instead::text(decimal, format!("write `{decimal}`")),
                    false => Instead::default(),
                }))
            }
            Seen::Quoted(text) if is_integer(text) => Err(wrong(Instead::text(text, "write it without quotes"))),
            _ => Err(wrong(Instead::default())),
        }
    }
}

/// Returns `true` if `text` is a whole number without leading zeros or a plus sign.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

/// Returns `true` if `text` stays one plain item when brackets are put around it.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain)
}

macro_rules! integers {
    ($($method:ident => $visit:ident as $int:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
            visitor.$visit(self.integer::<$int>(&<$int>::MIN, &<$int>::MAX)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_, '_> {
    type Error = TypeError;

    /// Hands scalars over as text: only a type that asks for a number gets one.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.see() {
            Seen::Anything => visitor.visit_str(""),
            Seen::Null => visitor.visit_unit(),
            Seen::Plain(text) | Seen::Quoted(text) => visitor.visit_str(text),
            Seen::Sequence(at) => self.visit_sequence(at, visitor),
            Seen::Mapping(at) => self.visit_mapping(at, visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        let instead = match self.see() {
            Seen::Anything | Seen::Plain("false") => return visitor.visit_bool(false),
            Seen::Plain("true") => return visitor.visit_bool(true),
            Seen::Quoted(text @ ("true" | "false")) => Instead::text(text, "write it without quotes"),
            Seen::Plain(text) | Seen::Quoted(text) => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => Instead::text("true", "write `true`"),
                "no" | "off" | "n" | "false" => Instead::text("false", "write `false`"),
                _ => Instead::default(),
            },
            _ => Instead::default(),
        };
        Err(self.expected("`true` or `false`").instead(instead))
    }

    integers!(
        deserialize_u8 => visit_u8 as u8,
        deserialize_u16 => visit_u16 as u16,
        deserialize_u32 => visit_u32 as u32,
        deserialize_u64 => visit_u64 as u64,
        deserialize_i8 => visit_i8 as i8,
        deserialize_i16 => visit_i16 as i16,
        deserialize_i32 => visit_i32 as i32,
        deserialize_i64 => visit_i64 as i64
    );

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.see() {
            Seen::Anything => visitor.visit_str(""),
            Seen::Plain(text) | Seen::Quoted(text) => visitor.visit_str(text),
            Seen::Null | Seen::Sequence(_) | Seen::Mapping(_) => Err(self.expected("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.see() {
            Seen::Anything | Seen::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.see() {
            Seen::Anything => visitor.visit_seq(Items { tape: self.tape, next: 0, end: 0 }),
            Seen::Sequence(at) => self.visit_sequence(at, visitor),
            Seen::Plain(text) | Seen::Quoted(text) => {
                let (list, help) = (format!("[{text}]"), format!("write `[{text}]`"));
                Err(self.expected("a list").instead(match is_word(text) {
                    true => Instead::text(list, help),
                    false => Instead::words(help),
                }))
            }
            Seen::Null | Seen::Mapping(_) => Err(self.expected("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.see() {
            Seen::Anything => visitor.visit_map(self.made_up(&[])),
            Seen::Mapping(at) => self.visit_mapping(at, visitor),
            _ => Err(self.expected("a mapping")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        match self.see() {
            Seen::Anything => visitor.visit_map(self.made_up(fields)),
            Seen::Mapping(at) => self.visit_mapping(at, visitor),
            _ => Err(self.expected("a mapping")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        let name = match self.see() {
            Seen::Anything => variants.first().copied().unwrap_or_default(),
            Seen::Plain(text) | Seen::Quoted(text) => text,
            Seen::Null | Seen::Sequence(_) | Seen::Mapping(_) => {
                return Err(self.expected(&format!("one of {}", listed(variants.iter().copied()))));
            }
        };
        let name: StrDeserializer<'_, TypeError> = name.into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// Returns names in a row, as code: `` `a`, `b`, `c` ``.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The entries of a mapping, then the fields it was found to miss.
struct Entries<'t, 'a> {
    tape: &'t Tape<'a>,
    mapping: Option<NodeId>,
    next: NodeId,
    end: NodeId,
    made_up: std::slice::Iter<'static, &'static str>,
    missing: std::slice::Iter<'t, (NodeId, &'static str)>,
    value: Option<NodeId>,
}

impl<'de> de::MapAccess<'de> for Entries<'_, '_> {
    type Error = TypeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, TypeError> {
        while self.next < self.end {
            let key = self.next;
            let node = self.tape.node(key);
            let value = node.next;
            self.next = self.tape.node(value).next;
            if node.trust == Trust::Skip {
                continue;
            }
            self.value = Some(value);
            let text: StrDeserializer<'_, TypeError> = (*node.text).into_deserializer();
            return seed.deserialize(text).map(Some).map_err(|error| error.at(key));
        }
        self.value = None;
        let missing = self.missing.find(|(mapping, _)| Some(*mapping) == self.mapping).map(|(_, field)| *field);
        let Some(field) = missing.or_else(|| self.made_up.next().copied()) else { return Ok(None) };
        let text: StrDeserializer<'_, TypeError> = field.into_deserializer();
        seed.deserialize(text).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TypeError> {
        let result = seed.deserialize(Value { tape: self.tape, at: self.value });
        match self.value {
            Some(value) => result.map_err(|error| error.at(value)),
            None => result,
        }
    }
}

struct Items<'t, 'a> {
    tape: &'t Tape<'a>,
    next: NodeId,
    end: NodeId,
}

impl<'de> de::SeqAccess<'de> for Items<'_, '_> {
    type Error = TypeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, TypeError> {
        if self.next >= self.end {
            return Ok(None);
        }
        let item = self.next;
        self.next = self.tape.node(item).next;
        seed.deserialize(Value { tape: self.tape, at: Some(item) }).map(Some).map_err(|error| error.at(item))
    }
}
