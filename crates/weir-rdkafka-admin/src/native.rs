//! Ownership of librdkafka's objects, and safe access to the contents of its events.

use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::NonNull;

use rdkafka::bindings::*;

use crate::error::{Error, ItemError};
use crate::ffi;

/// Size in bytes of the buffers for librdkafka's explanations.
pub(crate) const REASON_SIZE: usize = 512;

/// Destructor of a type of librdkafka.
///
/// # Safety
///
/// `destroy` frees one object of this type, once, and nothing else. The object has no other owner.
pub(crate) unsafe trait Destroy {
    /// Frees the object.
    ///
    /// # Safety
    ///
    /// `object` is alive and owned by the caller.
    unsafe fn destroy(object: *mut Self);
}

macro_rules! destroy {
    ($($object:ident => $function:ident),+ $(,)?) => {$(
        // SAFETY: the destructor that rdkafka.h names for this type.
        unsafe impl Destroy for $object {
            unsafe fn destroy(object: *mut Self) {
                // SAFETY: alive and owned, as the caller promises.
                unsafe { $function(object) }
            }
        }
    )+};
}

destroy! {
    rd_kafka_AclBinding_t => rd_kafka_AclBinding_destroy,
    rd_kafka_AdminOptions_t => rd_kafka_AdminOptions_destroy,
    rd_kafka_ConfigResource_t => rd_kafka_ConfigResource_destroy,
    rd_kafka_DeleteTopic_t => rd_kafka_DeleteTopic_destroy,
    rd_kafka_ListConsumerGroupOffsets_t => rd_kafka_ListConsumerGroupOffsets_destroy,
    rd_kafka_NewPartitions_t => rd_kafka_NewPartitions_destroy,
    rd_kafka_NewTopic_t => rd_kafka_NewTopic_destroy,
    rd_kafka_TopicCollection_t => rd_kafka_TopicCollection_destroy,
    rd_kafka_UserScramCredentialAlteration_t => rd_kafka_UserScramCredentialAlteration_destroy,
    rd_kafka_error_t => rd_kafka_error_destroy,
    rd_kafka_event_t => rd_kafka_event_destroy,
    rd_kafka_queue_t => rd_kafka_queue_destroy,
    rd_kafka_topic_partition_list_t => rd_kafka_topic_partition_list_destroy,
}

/// An object of librdkafka that this handle owns. A slice of handles is the array of pointers that C functions expect.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Owned<T: Destroy>(NonNull<T>);

impl<T: Destroy> Owned<T> {
    /// Takes ownership of `object`, unless it is null.
    ///
    /// # Safety
    ///
    /// `object` is null, or alive and owned by the caller, who passes the ownership on.
    pub(crate) unsafe fn new(object: *mut T) -> Option<Self> {
        NonNull::new(object).map(Self)
    }

    /// Returns the object, which is valid as long as `self`.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }

    /// Returns a view of the object.
    pub(crate) fn view(&self) -> Ref<'_, T> {
        Ref(self.0, PhantomData)
    }
}

impl<T: Destroy> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `new` took the object over, and this is its only drop.
        unsafe { T::destroy(self.0.as_ptr()) }
    }
}

// SAFETY: librdkafka is thread-safe and its queues are made to be used by several threads at once.
unsafe impl Send for Owned<rd_kafka_queue_t> {}
// SAFETY: as above.
unsafe impl Sync for Owned<rd_kafka_queue_t> {}

/// Returns the array of pointers that C functions expect. It is valid as long as `objects`.
pub(crate) fn array<T: Destroy>(objects: &mut [Owned<T>]) -> *mut *mut T {
    objects.as_mut_ptr().cast()
}

/// A borrowed object of librdkafka.
pub(crate) struct Ref<'a, T>(NonNull<T>, PhantomData<&'a T>);

impl<T> Clone for Ref<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<'_, T> {}

impl<'a, T> Ref<'a, T> {
    /// Returns a view of `object`, unless it is null.
    ///
    /// # Safety
    ///
    /// `object` is null, or alive and unchanged for `'a`.
    pub(crate) unsafe fn new(object: *const T) -> Option<Self> {
        NonNull::new(object.cast_mut()).map(|object| Self(object, PhantomData))
    }

    /// Returns the object.
    pub(crate) fn as_ptr(self) -> *mut T {
        self.0.as_ptr()
    }
}

/// Safe methods over getters of librdkafka, one line each.
///
/// Each line is a promise about the C function that it names, checked against rdkafka.h when it is written: `text`
/// returns a string or null, `number` an integer, `object` another object or null, `list` an array of pointers to
/// objects. The returned value stays valid and unchanged as long as the object that it was read from.
macro_rules! getters {
    ($object:ty { $($kind:ident $name:ident $(: $item:ty)? = $function:path;)+ }) => {
        impl<'a> $crate::native::Ref<'a, $object> {
            $($crate::native::getters!(@ 'a $object, $kind $name $(: $item)? = $function);)+
        }
    };
    (@ $a:lifetime $object:ty, text $name:ident = $function:path) => {
        pub(crate) fn $name(self) -> Option<String> {
            // SAFETY: `self` is alive; the string, if any, lives as long (see the macro) and is copied at once.
            unsafe { $crate::native::text($function(self.as_ptr())) }
        }
    };
    (@ $a:lifetime $object:ty, number $name:ident : $item:ty = $function:path) => {
        pub(crate) fn $name(self) -> $item {
            // SAFETY: `self` is alive.
            unsafe { $function(self.as_ptr()) }
        }
    };
    (@ $a:lifetime $object:ty, object $name:ident : $item:ty = $function:path) => {
        pub(crate) fn $name(self) -> Option<$crate::native::Ref<$a, $item>> {
            // SAFETY: `self` is alive and the returned object lives as long (see the macro).
            unsafe { $crate::native::Ref::new($function(self.as_ptr())) }
        }
    };
    (@ $a:lifetime $object:ty, list $name:ident : $item:ty = $function:path) => {
        pub(crate) fn $name(self) -> impl ExactSizeIterator<Item = $crate::native::Ref<$a, $item>> {
            let mut count = 0;
            // SAFETY: `self` is alive, `count` is writable.
            let first = unsafe { $function(self.as_ptr(), &raw mut count) };
            // SAFETY: `first` points to `count` objects that live as long as `self` (see the macro).
            unsafe { $crate::native::list::<$a, $item>(first, count) }
        }
    };
    (@ $a:lifetime $object:ty, numbers $name:ident = $function:path) => {
        /// Returns `None` if the array is null, which means that the operations were not requested.
        pub(crate) fn $name(self) -> Option<&$a [::std::ffi::c_int]> {
            let mut count = 0;
            // SAFETY: `self` is alive, `count` is writable.
            let first = unsafe { $function(self.as_ptr(), &raw mut count) };
            if first.is_null() {
                return None;
            }
            // SAFETY: `first` points to `count` integers that live as long as `self` (see the macro).
            Some(unsafe { ::std::slice::from_raw_parts(first, count) })
        }
    };
}
pub(crate) use getters;

/// Copies a string of librdkafka. Bytes that are not UTF-8 are replaced.
///
/// # Safety
///
/// `string` is null or a C string that stays unchanged during the call.
pub(crate) unsafe fn text(string: *const c_char) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: not null, so a C string.
    Some(unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned())
}

/// Returns the objects of an array of librdkafka. Null elements, which librdkafka uses for "no answer", are left out.
///
/// # Safety
///
/// `first` is null or points to `count` pointers, each null or to an object that lives for `'a`, as does the array.
pub(crate) unsafe fn list<'a, T: 'a>(first: *mut *const T, count: usize) -> impl ExactSizeIterator<Item = Ref<'a, T>> {
    let items: &'a [*const T] = if first.is_null() {
        &[]
    } else {
        // SAFETY: an array of `count` pointers that lives for 'a.
        unsafe { std::slice::from_raw_parts(first, count) }
    };
    // SAFETY: null or alive for 'a.
    let items: Vec<_> = items.iter().filter_map(|item| unsafe { Ref::new(*item) }).collect();
    items.into_iter()
}

getters! {
    rd_kafka_error_t {
        number code: c_int = ffi::rd_kafka_error_code;
        text message = rd_kafka_error_string;
    }
}

impl Ref<'_, rd_kafka_error_t> {
    /// Returns the error, or `Ok` if its code is 0.
    pub(crate) fn check(self) -> Result<(), ItemError> {
        match self.code() {
            0 => Ok(()),
            number => Err(ItemError::new(number, self.message())),
        }
    }
}

/// One partition in a list of librdkafka.
pub(crate) struct PartitionItem {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) result: Result<(), ItemError>,
}

impl Ref<'_, rd_kafka_topic_partition_t> {
    /// Copies the fields that this crate uses.
    pub(crate) fn read(self) -> PartitionItem {
        // SAFETY: `TopicPartition` describes the same memory, which is alive; its error may be any number.
        let item = unsafe { &*self.as_ptr().cast::<ffi::TopicPartition>() };
        // SAFETY: `topic` is null or a C string of this object.
        let topic = unsafe { text(item.topic) }.unwrap_or_default();
        PartitionItem { topic, partition: item.partition, offset: item.offset, result: check(item.err, None) }
    }
}

impl Ref<'_, rd_kafka_topic_partition_list_t> {
    /// Copies all partitions of the list.
    pub(crate) fn read(self) -> Vec<PartitionItem> {
        // SAFETY: the list is alive, and the fields read are not enums.
        let (first, count) = unsafe { ((*self.as_ptr()).elems, (*self.as_ptr()).cnt) };
        (0..usize::try_from(count).unwrap_or(0))
            // SAFETY: `elems` points to `cnt` partitions that live as long as the list.
            .filter_map(|index| unsafe { Ref::new(first.add(index)) })
            .map(Ref::<rd_kafka_topic_partition_t>::read)
            .collect()
    }
}

/// Makes a list of partitions for librdkafka.
pub(crate) fn partitions<'a>(
    items: impl ExactSizeIterator<Item = (&'a str, i32, i64)>,
) -> Result<Owned<rd_kafka_topic_partition_list_t>, Error> {
    let size = c_int::try_from(items.len()).unwrap_or(0); // only a hint
    // SAFETY: a new list, which is ours.
    let list = unsafe { Owned::new(rd_kafka_topic_partition_list_new(size)) }.ok_or_else(|| refused(0, "no memory"))?;
    for (index, (topic, partition, offset)) in items.enumerate() {
        let topic = c_string(index, "topic", topic)?;
        // SAFETY: the list is alive, the name is copied.
        let added = unsafe { rd_kafka_topic_partition_list_add(list.as_ptr(), topic.as_ptr(), partition) };
        // SAFETY: the new element of the list, valid until the next one is added.
        unsafe { (*added).offset = offset };
    }
    Ok(list)
}

/// Converts an error code to a result.
pub(crate) fn check(number: c_int, message: Option<String>) -> Result<(), ItemError> {
    if number == 0 { Ok(()) } else { Err(ItemError::new(number, message)) }
}

/// Returns librdkafka's description of an error code.
pub(crate) fn describe_error(number: c_int) -> Option<String> {
    // SAFETY: takes any number; the string is static, or a buffer of this thread, and copied at once.
    unsafe { text(ffi::rd_kafka_err2str(number)) }
}

/// Converts `value` to a C string.
pub(crate) fn c_string(index: usize, what: &str, value: &str) -> Result<CString, Error> {
    CString::new(value).map_err(|_| refused(index, &format!("the {what} {value:?} holds a NUL character")))
}

/// Makes the error for an item that librdkafka rejects.
pub(crate) fn refused(index: usize, reason: &str) -> Error {
    Error::Item { index, reason: reason.to_owned() }
}

/// Buffer for librdkafka's explanation of a rejection.
pub(crate) struct Reason([c_char; REASON_SIZE]);

impl Reason {
    /// Makes an empty buffer.
    pub(crate) fn new() -> Self {
        Self([0; REASON_SIZE])
    }

    /// Returns the buffer, which is `REASON_SIZE` long.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut c_char {
        self.0.as_mut_ptr()
    }

    /// Returns librdkafka's text, or `otherwise` if the buffer is empty.
    pub(crate) fn or(&self, otherwise: &str) -> String {
        // SAFETY: starts as all zeros and librdkafka ends what it writes with a NUL, so there is one.
        let written = unsafe { text(self.0.as_ptr()) }.unwrap_or_default();
        if written.is_empty() { otherwise.to_owned() } else { written }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_written_and_read_back() {
        let list = partitions([("a", 0, 7), ("b", 3, -1)].into_iter()).unwrap();
        let read: Vec<_> = list.view().read().into_iter().map(|p| (p.topic, p.partition, p.offset, p.result)).collect();
        assert_eq!(read, [("a".to_owned(), 0, 7, Ok(())), ("b".to_owned(), 3, -1, Ok(()))]);
    }

    #[test]
    fn an_error_the_bindings_do_not_name_is_read_as_a_number() {
        let list = partitions([("a", 0, 0)].into_iter()).unwrap();
        // SAFETY: the list has one element, which `TopicPartition` describes.
        unsafe { (*(*list.as_ptr()).elems.cast::<ffi::TopicPartition>()).err = 12_345 };
        assert_eq!(list.view().read()[0].result.as_ref().unwrap_err().number, 12_345);
    }

    #[test]
    fn a_nul_character_is_refused_and_its_item_named() {
        let error = partitions([("a", 0, 0), ("b\0c", 0, 0)].into_iter()).unwrap_err();
        assert_eq!(error.to_string(), r#"item 1: the topic "b\0c" holds a NUL character"#);
    }

    #[test]
    fn null_pointers_become_none() {
        // SAFETY: null is allowed.
        unsafe {
            assert!(Owned::<rd_kafka_AclBinding_t>::new(std::ptr::null_mut()).is_none());
            assert!(text(std::ptr::null()).is_none());
            assert_eq!(list::<rd_kafka_error_t>(std::ptr::null_mut(), 3).len(), 0);
        }
    }

    #[test]
    fn errors_are_read_from_error_objects() {
        // SAFETY: a new error object, which is ours; the format has no arguments.
        let error = unsafe {
            Owned::new(rd_kafka_error_new(rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_POLICY_VIOLATION, c"too big".as_ptr()))
        }
        .unwrap();
        assert_eq!(error.view().check(), Err(ItemError::new(44, Some("too big".into()))));
    }
}
