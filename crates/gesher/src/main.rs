//! The command `gesher`.
fn main() {}
