//! What asked a person to look, and whether anybody was told.

use super::Check;
use crate::compose::store::{local, time_zone};
use crate::config::Config;
use crate::error::{Doing, HubError};
use gesher_engine::journal::Journal;

/// Alerts that are looked at: the newest.
const LOOKED_AT: usize = 1_000;

/// How many wait to be delivered, how many nobody took, and the newest of all.
pub(super) async fn look(config: &Config, journal: &dyn Journal) -> Result<Check, HubError> {
    let alerts = journal.alerts(LOOKED_AT).await.doing("reading the alerts")?;
    let name = "alerts";
    let Some(newest) = alerts.first() else { return Ok(Check::well(name, "none")) };
    let zone = time_zone(config);
    let said = format!("the newest, of {}: {}", local(newest.alert.at, &zone), newest.alert.text);
    if config.alerts.url.is_none() {
        let mend = "write [alerts] with `url` and `secret` in gesher.toml, so that somebody is told";
        return Ok(Check::look(
            name,
            format!("{} in the journal, and nobody is told; {said}", alerts.len()),
            mend,
        ));
    }
    let waits = alerts.iter().filter(|alert| alert.due_at.is_some()).count();
    let lost = alerts.iter().filter(|alert| alert.due_at.is_none() && alert.delivered_at.is_none()).count();
    match (waits, lost) {
        (0, 0) => Ok(Check::well(name, format!("all {} delivered; {said}", alerts.len()))),
        _ => Ok(Check::look(
            name,
            format!("{waits} wait to be delivered, and {lost} were taken by nobody; {said}"),
            "see that the address of [alerts] answers with 2xx; the hub that serves goes on trying for a day",
        )),
    }
}
