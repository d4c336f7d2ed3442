//! The journal: one trait, SQLite behind it, one contract test-suite.
