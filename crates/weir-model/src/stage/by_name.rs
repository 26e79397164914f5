//! Things by name, in one piece of memory.

use std::{
    collections::BTreeMap,
    hash::BuildHasher,
    iter::Map,
    ops::{Index, RangeFrom},
    slice,
    sync::OnceLock,
};

use foldhash::fast::FixedState;

/// A map by name, sorted, in one piece of memory: for values that are made once, and walked and looked up often.
#[derive(Clone, Debug)]
pub struct ByName<'w, T> {
    sorted: Vec<(&'w str, T)>,
    /// The place of each name; made with the first look-up, and only for long lists.
    places: OnceLock<Places>,
}

impl<'w, T> FromIterator<(&'w str, T)> for ByName<'w, T> {
    /// No name may be there twice.
    fn from_iter<I: IntoIterator<Item = (&'w str, T)>>(all: I) -> Self {
        let mut sorted = Vec::from_iter(all);
        sorted.sort_by_key(|(name, _)| *name);
        Self { sorted, places: OnceLock::new() }
    }
}

impl<T> Default for ByName<'_, T> {
    fn default() -> Self {
        Self { sorted: Vec::new(), places: OnceLock::new() }
    }
}

impl<'w, T> ByName<'w, T> {
    /// Largest number of names for which a look at all of them is faster than a hash table.
    const FEW: usize = 16;

    /// Returns an empty map with room for `capacity` values.
    pub(super) fn with_capacity(room: usize) -> Self {
        Self { sorted: Vec::with_capacity(room), places: OnceLock::new() }
    }

    /// Returns the values that `keep` makes of the values of a map, under their names.
    pub fn filtered<E>(all: &'w BTreeMap<String, E>, mut keep: impl FnMut(&'w E) -> Option<T>) -> Self {
        let mut sorted = Vec::with_capacity(all.len());
        sorted.extend(all.iter().filter_map(|(name, value)| Some((name.as_str(), keep(value)?))));
        Self { sorted, places: OnceLock::new() }
    }

    /// Adds a value, or replaces the value of that name.
    pub(super) fn insert(&mut self, name: &'w str, value: T) {
        match self.sorted.binary_search_by_key(&name, |(name, _)| name) {
            Ok(place) => self.sorted[place].1 = value,
            Err(place) => self.sorted.insert(place, (name, value)),
        }
    }

    /// Removes and returns the value of that name.
    pub(super) fn remove(&mut self, name: &str) {
        self.sorted.retain(|(other, _)| *other != name);
    }

    /// Returns the value of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        if self.sorted.len() <= Self::FEW {
            return self.sorted.iter().find(|(other, _)| *other == name).map(|(_, value)| value);
        }
        let places = self.places.get_or_init(|| Places::of(self.sorted.iter().map(|(name, _)| *name)));
        places
            .candidates(name)
            .map(|place| &self.sorted[place])
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// Returns `true` if there is a value of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns all names and values, by name.
    pub fn iter(&self) -> Iter<'_, 'w, T> {
        self.into_iter()
    }

    /// Returns all names, sorted.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &&'w str> {
        self.iter().map(|(name, _)| name)
    }

    /// Returns all values, by name.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }

    /// Returns names and values from a name on, even if the name itself is missing.
    pub fn range(&self, from: RangeFrom<&str>) -> Iter<'_, 'w, T> {
        let start = self.sorted.partition_point(|(name, _)| *name < from.start);
        self.sorted[start..].iter().map(|(name, value)| (name, value))
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Returns `true` if there is no value.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}

/// Names and values, by name.
pub(crate) type Iter<'b, 'w, T> = Map<slice::Iter<'b, (&'w str, T)>, fn(&'b (&'w str, T)) -> (&'b &'w str, &'b T)>;

impl<'b, 'w, T> IntoIterator for &'b ByName<'w, T> {
    type Item = (&'b &'w str, &'b T);
    type IntoIter = Iter<'b, 'w, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.sorted.iter().map(|(name, value)| (name, value))
    }
}

/// A hash table of places in a list of names, without the names themselves. (A `HashMap<&str, _>` would keep them, and
/// the lock around it would tie the lifetimes of all views together.)
#[derive(Clone, Debug)]
struct Places(Box<[u32]>);

impl Places {
    const FREE: u32 = u32::MAX;

    fn of<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> Self {
        let mut places = vec![Self::FREE; (names.len() * 2).next_power_of_two()].into_boxed_slice();
        for (place, name) in (0..).zip(names) {
            let free = Self::probe(places.len(), name).find(|slot| places[*slot] == Self::FREE);
            free.into_iter().for_each(|slot| places[slot] = place);
        }
        Self(places)
    }

    /// Returns the places at which `name` may be.
    fn candidates(&self, name: &str) -> impl Iterator<Item = usize> {
        let taken = Self::probe(self.0.len(), name).map(|slot| self.0[slot]).take_while(|place| *place != Self::FREE);
        taken.map(|place| place as usize)
    }

    /// Returns every slot of a table of that size, from the first place of `name` on.
    fn probe(size: usize, name: &str) -> impl Iterator<Item = usize> + use<> {
        let start = FixedState::default().hash_one(name) as usize;
        (0..size).map(move |step| start.wrapping_add(step) & (size - 1))
    }
}

impl<T> Index<&str> for ByName<'_, T> {
    type Output = T;

    /// # Panics
    /// If there is no value of that name.
    fn index(&self, name: &str) -> &T {
        #[expect(clippy::expect_used, reason = "what indexing means, as for every map")]
        self.get(name).expect("something of that name")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_found_alike() {
        for count in [0, 1, 16, 17, 1000] {
            let all: BTreeMap<String, usize> = (0..count).map(|n| (format!("n{n:04}"), n)).collect();
            let even = ByName::filtered(&all, |n| n.is_multiple_of(2).then_some(*n));
            assert!(even.keys().is_sorted());
            for (name, n) in &all {
                assert_eq!(even.get(name).copied(), n.is_multiple_of(2).then_some(*n));
                assert_eq!(even.range(name..).count(), (*n..count).filter(|n| n.is_multiple_of(2)).count());
            }
            assert!(!even.contains_key("n"));
        }
    }

    #[test]
    fn later_values_replace() {
        let mut settings = ByName::default();
        for (name, value) in [("b", 1), ("a", 2), ("b", 3), ("c", 4)] {
            settings.insert(name, value);
        }
        settings.remove("c");
        assert_eq!(settings.iter().collect::<Vec<_>>(), [(&"a", &2), (&"b", &3)]);
        assert_eq!(settings["b"], 3);
    }
}
