//! Tests that need a process of their own: they fork, catch signals, or change what all of a process shares.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// True in a process that runs `test` alone, `variables` in its environment, all signals blocked in all of its threads; such a process
/// is started, and must succeed, where this is false.
pub fn alone(test: &str, variables: &[(&str, &OsStr)]) -> bool {
    const MARK: &str = "MAGICMAIL_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", test]).env(MARK, "1").envs(variables.iter().copied());
    // SAFETY: between fork and exec only functions that are safe there are called: both only change the mask.
    unsafe {
        command.pre_exec(|| {
            set_mask(libc::SIG_BLOCK);
            Ok(())
        });
    }
    let output = command.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("1 passed"), "{}: {shown}", output.status);
    false
}

/// Blocks or unblocks all signals in this thread.
pub fn set_mask(how: i32) {
    // SAFETY: `all` is filled by sigfillset before it is read; the mask is this thread's own.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(how, &all, std::ptr::null_mut());
    }
}
