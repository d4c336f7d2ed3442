//! Set-up, test, generate, tidy.
fn main() {}
