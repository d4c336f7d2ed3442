//! Pages of the book, as somebody reads them who types what stands there.

/// The blocks of a page in a language, in their order.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    page.split(&start).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

/// All that a page wants typed, as one script that ends where a line of it fails.
pub fn script(page: &str) -> String {
    format!("set -euo pipefail\n{}", blocks(page, "sh").concat())
}
