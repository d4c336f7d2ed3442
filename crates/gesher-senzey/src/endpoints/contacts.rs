//! The contacts of the account, asked for by GET. That there is such an address is written; which one is not, so its
//! path is a setting, and what is here comes from programs in use.

use super::shared::filled;
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// The endpoint. Its real path is a setting.
pub struct Contacts;

impl Endpoint for Contacts {
    const PATH: &'static str = "/extapi/client/list.php";
    type Request = ContactsRequest;
    type Answer = ContactsAnswer;
}

/// Which contacts, and what of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactsRequest {
    /// The fields to answer, such as `name`, `id`, `user_type`, `phone`, `mobile`, `email1`, `address`, `city`.
    #[serde(default)]
    pub fields: Vec<String>,
    /// True to list potential clients too.
    #[serde(default)]
    pub incl_pclient: Option<bool>,
    /// Only those with this telephone number.
    #[serde(default, deserialize_with = "filled")]
    pub phone: Option<String>,
    /// Other filters, by the provider's names: a map of texts and numbers. They are passed on as they are.
    #[serde(default)]
    pub filters: Option<Map<String, Value>>,
}

/// As it is asked on the wire: the fields as one text with commas, and the filters beside the rest.
impl Serialize for ContactsRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.fields.is_empty() {
            map.serialize_entry("fields", &self.fields.join(","))?;
        }
        if let Some(potential) = self.incl_pclient {
            map.serialize_entry("incl_pclient", &potential)?;
        }
        if let Some(phone) = &self.phone {
            map.serialize_entry("phone", phone)?;
        }
        for (name, value) in self.filters.iter().flatten() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The provider's answer as it came: a list of contacts, or a map that holds one.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ContactsAnswer {
    /// The contacts. In `user_type`, 2 is a client and 3 a potential one.
    pub contacts: Vec<Map<String, Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_one_text_and_filters_stand_beside_the_rest() {
        let request: ContactsRequest = serde_json::from_str(
            r#"{"fields":["name","id"],"incl_pclient":true,"phone":"0521234567","filters":{"city":"חיפה"}}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"fields":"name,id","incl_pclient":true,"phone":"0521234567","city":"חיפה"}"#
        );
        assert_eq!(serde_json::to_string(&ContactsRequest::default()).unwrap(), "{}");
    }
}
