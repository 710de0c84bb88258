//! The command line `apex`.
fn main() {}
