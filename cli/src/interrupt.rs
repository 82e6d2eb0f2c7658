//! Ctrl-C in the middle of a change: what was begun is finished first, or undone, so that nothing is left
//! half done. The library's own limits of time end it.

use crate::show;

/// From now on Ctrl-C (and SIGTERM, SIGHUP) only says that it has to wait.
pub fn hold_off() {
    // Where it cannot be held off, the change is made all the same.
    let _ = ctrlc::set_handler(|| {
        show::remark("what was begun is finished first, so that nothing is left half done");
    });
}
