//! File name patterns with `*` and `?`. The extension is compared without case, since `MARCH.CSV` is a CSV file too.

/// Whether `name` fits `pattern`.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    // Of a folder's names most do not even end as the pattern does, and there may be a million of them.
    let end = pattern.rsplit(['*', '?']).next().unwrap_or_default();
    let ends_so = name.len().checked_sub(end.len()).and_then(|at| name.get(at..));
    if !ends_so.is_some_and(|last| last.eq_ignore_ascii_case(end)) {
        return false;
    }
    let (pattern, name) = (folded(pattern), folded(name));
    let mut row: Vec<bool> = Vec::with_capacity(name.len() + 1);
    // `row[n]`: whether the pattern read so far fits the first n characters of the name.
    row.push(true);
    row.resize(name.len() + 1, false);
    for token in pattern {
        let mut next = vec![false; name.len() + 1];
        for n in 0..=name.len() {
            let before = n.checked_sub(1);
            let at = |row: &[bool], n: Option<usize>| n.and_then(|n| row.get(n)).copied().unwrap_or(false);
            let fits = match token {
                '*' => at(&row, Some(n)) || at(&next, before),
                '?' => at(&row, before),
                letter => at(&row, before) && before.and_then(|n| name.get(n)) == Some(&letter),
            };
            if let Some(cell) = next.get_mut(n) {
                *cell = fits;
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or(false)
}

/// Whether some name fits both patterns.
#[must_use]
pub fn overlap(a: &str, b: &str) -> bool {
    let (a, b) = (folded(a), folded(b));
    let width = b.len() + 1;
    // `meets[i * width + j]`: whether the rest of `a` from i and the rest of `b` from j have a name in common.
    let mut meets = vec![false; (a.len() + 1) * width];
    for i in (0..=a.len()).rev() {
        for j in (0..=b.len()).rev() {
            let at = |i: usize, j: usize| meets.get(i * width + j).copied().unwrap_or(false);
            let common = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some('*'), None) => at(i + 1, j),
                (None, Some('*')) => at(i, j + 1),
                (None, Some(_)) | (Some(_), None) => false,
                (Some('*'), Some(_)) | (Some(_), Some('*')) => {
                    at(i + 1, j) || at(i, j + 1) || at(i + 1, j + 1)
                }
                (Some(x), Some(y)) => (x == y || *x == '?' || *y == '?') && at(i + 1, j + 1),
            };
            if let Some(cell) = meets.get_mut(i * width + j) {
                *cell = common;
            }
        }
    }
    meets.first().copied().unwrap_or(false)
}

/// The characters, those of the extension in lower case.
fn folded(text: &str) -> Vec<char> {
    let dot = text.rfind('.').unwrap_or(text.len());
    text.char_indices().map(|(at, c)| if at > dot { c.to_ascii_lowercase() } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, name: &str, want: bool) {
        assert_eq!(matches(pattern, name), want, "{pattern} {name}");
    }

    #[test]
    fn stars_and_question_marks_fit_and_the_extension_has_no_case() {
        check("*.csv", "march.csv", true);
        check("*.csv", "MARCH.CSV", true);
        check("*.csv", ".csv", true);
        check("*.csv", "march.csv.1", false);
        check("*.csv", "march.tsv", false);
        check("charges-*.csv", "charges-03.csv", true);
        check("charges-*.csv", "Charges-03.csv", false);
        check("charges-??.csv", "charges-03.csv", true);
        check("charges-??.csv", "charges-3.csv", false);
        check("*", "anything", true);
        check("", "", true);
        check("", "x", false);
        check("חיובים*.csv", "חיובים מרץ.csv", true);
        check("a*b*c", "aXXbYYc", true);
        check("a*b*c", "aXXbYY", false);
        check("**.csv", "x.csv", true);
    }

    fn check_overlap(a: &str, b: &str, want: bool) {
        assert_eq!(overlap(a, b), want, "{a} {b}");
        assert_eq!(overlap(b, a), want, "{b} {a}");
    }

    #[test]
    fn patterns_overlap_when_one_name_fits_both() {
        check_overlap("*.csv", "*.csv", true);
        check_overlap("*.csv", "*.CSV", true);
        check_overlap("*.csv", "*.tsv", false);
        check_overlap("a*.csv", "*b.csv", true);
        check_overlap("a*.csv", "b*.csv", false);
        check_overlap("a?.csv", "ab.csv", true);
        check_overlap("a?.csv", "abc.csv", false);
        check_overlap("*", "x", true);
        check_overlap("charges-*.csv", "*-refunds.csv", true);
        check_overlap("*a*", "*b*", true);
        check_overlap("", "*", true);
        check_overlap("", "?", false);
    }
}
