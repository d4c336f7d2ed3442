//! Functions of Rhai's own library that are not good enough for money and memory, replaced under their names.
//!
//! `replace` grows its string before its size is looked at: two texts of half a megabyte would ask for hundreds of
//! gigabytes. `round` rounds half to even, which no bookkeeper expects.

use crate::item::Native;
use crate::limits::STRING_BYTES_MAX;
use gesher_core::money::round_half_up;
use rhai::{EvalAltResult, FuncRegistration, INT, ImmutableString, Module, Position};
use rust_decimal::Decimal;

/// The replacements, in one module.
pub(crate) fn module() -> Module {
    let mut module = Module::new();
    let add = FuncRegistration::new;
    add("replace").set_into_module(&mut module, |text: &mut ImmutableString, find: &str, with: &str| {
        replace(text, find, with)
    });
    add("replace").set_into_module(&mut module, |text: &mut ImmutableString, find: &str, with: char| {
        replace(text, find, with.encode_utf8(&mut [0; 4]))
    });
    add("replace").set_into_module(&mut module, |text: &mut ImmutableString, find: char, with: &str| {
        replace(text, find.encode_utf8(&mut [0; 4]), with)
    });
    add("replace").set_into_module(&mut module, |text: &mut ImmutableString, find: char, with: char| {
        replace(text, find.encode_utf8(&mut [0; 4]), with.encode_utf8(&mut [0; 4]))
    });
    add("round").set_into_module(&mut module, |value: Decimal| round_half_up(value, 0));
    add("round").set_into_module(&mut module, |value: Decimal, places: INT| -> Native<Decimal> {
        match u32::try_from(places) {
            Ok(places) => Ok(round_half_up(value, places.min(Decimal::MAX_SCALE))),
            Err(_) => Err(format!("round({places}): the number of places cannot be negative").into()),
        }
    });
    // A price that happens to be whole is an integer; rounding it must not be an error.
    add("round").set_into_module(&mut module, |value: INT| value);
    add("round").set_into_module(&mut module, |value: INT, _places: INT| value);
    module
}

fn replace(text: &mut ImmutableString, find: &str, with: &str) -> Native<()> {
    if with.len() > find.len() {
        let grown = text.matches(find).count().saturating_mul(with.len() - find.len());
        if text.len().saturating_add(grown) > STRING_BYTES_MAX {
            let what = "Length of string".to_owned();
            return Err(EvalAltResult::ErrorDataTooLarge(what, Position::NONE).into());
        }
    }
    *text = text.replace(find, with).into();
    Ok(())
}
