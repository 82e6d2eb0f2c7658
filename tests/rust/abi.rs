//! What the C ABI promises about every call: errors per thread, the log function, panics, threads.

use crate::abi_caller::*;
use magicmail::ffi::*;
use magicmail::panics::caught;
use magicmail::wire::Request;
use std::ffi::{c_char, c_void, CStr};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

const ACCOUNT: &[u8] = br#"{"id":"FREESIDE42"}"#;

/// A debug log of its requests makes any call log at least one line.
fn debug_config() -> String {
    let mut config = config();
    config["debug"] = serde_json::json!(1);
    config.to_string()
}

fn answering_handle() -> Handle {
    Handle::over(&debug_config(), Answering::new(account_record).0)
}

#[test]
fn the_versions_are_those_of_the_crate() {
    assert_eq!(mm_abi_version(), MM_ABI_VERSION);
    // SAFETY: a static text.
    assert_eq!(unsafe { CStr::from_ptr(mm_version()) }.to_str(), Ok(env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_error_stays_until_the_threads_next_call_that_can_fail() {
    let handle = answering_handle();
    assert!(handle.call(b"launch_rocket", b"{}").is_err());
    let pointer = mm_last_error();
    let text = last_error();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(last_error(), "", "another thread has none");
            assert!(handle.call(b"sail", b"{}").is_err());
            assert_eq!(last_error(), "unknown operation sail");
        });
    });
    mm_abi_version();
    mm_version();
    mm_last_error_detail();
    // SAFETY: a living handle, and one of its own that is freed once.
    unsafe {
        mm_export_set_log(handle.0, None, std::ptr::null_mut());
        let export = magicmail::operation::Export::new(&config().to_string()).expect("a good configuration");
        mm_export_free(Box::into_raw(Box::new(mm_export::from(export))));
    }
    assert_eq!(mm_last_error(), pointer);
    assert_eq!(last_error(), text);
    assert!(handle.call(b"get_account", ACCOUNT).is_ok());
    assert_eq!(last_error(), "");
}

/// What a log function of the tests was given.
#[derive(Default)]
struct Lines(Mutex<Vec<(i32, String)>>);

impl Lines {
    fn userdata(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    fn count(&self) -> usize {
        self.0.lock().expect("no panic before").len()
    }
}

unsafe extern "C" fn collect(userdata: *mut c_void, level: i32, line: *const c_char) {
    // SAFETY: the userdata that the tests set, and a C text.
    let (lines, line) = unsafe { (&*userdata.cast::<Lines>(), CStr::from_ptr(line)) };
    lines.0.lock().expect("no panic before").push((level, line.to_string_lossy().into_owned()));
}

fn set_log(handle: &Handle, function: mm_log_fn, userdata: *mut c_void) {
    // SAFETY: a living handle; each test keeps its userdata until its calls have returned.
    unsafe { mm_export_set_log(handle.0, function, userdata) }
}

#[test]
fn the_log_goes_to_the_function_and_userdata_that_are_set() {
    let handle = answering_handle();
    let (one, other) = (Lines::default(), Lines::default());
    assert!(handle.call(b"get_account", ACCOUNT).is_ok());
    set_log(&handle, Some(collect), one.userdata());
    assert!(handle.call(b"get_account", ACCOUNT).is_ok());
    set_log(&handle, Some(collect), other.userdata());
    assert!(handle.call(b"get_account", ACCOUNT).is_ok());
    set_log(&handle, None, other.userdata());
    assert!(handle.call(b"get_account", ACCOUNT).is_ok());
    assert_eq!((one.count(), other.count()), (1, 1));
    let lines = one.0.lock().expect("no panic before");
    assert_eq!(lines[0].0, MM_LOG_DEBUG);
    assert!(lines[0].1.contains("GET /account/FREESIDE42"), "{}", lines[0].1);
    assert!(!lines[0].1.contains("secret"));
}

#[test]
fn the_log_function_runs_on_the_calling_thread() {
    static ELSEWHERE: AtomicBool = AtomicBool::new(false);
    thread_local!(static HERE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });
    unsafe extern "C" fn count_here(_: *mut c_void, _: i32, _: *const c_char) {
        HERE.set(HERE.get() + 1);
        ELSEWHERE.fetch_or(HERE.get() != 1, Ordering::SeqCst);
    }
    let handle = answering_handle();
    set_log(&handle, Some(count_here), std::ptr::null_mut());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert!(handle.call(b"get_account", ACCOUNT).is_ok());
                assert_eq!(HERE.get(), 1);
            });
        }
    });
    assert!(!ELSEWHERE.load(Ordering::SeqCst));
}

/// What a log function needs to call the library again.
struct Again {
    handle: *const mm_export,
    lines: Lines,
}

unsafe extern "C" fn fail_inside(userdata: *mut c_void, _: i32, _: *const c_char) {
    // SAFETY: the userdata that the test set.
    let again = unsafe { &*userdata.cast::<Again>() };
    assert_eq!(last_error(), "", "a call that is under way has no error yet");
    // SAFETY: a living handle and C texts.
    let status = unsafe {
        mm_export_set_log(again.handle.cast_mut(), Some(collect), again.lines.userdata());
        mm_call(again.handle, c"sail".as_ptr(), c"{}".as_ptr(), std::ptr::null_mut())
    };
    assert_eq!((status, last_error().as_str()), (MM_ARGUMENT, "unknown operation sail"));
}

#[test]
fn the_log_function_may_call_the_library_and_set_another_one() {
    let handle = answering_handle();
    let again = Again { handle: handle.0, lines: Lines::default() };
    set_log(&handle, Some(fail_inside), std::ptr::from_ref(&again).cast_mut().cast());
    assert!(handle.call(b"get_account", ACCOUNT).is_ok(), "{}", last_error());
    assert_eq!(last_error(), "", "the outer call's end counts");
    assert_eq!(again.lines.count(), 0, "the call under way kept its function");
    assert!(handle.call(b"get_account", ACCOUNT).is_ok());
    assert_eq!(again.lines.count(), 1);
}

#[test]
fn the_log_may_be_set_while_threads_call() {
    const CALLS: usize = 200;
    let handle = answering_handle();
    let sinks = [Lines::default(), Lines::default(), Lines::default()];
    set_log(&handle, Some(collect), sinks[0].userdata());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    assert!(handle.call(b"get_account", ACCOUNT).is_ok());
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for i in 0..CALLS {
                    set_log(&handle, Some(collect), sinks[i % sinks.len()].userdata());
                }
            });
        }
    });
    assert_eq!(sinks.iter().map(Lines::count).sum::<usize>(), 4 * CALLS, "each line went to one of them");
}

fn stumbling_handle() -> Handle {
    let fall = |request: &Request| match request.path.last() {
        Some(id) if id == "FREESIDE13" => panic!("stumbled over {PASSWORD}"),
        _ => account_record(request),
    };
    Handle::over(&config().to_string(), Answering::new(fall).0)
}

#[test]
fn a_panic_becomes_an_internal_error_that_names_its_place() {
    let handle = stumbling_handle();
    for _ in 0..2 {
        let failure = handle.call(b"get_account", br#"{"id":"FREESIDE13"}"#).expect_err("it panicked");
        assert_eq!(failure.status, MM_INTERNAL);
        assert_eq!(failure.detail["kind"], "internal");
        let place = concat!(file!(), ":");
        assert!(failure.text.starts_with("a defect in libmagicmail"), "{}", failure.text);
        assert!(failure.text.contains(place), "{}", failure.text);
        assert!(!failure.text.contains(PASSWORD), "{}", failure.text);
    }
    assert!(handle.call(b"get_account", ACCOUNT).is_ok(), "the handle goes on working");
}

/// As the connections' own threads do, and that of a look-up of a name.
#[test]
fn a_panic_on_another_thread_of_a_call_ends_with_its_place() {
    let _call = stumbling_handle().call(b"get_account", br#"{"id":"FREESIDE13"}"#);
    let ended = std::thread::spawn(|| caught(|| panic!("stumbled over {PASSWORD}"))).join();
    let place: Result<(), String> = ended.expect("it goes on");
    assert!(place.is_err_and(|place| place.starts_with(concat!(file!(), ":"))));
}

/// Runs a test of this binary alone, in a process of its own, and gives what it printed.
fn printed_by(test: &str) -> String {
    let program = std::env::current_exe().expect("this test's program");
    let output = Command::new(program).args(["--exact", test, "--nocapture"]).output().expect("it ran");
    assert!(output.status.success(), "{test} failed by itself");
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

#[test]
fn a_panic_prints_nothing_of_what_it_stumbled_over() {
    for test in [
        "abi::a_panic_becomes_an_internal_error_that_names_its_place",
        "abi::a_panic_on_another_thread_of_a_call_ends_with_its_place",
    ] {
        let printed = printed_by(test);
        assert!(printed.contains("1 passed"), "{printed}");
        assert!(!printed.contains("stumbled") && !printed.contains(PASSWORD), "{printed}");
    }
}
