//! How the smaller endpoints are written down: each field once, with the provider's name, ours and its type.

/// Declares an endpoint by its path, its request and its answer.
macro_rules! endpoint {
    ($(#[$doc:meta])* $name:ident = $path:literal, $request:ty => $answer:ty) => {
        $(#[$doc])*
        pub struct $name;

        impl gesher_provider::endpoint::Endpoint for $name {
            const PATH: &'static str = $path;
            type Request = $request;
            type Answer = $answer;
        }
    };
}

/// Declares a request: the fields that have to be there, those that may be, and texts, of which an empty one is none.
macro_rules! request {
    (
        $(#[$doc:meta])* $name:ident {
            $(must { $($(#[$must_doc:meta])* $must:ident $must_name:literal: $must_type:ty),+ $(,)? })?
            $(may { $($(#[$may_doc:meta])* $may:ident $may_name:literal: $may_type:ty),+ $(,)? })?
            $(text { $($(#[$text_doc:meta])* $text:ident $text_name:literal),+ $(,)? })?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($($(#[$must_doc])* #[serde(rename = $must_name)] pub $must: $must_type,)+)?
            $($(
                $(#[$may_doc])*
                #[serde(rename = $may_name, skip_serializing_if = "Option::is_none")]
                pub $may: Option<$may_type>,
            )+)?
            $($(
                $(#[$text_doc])*
                #[serde(
                    rename = $text_name,
                    default,
                    deserialize_with = "crate::endpoints::shared::filled",
                    skip_serializing_if = "Option::is_none"
                )]
                pub $text: Option<String>,
            )+)?
        }
    };
}

/// Declares an answer.
macro_rules! answer {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident $field_name:literal: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Serialize, schemars::JsonSchema)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(rename = $field_name)] pub $field: $type,)*
        }
    };
}

pub(crate) use {answer, endpoint, request};
