//! Which process this is, and what belongs to one process alone.
//!
//! A fork copies everything, locks that other threads held at that moment too. What has a lock or a connection
//! therefore belongs to one process; a child has values of its own.
#![allow(unsafe_code)]

use once_cell::race::OnceBox;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A process. Another one that this memory was copied from, or to, has another identity, though it may have the
/// same number: in another namespace, or after the first one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    number: u32,
    generation: u64,
}

impl Identity {
    pub fn current() -> Identity {
        Identity { number: process::id(), generation: generation() }
    }
}

/// Higher in a child than in any process before it; 0 where the system cannot tell (Linux before 4.14), and then
/// the number of the process has to do.
fn generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let Some(place) = wiped_at_fork() else { return 0 };
    match place.load(Relaxed) {
        0 => {
            let next = LAST.fetch_add(1, Relaxed) + 1;
            place.compare_exchange(0, next, Relaxed, Relaxed).map_or_else(|found| found, |_| next)
        }
        known => known,
    }
}

/// A number that is 0 in a process that has just been forked.
fn wiped_at_fork() -> Option<&'static AtomicU64> {
    static PLACE: OnceBox<Option<&'static AtomicU64>> = OnceBox::new();
    *PLACE.get_or_init(|| Box::new(wiped_page()))
}

/// The start of a page of its own, which lasts as long as the process.
fn wiped_page() -> Option<&'static AtomicU64> {
    let length = std::mem::size_of::<AtomicU64>();
    // SAFETY: a private mapping of nobody's memory, where the system finds room; it is never unmapped. The system
    // makes it a whole page, which is zeroed and aligned for any type, and an AtomicU64 of zeros is a value.
    // madvise is given this very mapping; if it fails, the mapping is only left unused.
    unsafe {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let page = libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0);
        if page == libc::MAP_FAILED || libc::madvise(page, length, libc::MADV_WIPEONFORK) != 0 {
            return None;
        }
        Some(&*page.cast::<AtomicU64>())
    }
}

/// A value for each process that asks: the parent's copies are never used again. Without a lock, so that a fork
/// at any moment leaves nothing locked.
pub struct PerProcess<T>(OnceBox<Owned<T>>);

struct Owned<T> {
    owner: Identity,
    value: T,
    child: PerProcess<T>,
}

impl<T> PerProcess<T> {
    pub const fn new() -> PerProcess<T> {
        PerProcess(OnceBox::new())
    }

    /// This process's value. `make` makes it, and is given the parent's, where there is one; of several threads
    /// that make one at once, the first one's counts.
    pub fn get_or_make(&self, make: impl Fn(Option<&T>) -> T) -> &T {
        let owner = Identity::current();
        let mut parent = None;
        let mut place = self;
        loop {
            let found = place
                .0
                .get_or_init(|| Box::new(Owned { owner, value: make(parent), child: PerProcess::new() }));
            if found.owner == owner {
                return &found.value;
            }
            parent = Some(&found.value);
            place = &found.child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `tell` in a forked child, and returns what it says.
    fn in_child(tell: impl FnOnce() -> u64) -> u64 {
        let mut ends = [0; 2];
        // SAFETY: `ends` has room for the two descriptors. The child only computes, writes and leaves by _exit,
        // without destructors; what it writes and what is read are 8 bytes of this frame.
        unsafe {
            assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
            let child = libc::fork();
            if child == 0 {
                let told = tell().to_ne_bytes();
                libc::write(ends[1], told.as_ptr().cast(), 8);
                libc::_exit(0);
            }
            let mut told = [0; 8];
            libc::close(ends[1]);
            assert_eq!(libc::read(ends[0], told.as_mut_ptr().cast(), 8), 8);
            libc::close(ends[0]);
            libc::waitpid(child, std::ptr::null_mut(), 0);
            u64::from_ne_bytes(told)
        }
    }

    #[test]
    fn a_child_is_another_process_whatever_its_number() {
        let own = generation();
        assert!(own > 0, "the system cannot tell");
        let child = in_child(generation);
        let grandchild = in_child(|| generation().abs_diff(in_child(generation)));
        assert!(child > own && grandchild > 0, "{own} {child} {grandchild}");
        assert_eq!(generation(), own);
    }

    #[test]
    fn each_process_has_a_value_of_its_own() {
        let values: PerProcess<u64> = PerProcess::new();
        let ask = || *values.get_or_make(|parent| parent.map_or(1, |parent| parent + 1));
        assert_eq!((ask(), ask()), (1, 1));
        assert_eq!(in_child(|| ask() * 10 + in_child(ask)), 23);
        assert_eq!(ask(), 1);
    }
}
