//! The reference page of `gesher.toml`, written from the list of settings.

use super::schema::{Need, TABLES};

/// The page, in Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# gesher.toml\n\n\
         Paths are relative to the hub's folder. Durations are written `300ms`, `2s`, `5m`, `1h`, `1d`. A secret is \
         written `{ secret = \"name\" }`; its value comes from the environment variable `GESHER_SECRET_<NAME>`, or from \
         the vault (`gesher secrets set NAME`). A setting that is not listed here is refused.\n",
    );
    for table in TABLES {
        let path = table.path.replace('*', "NAME");
        page.push_str(&format!(
            "\n## [{path}]\n\n{}\n\n| setting | how | default | what for |\n|---|---|---|---|\n",
            table.about
        ));
        for setting in table.settings {
            let default = match setting.need {
                Need::Required => "required".to_owned(),
                Need::Optional => "none".to_owned(),
                Need::Default(toml) => format!("`{toml}`"),
            };
            let how = setting.kind.expected().replace('|', "\\|");
            page.push_str(&format!(
                "| `{}` | {how} | {default} | {} |\n",
                setting.name,
                setting.about.replace('|', "\\|")
            ));
        }
    }
    page
}
