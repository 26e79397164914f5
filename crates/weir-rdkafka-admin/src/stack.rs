//! Larger stacks for librdkafka's threads.
//!
//! librdkafka (2.12.1) reads the answer to DescribeAcls with three `alloca` in its loops
//! (`rd_kafka_DescribeAclsResponse_parse`): each resource and each ACL uses stack of the client's main thread until all
//! are read. About 60,000 ACLs with names of 60 characters fill the usual 8 MiB of a thread, and the process dies.
//! librdkafka creates its threads with the process's default attributes, so this module raises the default stack size
//! while librdkafka starts its threads.

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod gnu {
    use std::ffi::c_int;
    use std::mem::MaybeUninit;
    use std::sync::{Mutex, PoisonError};

    use libc::{pthread_attr_destroy, pthread_attr_getstacksize, pthread_attr_setstacksize, pthread_attr_t, size_t};

    // Functions of glibc that the libc crate does not declare.
    unsafe extern "C" {
        fn pthread_getattr_default_np(attributes: *mut pthread_attr_t) -> c_int;
        fn pthread_setattr_default_np(attributes: *const pthread_attr_t) -> c_int;
    }

    /// Stack size in bytes. It reserves addresses, not memory: the system adds a page only when the thread uses it. An
    /// answer with a million ACLs needs less.
    const SIZE: size_t = 512 << 20;

    /// The default attributes belong to the whole process, so only one thread at a time may change and restore them.
    static CHANGING: Mutex<()> = Mutex::new(());

    struct Attributes(pthread_attr_t);

    impl Attributes {
        fn of_process() -> Option<Self> {
            let mut attributes = MaybeUninit::uninit();
            // SAFETY: the place is writable.
            let failed = unsafe { pthread_getattr_default_np(attributes.as_mut_ptr()) } != 0;
            // SAFETY: without an error the attributes have been written.
            (!failed).then(|| Self(unsafe { attributes.assume_init() }))
        }

        fn set(&self) -> bool {
            // SAFETY: the attributes were made by glibc and are copied.
            unsafe { pthread_setattr_default_np(&raw const self.0) == 0 }
        }

        fn size(&self) -> size_t {
            let mut size = 0;
            // SAFETY: the attributes were made by glibc, the place is writable.
            unsafe { pthread_attr_getstacksize(&raw const self.0, &raw mut size) };
            size
        }

        fn raised(mut self) -> Option<Self> {
            // SAFETY: the attributes were made by glibc.
            let failed = unsafe { pthread_attr_setstacksize(&raw mut self.0, SIZE) } != 0;
            (!failed).then_some(self)
        }
    }

    impl Drop for Attributes {
        fn drop(&mut self) {
            // SAFETY: the attributes were made by glibc, and this is their only drop.
            unsafe { pthread_attr_destroy(&raw mut self.0) };
        }
    }

    /// Restores the default attributes on drop, even after a panic.
    struct Restore(Attributes);

    impl Drop for Restore {
        fn drop(&mut self) {
            self.0.set();
        }
    }

    /// Returns `true` if the process can reserve several stacks of this size. If addresses are limited (`ulimit
    /// -v`), the usual size must do.
    fn is_possible() -> bool {
        std::thread::Builder::new().stack_size(4 * SIZE).spawn(|| {}).is_ok_and(|thread| thread.join().is_ok())
    }

    pub(crate) fn with_room<T>(start: impl FnOnce() -> T) -> T {
        let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
        let raised = Attributes::of_process().filter(|now| now.size() < SIZE && is_possible());
        let _restore = match (raised.and_then(Attributes::raised), Attributes::of_process()) {
            (Some(raised), Some(before)) if raised.set() => Some(Restore(before)),
            _ => None,
        };
        start()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn threads_get_room_and_the_defaults_come_back() {
            let size = || Attributes::of_process().unwrap().size();
            let before = size();
            assert_eq!(with_room(size), SIZE);
            assert_eq!(size(), before);
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub(crate) use gnu::with_room;

/// Runs `start` with the usual stack size, on other platforms.
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
pub(crate) fn with_room<T>(start: impl FnOnce() -> T) -> T {
    start()
}
