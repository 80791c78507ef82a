//! Hands the place of the bundled libsodium on to the library, as it is known only to build scripts.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for key in ["DEP_SODIUM_INCLUDE", "DEP_SODIUM_LIB"] {
        println!("cargo:rerun-if-env-changed={key}");
        let place = std::env::var(key).unwrap_or_else(|_| {
            panic!("{key} is not set: libsodium-sys-stable did not say where it put libsodium")
        });
        println!("cargo:rustc-env={key}={place}");
    }
}
