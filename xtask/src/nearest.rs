//! The nearest of some known names to a mistyped one. Pure; it does not decide whether the name is wrong.

/// The known name that needs the fewest single-letter edits to become `name`; the earlier one of two equals.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> &'a str {
    known.iter().copied().min_by_key(|candidate| edits(name, candidate)).unwrap_or("")
}

/// The Levenshtein distance, computed one row at a time.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (removed, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = removed + 1;
        for (at, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, want: usize) {
        assert_eq!(edits(from, to), want);
        assert_eq!(edits(to, from), want);
    }

    #[test]
    fn the_distance_counts_single_letter_edits() {
        check("", "", 0);
        check("", "tidy", 4);
        check("test", "tests", 1);
        check("kitten", "sitting", 3);
        check("שלום", "שלוש", 1);
    }

    #[test]
    fn the_first_of_two_equally_near_names_wins() {
        assert_eq!(nearest("xx", &["ab", "cd"]), "ab");
    }
}
