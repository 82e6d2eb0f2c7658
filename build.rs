fn main() {
    // The soname carries the ABI's major version: a program built against it refuses another one at load.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmagicmail.so.0");
    // A library that has started threads or holds TLS state must stay mapped until the process ends.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
