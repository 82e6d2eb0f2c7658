//! Link options of the shared library, and the C header, generated into OUT_DIR only: a test compares it
//! with the committed include/magicmail.h.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    // The soname carries the ABI's major version: a program built against it refuses another one at load.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmagicmail.so.0");
    // A library that has started threads or holds TLS state must stay mapped until the process ends.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    header()
}

fn header() -> Result<(), Box<dyn Error>> {
    for file in ["build.rs", "cbindgen.toml", "src/ffi/mod.rs"] {
        println!("cargo:rerun-if-changed={file}");
    }
    let header = PathBuf::from(std::env::var("OUT_DIR")?).join("magicmail.h");
    cbindgen::Builder::new()
        .with_src("src/ffi/mod.rs")
        .with_config(cbindgen::Config::from_file("cbindgen.toml")?)
        .generate()?
        .write_to_file(header);
    Ok(())
}
