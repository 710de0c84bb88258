//! Hands the target triple to the crate, since `cfg` knows only its parts.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let triple = std::env::var("TARGET").unwrap_or_default();
    println!("cargo:rustc-env=APEX_TARGET_TRIPLE={triple}");
}
