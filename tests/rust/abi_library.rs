//! The shared library and the header as files: what a C program is compiled and linked against.

use std::path::{Path, PathBuf};
use std::process::Command;

/// `MAGICMAIL_LIB`, else what was built together with this test.
fn library() -> PathBuf {
    std::env::var_os("MAGICMAIL_LIB").map_or_else(
        || std::env::current_exe().expect("this test's program").with_file_name("libmagicmail.so"),
        PathBuf::from,
    )
}

/// What a program of binutils, which the linker needs anyway, says of the library.
fn told_by(program: &str, arguments: &[&str]) -> String {
    let library = library();
    let output = Command::new(program).args(arguments).arg(&library).output();
    let output = output.unwrap_or_else(|error| panic!("{program} (Debian's binutils) does not run: {error}"));
    assert!(output.status.success(), "{program} of {}: {output:?}", library.display());
    String::from_utf8(output.stdout).expect("text")
}

/// The functions that `header` declares, sorted.
fn declared(header: &str) -> Vec<String> {
    let mut names: Vec<String> = header
        .lines()
        .filter(|line| !line.starts_with("//") && !line.starts_with("typedef") && line.ends_with(");"))
        .filter_map(|line| line.split('(').next()?.rsplit([' ', '*']).next())
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/magicmail.h");
    let generated = include_str!(concat!(env!("OUT_DIR"), "/magicmail.h"));
    if std::env::var_os("REFRESH_HEADER").is_some() {
        std::fs::write(&committed, generated).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(committed).expect("the header is there");
    assert!(committed == generated, "include/magicmail.h is not what src/ffi/mod.rs says: run `make header`");
}

#[test]
fn exactly_the_functions_of_the_header_are_exported() {
    let exported: Vec<String> = told_by("nm", &["-D", "--defined-only", "--format=posix"])
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    let declared = declared(include_str!("../../include/magicmail.h"));
    assert_eq!(exported, declared);
    assert_eq!(declared.len(), 17);
    assert!(declared.iter().all(|name| name.starts_with("mm_")));
}

#[test]
fn the_soname_carries_the_abi_and_the_library_is_never_unloaded() {
    let dynamic = told_by("readelf", &["-d", "-W"]);
    assert!(dynamic.contains("Library soname: [libmagicmail.so.0]"), "{dynamic}");
    assert!(dynamic.lines().any(|line| line.contains("FLAGS_1") && line.contains("NODELETE")), "{dynamic}");
}

#[test]
fn the_library_needs_nothing_but_the_c_library() {
    let dynamic = told_by("readelf", &["-d", "-W"]);
    let needed: Vec<&str> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    assert!(!needed.is_empty());
    for library in needed {
        let known = ["libc.so", "libgcc_s.so", "libm.so", "libpthread.so", "libdl.so", "ld-linux"];
        assert!(known.iter().any(|name| library.starts_with(name)), "{library} must be installed too");
    }
}
