//! Values of several stages as one value and the differences.

use std::collections::BTreeMap;

use weir_model::Patch;

/// One value for all stages, and the differences in some.
pub(crate) struct Layers<T> {
    /// The value below `spec`.
    pub(crate) base: Base<T>,
    /// The values of stages, by index; without the stages that have none.
    pub(crate) overlays: BTreeMap<usize, Patch<T>>,
}

/// The value of an entity below `spec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base<T> {
    /// Nothing: the profile's value holds, if it has one.
    Silent,
    /// The order to drop the profile's value.
    Dropped,
    /// A value.
    Value(T),
}

/// Splits the values of stages, by index, over the value of a lower layer (the profile's). `spec` gets the value that
/// most stages have; among equally frequent values, the value of the latest stage.
pub(crate) fn layers<T: Clone + Eq>(values: &[(usize, Option<T>)], below: Option<&T>) -> Layers<T> {
    let most = values
        .iter()
        .max_by_key(|(stage, value)| (values.iter().filter(|(_, other)| other == value).count(), *stage))
        .and_then(|(_, value)| value.clone());
    let base = match most {
        most if most.as_ref() == below => Base::Silent,
        None => Base::Dropped,
        Some(value) => Base::Value(value),
    };
    let holds = match &base {
        Base::Silent => below,
        Base::Dropped => None,
        Base::Value(value) => Some(value),
    };
    let overlays = values
        .iter()
        .filter(|(_, value)| value.as_ref() != holds)
        .map(|(stage, value)| (*stage, value.clone().map_or(Patch::Remove, Patch::Set)))
        .collect();
    Layers { base, overlays }
}

impl<T> Layers<T> {
    /// Returns the number of entries to write.
    pub(crate) fn entries(&self) -> usize {
        let base = match self.base {
            Base::Silent => 0,
            Base::Dropped | Base::Value(_) => 1,
        };
        base + self.overlays.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_common_value_is_the_base_and_the_latest_of_equals() {
        let split = layers(&[(0, Some(3)), (1, Some(6)), (2, Some(3)), (3, None)], None);
        assert_eq!(split.base, Base::Value(3));
        assert_eq!(split.overlays, BTreeMap::from([(1, Patch::Set(6)), (3, Patch::Remove)]));
        let split = layers(&[(0, Some(3)), (1, Some(6))], Some(&3));
        assert_eq!((split.base, split.overlays), (Base::Value(6), BTreeMap::from([(0, Patch::Set(3))])));
        let split = layers(&[(0, Some(3)), (1, Some(3))], Some(&3));
        assert_eq!((split.base, split.overlays.len()), (Base::Silent, 0));
        let split = layers(&[(0, None), (1, None)], Some(&3));
        assert_eq!((split.base, split.overlays.len()), (Base::Dropped, 0));
    }
}
