//! Settling what is unknown: by the provider's own records, and by people.

mod decide;
