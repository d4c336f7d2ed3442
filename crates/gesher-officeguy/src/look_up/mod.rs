//! What became of a call whose answer was lost: the records of the time, read whole, each with what speaks for and
//! against its being that call's own.
//!
//! Only reads. Whether a record is the step's own is the engine's to decide; a list that breaks off, repeats itself or
//! cannot be read is a failure and never an empty one.

mod asking;
mod documents;
mod listed;
mod noted;
mod others;
mod payments;
mod records;
mod shared;

pub(crate) use listed::Listings;
pub(crate) use noted::{Noted, NotedCustomer, NotedMethod};

use crate::endpoints::charge::Charge;
use crate::endpoints::document_changes::CancelDocument;
use crate::endpoints::documents::CreateDocument;
use crate::provider::OfficeGuy;
use asking::Asking;
use gesher_core::Text;
use gesher_core::look_up::{Found, LookUpFailure, Wanted};
use gesher_core::operation::{Account, LookUp, OperationEntry};
use gesher_provider::endpoint::Endpoint;

/// Pages of one list. A longer list is a failure: what was not read may hold what is looked for.
const PAGES_MAX: usize = 2_000;
/// Records of one look-up that may be the call's own. More are a failure, for the same reason.
const CANDIDATES_MAX: usize = 1_000;
/// Single records that one look-up reads for their customer or their document. Those nearest to the call come first;
/// of the rest it cannot be told.
const DETAILS_MAX: usize = 60;

/// Looks for what became of one call.
pub(crate) async fn look_up(
    provider: &OfficeGuy,
    entry: &OperationEntry,
    account: &Account,
    wanted: &Wanted,
) -> Result<Found, LookUpFailure> {
    if entry.descriptor.look_up == LookUp::Manual {
        return Err(LookUpFailure::Manual);
    }
    let noted = Noted::read(&wanted.facts).ok_or_else(|| {
        LookUpFailure::Unavailable(Text::new(
            "מה שנרשם על הבקשה אינו קריא, ולכן אין לפי מה לחפש",
            "what was noted of the request cannot be read, so there is nothing to look for",
        ))
    })?;
    let asking = Asking::new(provider, account, &wanted.pace);
    match entry.descriptor.endpoint {
        Charge::PATH => payments::find(asking, wanted, &noted).await,
        CreateDocument::PATH => documents::find(asking, wanted, &noted).await,
        CancelDocument::PATH => documents::find_stamped(asking, wanted).await,
        _ => Err(LookUpFailure::Manual),
    }
}

fn too_many() -> LookUpFailure {
    LookUpFailure::Unavailable(Text::new(
        format!("יותר מ־{CANDIDATES_MAX} רישומים דומים באותו זמן; נדרשת בדיקה של אדם"),
        format!("there are more than {CANDIDATES_MAX} records like it in that time; a person has to look"),
    ))
}
