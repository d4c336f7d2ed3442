//! Script cost per row.
fn main() {}
