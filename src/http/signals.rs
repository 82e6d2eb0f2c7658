//! Threads that no signal reaches.
//!
//! A signal meant for the process is delivered to any of its threads that does not block it. Perl's handlers
//! look for an interpreter in the thread they run on, and crash the process where there is none. So every
//! thread of this library starts with all signals blocked; they stay with the threads of the host.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Runs `start`, which starts threads: they inherit a mask that blocks every signal. Afterwards, and if `start`
/// panics, this thread's mask is what it was.
pub fn blocked<T>(start: impl FnOnce() -> T) -> T {
    let _restored = Blocked::new();
    start()
}

/// This thread's mask of before, put back when it is dropped. None: it could not be read and was not changed.
struct Blocked(Option<libc::sigset_t>);

impl Blocked {
    fn new() -> Blocked {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigfillset fills the whole set that its argument points to, and cannot fail on a valid pointer.
        // pthread_sigmask reads the first set, now filled, and writes the second one when it returns 0; only then
        // is that one taken for initialised. Both live on this stack frame. Nothing else of the process changes:
        // the mask belongs to the calling thread.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            match libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) {
                0 => Blocked(Some(before.assume_init())),
                _ => Blocked(None),
            }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: `before` is a set that pthread_sigmask wrote for this thread; Blocked never leaves the
            // thread that made it (it is a local of `blocked`). A null third argument asks for nothing back.
            unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut());
            }
        }
    }
}
