//! The hub's own limits, each with its unit and what happens above it. Configuration may lower some, never raise one.

/// Size of a key. A longer one is refused before anything is sent.
pub const KEY_BYTES_MAX: usize = 512;
/// Size of one operation's request as JSON. A larger one is rejected.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Size of a provider's answer. A longer one is cut off; of a sent request the outcome is then unknown.
pub const RESPONSE_BYTES_MAX: usize = 8 << 20;
/// Depth of a request's or an answer's JSON. A deeper one is rejected.
pub const JSON_DEPTH_MAX: usize = 32;
/// Operations that one item may call. The next one ends the item.
pub const STEPS_PER_ITEM_MAX: u32 = 1_000;
/// Items at a time in one flow, whatever its `concurrency` says; each has a thread of its own.
pub const CONCURRENCY_MAX: usize = 512;
/// Calls in flight at one provider, whatever `max_in_flight` says.
pub const IN_FLIGHT_MAX: usize = 1_024;
/// How long a call waits for its turn before it is `not_sent`, in seconds.
pub const PERMIT_WAIT_SECONDS_MAX: u64 = 600;
/// Size of one dropped file. A larger one is refused whole.
pub const FILE_BYTES_MAX: u64 = 2 << 30;
/// Rows of one dropped file. A file with more is refused whole.
pub const ROWS_PER_FILE_MAX: u64 = 5_000_000;
/// Columns of one dropped file. A file with more is refused whole.
pub const COLUMNS_MAX: usize = 512;
/// Size of one record. A file with a longer one is refused whole.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// Faults that `errors.csv` lists of one file; the rest is counted.
pub const FILE_FAULTS_MAX: usize = 1_000;
/// Size of a script or module. A larger one does not compile.
pub const SCRIPT_BYTES_MAX: usize = 1 << 20;
/// Largest amount of one call or cell: a number with more digits is a slip, not a price.
pub const AMOUNT_DIGITS_MAX: usize = 12;
