//! The triggers that start runs: file drops.
