//! What a hub that may send does beside its triggers: it settles what is unknown on its schedule, keeps the reports of
//! finished runs true, and asks people to look where it is in trouble. Neither ever stands in the way of a row.

use crate::alerting::Postman;
use crate::compose::Hub;
use crate::renewal::Renewal;
use crate::troubles;
use gesher_engine::{Engine, Reconciled, Stop};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often a serving hub asks its journal what is due to be looked up.
const ROUND_EVERY: Duration = Duration::from_secs(5);
/// How long a run in the foreground, which is over, is held up by what is due.
const FOREGROUND: Duration = Duration::from_secs(10);

/// Until `stop` is asked for.
pub fn begin<E: Send + 'static>(hub: &Hub, stop: &Stop, work: &mut JoinSet<Result<(), E>>) {
    let (engine, stopping) = (hub.engine.clone(), stop.clone());
    work.spawn(async move {
        settle(&engine, &stopping).await;
        Ok(())
    });
    work.spawn({
        let (started, stopping) = (Arc::clone(&hub.started), stop.clone());
        async move {
            started.serve(stopping).await;
            Ok(())
        }
    });
    let (engine, stopping) = (hub.engine.clone(), stop.clone());
    work.spawn(async move {
        troubles::watch(engine, stopping).await;
        Ok(())
    });
    if let Some(postman) = Postman::of(hub) {
        let stopping = stop.clone();
        work.spawn(async move {
            postman.serve(stopping).await;
            Ok(())
        });
    }
    let (renewal, stopping) = (Renewal::new(&hub.config, Arc::clone(hub.engine.journal())), stop.clone());
    work.spawn(async move {
        renewal.keep(stopping).await;
        Ok(())
    });
}

/// After a run in the foreground: what is due by now, once, and the reports that follow. The schedule is the same as that
/// of a serving hub, so a run that lasted less than the first wait asks nothing, and nobody waits for a list that lags.
pub async fn once(hub: &Hub, stop: &Stop) {
    if tokio::time::timeout(FOREGROUND, round(&hub.engine, stop)).await.is_err() {
        tracing::warn!("what is unknown was not looked up in full; a serving hub goes on with it");
    }
    if let Some(postman) = Postman::of(hub) {
        postman.once().await;
    }
    let mut renewal = Renewal::new(&hub.config, Arc::clone(hub.engine.journal()));
    if let Err(error) = renewal.once().await {
        tracing::error!("{}", error.chain());
    }
}

async fn settle(engine: &Engine, stop: &Stop) {
    while !stop.is_requested() {
        round(engine, stop).await;
        tokio::select! {
            () = tokio::time::sleep(ROUND_EVERY) => {}
            () = stop.requested() => {}
        }
    }
}

/// A failure changes nothing, and the next round tries again.
async fn round(engine: &Engine, stop: &Stop) {
    match engine.reconcile_due(stop).await {
        Ok(ends) => {
            for (step, end) in ends {
                match end {
                    Ok(Reconciled::NotFound(why)) => tracing::info!(%step, "still unknown: {}", why.en),
                    Ok(_) => {}
                    Err(error) => tracing::error!(%step, "it could not be looked up: {}", chain(&error)),
                }
            }
        }
        Err(error) => tracing::error!("what is unknown could not be looked up: {}", chain(&error)),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
