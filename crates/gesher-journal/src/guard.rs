//! Whether the database knows what the intent log knows.

/// What the comparison of database and intent log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The database has every logged intent.
    Complete,
    /// The database lacks logged intents: nothing may be sent until they are adopted.
    Behind {
        /// How many.
        missing: u64,
        /// The first of them.
        first: String,
    },
}
