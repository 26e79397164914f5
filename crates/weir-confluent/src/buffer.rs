//! A buffer for answers that may hold a secret.

use secrecy::zeroize::{Zeroize, Zeroizing};

/// A growing buffer that leaves no copy behind: a `Vec` moves to a larger place without wiping the earlier one.
pub(crate) struct Buffer<T: Zeroize = u8>(Zeroizing<Vec<T>>);

impl<T: Zeroize + Clone> Buffer<T> {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn extend(&mut self, more: &[T]) {
        let needed = self.0.len() + more.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            // The smaller place is wiped here, when it is dropped.
            self.0 = larger;
        }
        self.0.extend_from_slice(more);
    }

    /// Returns the content, which is still wiped when it is dropped.
    pub(crate) fn into_inner(self) -> Zeroizing<Vec<T>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    /// A byte that counts how often one of its copies is wiped.
    #[derive(Clone)]
    struct Byte(Rc<Cell<usize>>);

    impl Zeroize for Byte {
        fn zeroize(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn each_place_is_wiped_when_the_buffer_grows() {
        let wiped = Rc::new(Cell::new(0));
        let bytes = vec![Byte(wiped.clone()); 4];
        let mut buffer = Buffer::with_capacity(4);
        buffer.extend(&bytes);
        assert_eq!(wiped.get(), 0, "there is room for four");
        buffer.extend(&bytes[..1]);
        assert_eq!((buffer.len(), wiped.get()), (5, 4), "the place of the first four");
        buffer.extend(&bytes);
        assert_eq!((buffer.len(), wiped.get()), (9, 4 + 5), "the place of the first five");
        drop(buffer.into_inner());
        assert_eq!(wiped.get(), 4 + 5 + 9);
    }

    #[test]
    fn the_content_stays_the_same() {
        let mut buffer = Buffer::with_capacity(0);
        for part in ["", "a", "bcd", "", "efghijklmnop"] {
            buffer.extend(part.as_bytes());
        }
        assert_eq!(buffer.into_inner().as_slice(), b"abcdefghijklmnop");
    }
}
