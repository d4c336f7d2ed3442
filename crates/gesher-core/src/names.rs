//! The nearest known name to a mistyped one, for every message that says "did you mean".

/// Share of the name, in percent, that may differ for a suggestion to be offered.
const DIFFERENCE_PERCENT_MAX: usize = 40;

/// The known name closest to `name`, or none when all are too far off to be what was meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let longest = wanted.chars().count();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            distance * 100 <= longest.max(candidate.chars().count()) * DIFFERENCE_PERCENT_MAX
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, want: Option<&str>) {
        assert_eq!(nearest(name, ["Total", "UnitPrice", "Quantity"]), want, "{name}");
    }

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_finds_none() {
        check("UnitPrise", Some("UnitPrice"));
        check("unit_price", Some("UnitPrice"));
        check("total", Some("Total"));
        check("Colour", None);
    }
}
