//! The fences around one item's script, each with its unit. The numbers are the same in debug and release builds.
//!
//! A script that meets a fence ends with an error that says which one; the hub and all other items go on.

use std::time::Duration;

/// Steps of Rhai's evaluator that one item may take. The next one ends the item. The number also bounds how long a
/// chain of closures can become: one that is many times longer overflows the stack when it is dropped.
pub const OPERATIONS_MAX: u64 = 250_000;
/// Time that one item may spend in the script itself; waiting for operations is not counted. Checked while the
/// script runs, so that deeply nested data, whose size checks take longer and longer, comes to an end as well.
pub const SCRIPT_TIME_MAX: Duration = Duration::from_secs(2);
/// Steps between two looks at the clock.
pub(crate) const OPERATIONS_PER_TIME_CHECK: u64 = 64;
/// Bytes of one string, and of all strings together in one array or map.
pub const STRING_BYTES_MAX: usize = 1 << 20;
/// Elements of one array, those of nested ones included.
pub const ARRAY_ELEMENTS_MAX: usize = 20_000;
/// Entries of one map, those of nested ones included.
pub const MAP_ENTRIES_MAX: usize = 20_000;
/// Calls of script functions inside one another.
pub const CALL_DEPTH_MAX: usize = 32;
/// Nesting of expressions and blocks. A deeper script does not compile.
pub const EXPRESSION_DEPTH_MAX: usize = 64;
/// Functions of one file, closures included. A file with more does not compile.
pub const FUNCTIONS_MAX: usize = 256;
/// Modules that a script may import, directly and through others.
pub const MODULES_MAX: usize = 32;
/// Variables that are alive at one moment.
pub const VARIABLES_MAX: usize = 256;
/// Bytes that one item may write to the log. What comes after is dropped, with one line that says so.
pub const OUTPUT_BYTES_MAX: usize = 64 << 10;
