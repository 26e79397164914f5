//! Values of several stages as one value and what differs.

use std::collections::BTreeMap;

use weir_model::Patch;

/// One value for all stages, and what differs in some.
pub(crate) struct Layers<T> {
    /// What the entity says below `spec`.
    pub(crate) base: Base<T>,
    /// What its stages say, by index; those that say nothing are not among them.
    pub(crate) overlays: BTreeMap<usize, Patch<T>>,
}

/// What an entity says below `spec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base<T> {
    /// Nothing: the profile holds, where it says something.
    Silent,
    /// That the profile's value does not hold.
    Dropped,
    /// A value.
    Value(T),
}

/// Splits the values of stages, by index, over a value that lies below the entity (its profile's). Below `spec` stands
/// what most stages have; of equally many, what the latest of them has.
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
    /// How much there is to write.
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
