//! Secrets and vendor keys, encrypted at rest.
