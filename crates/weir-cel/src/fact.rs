//! Values that expressions see: built once for an entity, shared by all policies, borrowing from the workspace.

use std::{borrow::Cow, sync::Arc};

use cel::{
    ExecutionError,
    common::{
        traits::{Container, Indexer, Iterable, Iterator as Items, Sizer},
        types::{self, CelBool, CelDouble, CelInt, CelList, CelString},
        value::{CowVal, Val},
    },
};

use crate::meter::same;

/// A value.
#[derive(Clone, Debug)]
pub enum Fact<'w> {
    /// Text.
    Text(CelString<'w>),
    /// A whole number.
    Int(CelInt),
    /// A number with a fraction.
    Double(CelDouble),
    /// `true` or `false`.
    Bool(CelBool),
    /// A list.
    List(CelList<'w>),
    /// A sorted list of names.
    Names(Names<'w>),
    /// A mapping.
    Record(Record<'w>),
}

impl<'w> Fact<'w> {
    /// Borrowed text.
    pub fn text(text: &'w str) -> Self {
        Fact::Text(CelString::from(text))
    }

    /// Text of its own.
    pub fn owned(text: String) -> Self {
        Fact::Text(CelString::from(text))
    }

    /// Text that may be borrowed.
    pub fn cow(text: &Cow<'w, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::text(text),
            Cow::Owned(text) => Self::owned(text.clone()),
        }
    }

    /// A whole number.
    pub fn int(number: impl Into<i64>) -> Self {
        Fact::Int(CelInt::from(number.into()))
    }

    /// `true` or `false`.
    pub fn bool(value: bool) -> Self {
        Fact::Bool(CelBool::from(value))
    }

    /// A list of values.
    pub fn list(items: impl IntoIterator<Item = Fact<'w>>) -> Self {
        let items: Vec<Box<dyn Val + 'w>> = items.into_iter().map(Fact::boxed).collect();
        Fact::List(CelList::from(items))
    }

    /// A list of texts.
    pub fn texts(items: impl IntoIterator<Item = &'w str>) -> Self {
        Self::list(items.into_iter().map(Fact::text))
    }

    fn boxed(self) -> Box<dyn Val + 'w> {
        match self {
            Fact::Text(v) => Box::new(v),
            Fact::Int(v) => Box::new(v),
            Fact::Double(v) => Box::new(v),
            Fact::Bool(v) => Box::new(v),
            Fact::List(v) => Box::new(v),
            Fact::Names(v) => Box::new(v),
            Fact::Record(v) => Box::new(v),
        }
    }

    /// Returns the value as the evaluator sees it.
    pub fn val(&self) -> &(dyn Val + 'w) {
        match self {
            Fact::Text(v) => v,
            Fact::Int(v) => v,
            Fact::Double(v) => v,
            Fact::Bool(v) => v,
            Fact::List(v) => v,
            Fact::Names(v) => v,
            Fact::Record(v) => v,
        }
    }
}

/// Number of fields above which a record is sorted, so that a field is found by binary search.
const MANY: usize = 16;

/// Named values: CEL's map, with text for keys. Copying a record copies a pointer.
#[derive(Clone, Debug, Default)]
pub struct Record<'w>(Arc<Vec<(CelString<'w>, Fact<'w>)>>);

impl<'w> Record<'w> {
    /// Makes a record that is iterated in the order of `fields`, or by name if there are many.
    pub fn new(mut fields: Vec<(&'w str, Fact<'w>)>) -> Self {
        if fields.len() > MANY {
            fields.sort_by_key(|(name, _)| *name);
        }
        Self(Arc::new(fields.into_iter().map(|(name, fact)| (CelString::from(name), fact)).collect()))
    }

    /// Returns the value of a field.
    pub fn get(&self, name: &str) -> Option<&Fact<'w>> {
        let at = if self.0.len() > MANY {
            self.0.binary_search_by(|(field, _)| field.inner().cmp(name)).ok()
        } else {
            self.0.iter().position(|(field, _)| field.inner() == name)
        };
        at.and_then(|at| self.0.get(at)).map(|(_, fact)| fact)
    }

    /// The value at `a.b.c`.
    pub fn walk(&self, path: &str) -> Option<&(dyn Val + 'w)> {
        let mut record = self;
        let mut steps = path.split('.');
        let mut step = steps.next()?;
        loop {
            let fact = record.get(step)?;
            match (steps.next(), fact) {
                (None, fact) => return Some(fact.val()),
                (Some(next), Fact::Record(inner)) => (record, step) = (inner, next),
                (Some(_), _) => return None,
            }
        }
    }

    /// Returns the fields by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Fact<'w>)> {
        self.0.iter().map(|(name, fact)| (name.inner(), fact))
    }
}

impl Container for Record<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(value.downcast_ref::<CelString<'_>>().is_some_and(|name| self.get(name.inner()).is_some()))
    }
}

impl<'w> Indexer for Record<'w> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = index.downcast_ref::<CelString<'_>>().map(CelString::inner).unwrap_or_default();
        match Record::get(self, name) {
            Some(fact) => Ok(CowVal::Borrowed(fact.val())),
            None => Err(ExecutionError::no_such_key(name)),
        }
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Indexer::get(&*self, index).map(CowVal::into_owned)
    }
}

impl<'w> Iterable for Record<'w> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Items<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Lent(self.0.iter().map(|(name, _)| name)))
    }
}

/// Many names: CEL's list. A name is found by binary search, and copying the list copies a pointer.
#[derive(Clone, Debug, Default)]
pub struct Names<'w>(Arc<Vec<CelString<'w>>>);

impl<'w> Names<'w> {
    /// Makes the list from names that are already sorted.
    pub fn sorted(names: impl IntoIterator<Item = &'w str>) -> Self {
        Self(Arc::new(names.into_iter().map(CelString::from).collect()))
    }
}

impl Container for Names<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        let name = value.downcast_ref::<CelString<'_>>().map(CelString::inner);
        Ok(name.is_some_and(|name| self.0.binary_search_by(|other| other.inner().cmp(name)).is_ok()))
    }
}

impl<'w> Indexer for Names<'w> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let at = index.downcast_ref::<CelInt>().and_then(|at| usize::try_from(*at.inner()).ok());
        match at.and_then(|at| self.0.get(at)) {
            Some(name) => Ok(CowVal::Borrowed(name)),
            None => Err(ExecutionError::function_error("_[_]", "there is no such item")),
        }
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Indexer::get(&*self, index).map(CowVal::into_owned)
    }
}

impl<'w> Iterable for Names<'w> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Items<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Lent(self.0.iter()))
    }
}

/// Implements `Val` and `Sizer` for a value that holds its parts in a shared vector.
macro_rules! value_with_parts {
    ($value:ident, $type:ident) => {
        impl<'w> Val for $value<'w> {
            fn get_type(&self) -> &types::Type {
                <Self as Val>::cel_type()
            }

            fn cel_type() -> &'static types::Type {
                &types::$type
            }

            fn as_container(&self) -> Option<&dyn Container> {
                Some(self)
            }

            fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
            where
                Self: 'v,
            {
                Some(self)
            }

            fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
            where
                Self: 'v,
            {
                Some(self)
            }

            fn as_sizer(&self) -> Option<&dyn Sizer> {
                Some(self)
            }

            fn equals(&self, other: &dyn Val) -> bool {
                same(self, other, None).unwrap_or(false)
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
            where
                Self: 'v,
            {
                Box::new(self.clone())
            }
        }

        impl Sizer for $value<'_> {
            fn size(&self) -> CelInt {
                CelInt::from(self.0.len() as i64)
            }
        }
    };
}

value_with_parts!(Record, MAP_TYPE);
value_with_parts!(Names, LIST_TYPE);

/// An iterator over stored texts, in the evaluator's own trait.
struct Lent<I>(I);

impl<'b, 'w: 'b + 'v, 'v, I: Iterator<Item = &'b CelString<'w>>> Items<'b, 'v> for Lent<I> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|text| text as &(dyn Val + 'v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_in_short_and_in_long_records() {
        let names: Vec<String> = (0..100).rev().map(|n| format!("n{n}")).collect();
        for many in [1, MANY, MANY + 1, 100] {
            let fields = names[..many].iter().enumerate().map(|(at, name)| (name.as_str(), Fact::int(at as i64)));
            let record = Record::new(fields.collect());
            for (at, name) in names[..many].iter().enumerate() {
                assert!(matches!(record.get(name), Some(Fact::Int(found)) if *found.inner() == at as i64), "{name}");
            }
            assert!(record.get("n").is_none() && record.get("x").is_none());
        }
    }

    #[test]
    fn records_with_the_same_fields_are_equal() {
        let record = |fields: &[&'static str]| Record::new(fields.iter().map(|f| (*f, Fact::text(f))).collect());
        assert!(record(&["a", "b"]).equals(&record(&["b", "a"])));
        assert!(!record(&["a", "b"]).equals(&record(&["a"])) && !record(&["a"]).equals(&record(&["b"])));
        let names = Names::sorted(["a", "b"]);
        assert!(names.equals(&Names::sorted(["a", "b"])) && !names.equals(&Names::sorted(["a", "c"])));
        assert!(names.equals(Fact::texts(["a", "b"]).val()) && !names.equals(&record(&["a", "b"])));
    }
}
