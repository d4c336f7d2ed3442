//! The two languages that people read results in, and a text that exists in both.
//!
//! Status words and codes are never translated; whoever shows a [`Text`] picks the language.

use serde::{Deserialize, Serialize};

/// The language of messages in results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Hebrew.
    #[default]
    He,
    /// English.
    En,
}

/// One message in both languages. Whole sentences, without codes: those travel beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The Hebrew words.
    pub he: String,
    /// The English words.
    pub en: String,
}

impl Text {
    /// A message that was written in both languages.
    pub fn new(he: impl Into<String>, en: impl Into<String>) -> Self {
        Self { he: he.into(), en: en.into() }
    }

    /// Somebody else's words, shown as they came in either language.
    pub fn verbatim(words: impl Into<String>) -> Self {
        let words = words.into();
        Self { he: words.clone(), en: words }
    }

    /// The words in `language`.
    #[must_use]
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::He => &self.he,
            Language::En => &self.en,
        }
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.he.is_empty() && self.en.is_empty()
    }

    /// Both languages passed through `change`, for redaction.
    #[must_use]
    pub fn map(self, change: impl Fn(String) -> String) -> Self {
        Self { he: change(self.he), en: change(self.en) }
    }
}
