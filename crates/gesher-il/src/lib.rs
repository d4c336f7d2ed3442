//! Israeli rules: numbers of people, companies and bank accounts, phones, VAT by date, allocation numbers, bank
//! business days, the Hebrew calendar and the days of rest.
//!
//! Pure: each answer follows from its arguments alone. Nothing here knows today's date, a provider or a script; whoever
//! asks brings the date, and decides what a doubtful answer means for his money. Tables that the law changes are
//! keyed by date, so that an old document is judged by the rules of its day.

pub mod allocation;
pub mod bank;
pub mod business;
pub mod dates;
mod digits;
pub mod hebrew;
pub mod holiday;
pub mod identity;
pub mod phone;
pub mod rest;
pub mod vat;
pub mod verdict;

pub use dates::{DateError, parse_date};
pub use hebrew::{HebrewDate, HebrewMonth};
pub use holiday::Holiday;
pub use verdict::{Status, Verdict};
