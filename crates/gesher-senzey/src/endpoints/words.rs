//! The provider's closed lists of words. They go on the wire as they are written here.

use gesher_core::check::ENUM_KEYWORD;
use serde_json::{Map, Value};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$about])* $variant),+
        }

        impl $name {
            /// Every word of the list.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// The value of a word; case counts.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                Self::WORDS.iter().find(|row| row.0 == word).map(|row| row.1)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Self::of(&word).ok_or_else(|| serde::de::Error::custom(format!("`{word}` is none of its words")))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                // No numbers: these words have none.
                let words: Map<String, Value> =
                    Self::WORDS.iter().map(|row| (row.0.to_owned(), Value::Null)).collect();
                let mut schema = Map::new();
                schema.insert(ENUM_KEYWORD.to_owned(), Value::Object(words));
                schemars::Schema::from(schema)
            }
        }
    };
}

words! {
    /// How often a standing order pays.
    Period {
        /// Each month.
        Month = "month",
        /// Each week.
        Week = "week",
        /// Each year.
        Year = "year",
    }
}

words! {
    /// What a standing order is paid with.
    TransferType {
        /// A credit card.
        CreditCard = "credit_card",
        /// A debit of a bank account.
        Bank = "bank",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// A currency other than the shekel; for shekels the field is left out.
    ForeignCurrency {
        /// US dollars.
        Usd = "USD",
        /// Euros.
        Eur = "EUR",
        /// Australian dollars.
        Aud = "AUD",
        /// Pounds sterling.
        Gbp = "GBP",
    }
}

words! {
    /// The language of documents.
    DocumentLanguage {
        /// Hebrew.
        He = "he",
        /// English.
        En = "en",
    }
}

words! {
    /// Whether VAT is due.
    VatType {
        /// It is.
        Default = "DEFAULT",
        /// It is not.
        Free = "FREE",
    }
}

words! {
    /// Yes or no, as the pages of leads and clients write it.
    YesNo {
        /// Yes.
        Yes = "Y",
        /// No.
        No = "N",
    }
}

words! {
    /// Whether a lead's deal comes again.
    Recurrence {
        /// It does not.
        No = "NO",
        /// Each month.
        Month = "MONTH",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_taken_as_it_is_written_and_no_other_way() {
        for (word, period) in Period::WORDS {
            assert_eq!((Period::of(word), period.as_str()), (Some(*period), *word));
        }
        assert_eq!(Period::of("Month"), None);
        assert!(serde_json::from_str::<Period>("\"monthly\"").is_err());
        assert_eq!(serde_json::to_string(&TransferType::CreditCard).unwrap(), "\"credit_card\"");
    }
}
