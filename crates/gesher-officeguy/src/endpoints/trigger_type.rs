//! What a trigger tells of: words on the wire, where the provider's other enums are numbers.

use gesher_core::check::ENUM_KEYWORD;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum TriggerType {
    /// Something is new or was changed.
    CreateOrUpdate,
    /// Something is new.
    Create,
    /// Something was changed.
    Update,
    /// Something was put away.
    Archive,
    /// Something was deleted.
    Delete,
}

impl TriggerType {
    /// Every kind with its word.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::CreateOrUpdate, "CreateOrUpdate"),
        (Self::Create, "Create"),
        (Self::Update, "Update"),
        (Self::Archive, "Archive"),
        (Self::Delete, "Delete"),
    ];

    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// The kind of a word, as written or in another case.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1.eq_ignore_ascii_case(word.trim())).map(|row| row.0)
    }

    /// Whether a subscription to this is told of that change.
    #[must_use]
    pub fn tells_of(self, change: Self) -> bool {
        self == change || self == Self::CreateOrUpdate && matches!(change, Self::Create | Self::Update)
    }
}

impl JsonSchema for TriggerType {
    fn schema_name() -> Cow<'static, str> {
        "TriggerType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Self::ALL.iter().map(|row| (row.1.to_owned(), Value::Null)).collect::<Map<_, _>>();
        Schema::from(Map::from_iter([(ENUM_KEYWORD.to_owned(), Value::Object(names))]))
    }
}
