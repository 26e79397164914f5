use std::fmt::{Debug, Display};

use serde::de::DeserializeOwned;

/// Asserts that serde reads each value from the word that `Display` writes.
///
/// # Panics
/// If serde has another name for a value.
#[track_caller]
pub fn serde_reads_words<T: DeserializeOwned + Display + Debug + PartialEq>(values: impl IntoIterator<Item = T>) {
    for value in values {
        let read = serde_json::from_value::<T>(value.to_string().into());
        assert!(read.as_ref().is_ok_and(|read| *read == value), "`{value}` is read as {read:?}");
    }
}
