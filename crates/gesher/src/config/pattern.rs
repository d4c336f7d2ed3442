//! Whether two file name patterns can take the same file: `*` stands for any characters, `?` for one.

/// Whether some name fits both patterns, without regard to case.
pub fn can_meet(one: &str, other: &str) -> bool {
    let letters = |pattern: &str| pattern.to_lowercase().chars().collect::<Vec<char>>();
    meet(&letters(one), &letters(other))
}

/// One row of the table of suffixes at a time: `below[j]` says whether the rest of `one` meets `other[j..]`.
fn meet(one: &[char], other: &[char]) -> bool {
    let width = other.len();
    let mut below: Vec<bool> = (0..=width).map(|at| other[at..].iter().all(|c| *c == '*')).collect();
    for at in (0..one.len()).rev() {
        let mut row = vec![false; width + 1];
        row[width] = one[at] == '*' && below[width];
        for next in (0..width).rev() {
            row[next] = match (one[at], other[next]) {
                // A star ends here, or takes what the other side has next.
                ('*', _) | (_, '*') => below[next] || row[next + 1],
                ('?', _) | (_, '?') => below[next + 1],
                (left, right) => left == right && below[next + 1],
            };
        }
        below = row;
    }
    below[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, want: bool) {
        assert_eq!(can_meet(one, other), want, "{one} and {other}");
        assert_eq!(can_meet(other, one), want, "{other} and {one}");
    }

    #[test]
    fn patterns_meet_where_one_name_fits_both() {
        check("*.csv", "*.csv", true);
        check("*.csv", "*.tsv", false);
        check("*.csv", "march*", true);
        check("a*.csv", "b*.csv", false);
        check("a*b.csv", "*x*.csv", true);
        check("?.csv", "ab.csv", false);
        check("??.csv", "ab.csv", true);
        check("*.CSV", "x.csv", true);
        check("", "*", true);
        check("", "?", false);
        check("a", "a", true);
        check("a*", "*a", true);
        check("a*b", "b*a", false);
    }
}
