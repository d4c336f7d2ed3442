//! What the fuzz targets do with the bytes that they are given; `targets` is also replayed by an ordinary test.

pub mod targets;
