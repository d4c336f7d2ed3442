//! Splits Rust text into code and comments, line by line, and marks the lines of test items.
//!
//! Not a parser: it knows strings, characters, comments and braces, which is all that a search for words needs so as
//! not to be misled. It does not expand macros.

/// One line of a Rust file. `code` and `comment` are as long as the line, with spaces where the other stands; what is
/// inside a string is in neither.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) code: String,
    pub(super) comment: String,
    /// Belongs to an item under `#[cfg(test)]` at the left margin, or to a file that is all tests.
    pub(super) test: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Text,
}

/// The lines of a Rust file.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let chars: Vec<char> = text.chars().collect();
    let mut kinds = Vec::with_capacity(chars.len());
    while kinds.len() < chars.len() {
        let (kind, end) = token(&chars, kinds.len());
        kinds.resize(end, kind);
    }
    let code = keep(&chars, &kinds, Kind::Code);
    let comment = keep(&chars, &kinds, Kind::Comment);
    let test = test_lines(&code);
    code.lines()
        .zip(comment.lines())
        .enumerate()
        .map(|(at, (code, comment))| Line {
            code: code.to_owned(),
            comment: comment.to_owned(),
            test: test.get(at).copied().unwrap_or(false),
        })
        .collect()
}

/// The text with everything but one kind blanked; line breaks stay.
fn keep(chars: &[char], kinds: &[Kind], kind: Kind) -> String {
    let shown =
        |(letter, found): (&char, &Kind)| if *found == kind || *letter == '\n' { *letter } else { ' ' };
    chars.iter().zip(kinds).map(shown).collect()
}

/// The kind of the token that starts at `at`, and where it ends.
fn token(chars: &[char], at: usize) -> (Kind, usize) {
    let next = |ahead: usize| chars.get(at + ahead).copied();
    match (chars[at], next(1)) {
        ('/', Some('/')) => (Kind::Comment, line_end(chars, at)),
        ('/', Some('*')) => (Kind::Comment, block_end(chars, at)),
        ('"', _) => (Kind::Text, quoted_end(chars, at, '"')),
        ('\'', Some('\\')) => (Kind::Text, quoted_end(chars, at, '\'')),
        ('\'', Some(_)) if next(2) == Some('\'') => (Kind::Text, at + 3),
        (letter, _) if is_word(letter) => word(chars, at),
        _ => (Kind::Code, at + 1),
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// An identifier or number; or, where `r`, `br` or `cr` stands before a quote, the raw string that begins there.
fn word(chars: &[char], at: usize) -> (Kind, usize) {
    let end = end_while(chars, at, is_word);
    let prefix: String = chars[at..end].iter().collect();
    let quote = end_while(chars, end, |letter| letter == '#');
    if matches!(prefix.as_str(), "r" | "br" | "cr") && chars.get(quote) == Some(&'"') {
        return (Kind::Text, raw_end(chars, quote, quote - end));
    }
    (Kind::Code, end)
}

fn end_while(chars: &[char], at: usize, holds: impl Fn(char) -> bool) -> usize {
    chars[at..].iter().position(|letter| !holds(*letter)).map_or(chars.len(), |length| at + length)
}

fn line_end(chars: &[char], at: usize) -> usize {
    end_while(chars, at, |letter| letter != '\n')
}

/// Block comments nest.
fn block_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut at = at;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut at = at + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            letter if letter == quote => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_end(chars: &[char], quote: usize, hashes: usize) -> usize {
    let closes =
        |at: &usize| chars[*at] == '"' && chars[at + 1..].iter().take_while(|l| **l == '#').count() >= hashes;
    (quote + 1..chars.len()).find(closes).map_or(chars.len(), |at| at + 1 + hashes)
}

/// For each line of the code, whether an item under `#[cfg(test)]` covers it.
fn test_lines(code: &str) -> Vec<bool> {
    let lines: Vec<&str> = code.lines().collect();
    if lines.iter().any(|line| line.starts_with("#![cfg(test)]")) {
        return vec![true; lines.len()];
    }
    let mut marks = vec![false; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        let start = at;
        at += 1;
        if is_test_attribute(lines[start]) {
            at = item_end(&lines, start);
            marks[start..at].fill(true);
        }
    }
    marks
}

fn is_test_attribute(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test,")
}

/// The line after the item whose attribute stands on line `start`: its last brace closes, or a `;` ends it.
fn item_end(lines: &[&str], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, line) in lines.iter().enumerate().skip(start) {
        let item = if at == start { line.split_once(']').map_or("", |(_, rest)| rest) } else { line };
        for letter in item.chars() {
            match letter {
                '{' => depth += 1,
                '}' if depth <= 1 => return at + 1,
                '}' => depth -= 1,
                ';' if depth == 0 => return at + 1,
                _ => {}
            }
        }
    }
    lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, code: &str, comment: &str) {
        let lines = lines(text);
        assert_eq!(lines.iter().map(|line| line.code.trim()).collect::<Vec<_>>().join("|"), code);
        assert_eq!(lines.iter().map(|line| line.comment.trim()).collect::<Vec<_>>().join("|"), comment);
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        check("let a = 1; // why", "let a = 1;", "// why");
        check("f(\"// no\"); g()", "f(       ); g()", "");
        check("a /* b /* c */ d */ e", "a                   e", "/* b /* c */ d */");
        check("/* a\n b */ c", "|c", "/* a|b */");
        check("x(\"a\\\"b\") // c", "x(      )", "// c");
    }

    #[test]
    fn raw_strings_end_at_their_own_quote() {
        check("f(r\"\\\") + 1", "f(    ) + 1", "");
        check("f(r#\"a \" // b\"#) + br##\"c\"# \"## + 1", "f(             ) +              + 1", "");
        check("r#type.go() // x", "r#type.go()", "// x");
    }

    #[test]
    fn a_lifetime_opens_no_string() {
        check("fn f<'a>(x: &'a str) {} // y", "fn f<'a>(x: &'a str) {}", "// y");
        check("('\"', '\\'', '/', b'{') // z", "(   ,     ,    , b   )", "// z");
    }

    #[test]
    fn an_item_under_cfg_test_is_test_to_its_closing_brace() {
        let text =
            "a();\n#[cfg(test)]\nmod tests {\n    fn f() { \"}\"; }\n}\nb();\n#[cfg(test)]\nmod far;\nc();\n";
        let tests: Vec<bool> = lines(text).iter().map(|line| line.test).collect();
        assert_eq!(tests, [false, true, true, true, true, false, true, true, false]);
    }

    #[test]
    fn a_file_that_exists_only_for_tests_is_all_test() {
        assert!(lines("//! x\n#![cfg(test)]\nfn f() {}\n").iter().all(|line| line.test));
    }
}
