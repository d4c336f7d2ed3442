//! The Rhai host: limits, bindings, modules, checks.
