//! The vocabulary of Gesher: operation, outcome, key, ids, money, clock, secret, redaction, limits.
