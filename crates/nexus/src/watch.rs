//! Health that is looked at, not remembered: the database and the object store are asked every few seconds.

use std::{convert::Infallible, time::Duration};

use blob::{Key, Store};
use db::Db;
use lifecycle::CancellationToken;
use settings::Settings;
use telemetry::{Health, State};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

/// Time between looks, and the longest a look may take.
const PERIOD: Duration = Duration::from_secs(5);
/// An object that is never there: asking for it costs little and shows that the store answers.
const PROBE: &str = "health/probe";

/// What is looked at.
pub struct Watched {
    db: Db,
    store: Store,
    health: Health,
    free_floor_bytes: u64,
}

impl Watched {
    /// These parts of a process.
    pub fn new(settings: &Settings, db: &Db, store: &Store, health: &Health) -> Self {
        Self {
            db: db.clone(),
            store: store.clone(),
            health: health.clone(),
            free_floor_bytes: settings.upload.free_floor_bytes,
        }
    }

    async fn database(&self) -> State {
        match timeout(PERIOD, self.db.ping()).await {
            Ok(Ok(())) => State::Ok,
            Ok(Err(error)) => State::Down(error.to_string()),
            Err(_) => State::Down(format!("no answer within {} s", PERIOD.as_secs())),
        }
    }

    async fn store(&self) -> State {
        match timeout(PERIOD, self.look_at_store()).await {
            Ok(Ok(Some(free))) if free < self.free_floor_bytes => State::Degraded(format!(
                "{} MiB free: uploads are refused (upload.free_floor_bytes)",
                free >> 20
            )),
            Ok(Ok(_)) => State::Ok,
            Ok(Err(error)) => State::Down(error.to_string()),
            Err(_) => State::Down(format!("no answer within {} s", PERIOD.as_secs())),
        }
    }

    async fn look_at_store(&self) -> Result<Option<u64>, blob::BlobError> {
        self.store.head(&Key::new(PROBE)?).await?;
        self.store.free_bytes().await
    }

    fn report(&self, name: &'static str, state: State) {
        let before = self.health.report(name, state.clone());
        match (before, state) {
            (Some(before), now) if before == now => {}
            (None, State::Ok) => {}
            (_, State::Ok) => info!("{name} works again"),
            (_, State::Degraded(reason) | State::Down(reason)) => warn!("{name}: {reason}"),
        }
    }
}

/// Reports `database` and `store` until the soft stage of shutdown.
///
/// # Errors
/// Never; the type is what `Tasks::spawn_critical` takes.
pub async fn watch(watched: Watched, stop: CancellationToken) -> Result<(), Infallible> {
    while !stop.is_cancelled() {
        let (database, store) = tokio::join!(watched.database(), watched.store());
        watched.report("database", database);
        watched.report("store", store);
        tokio::select! {
            () = sleep(PERIOD) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use db::Options;

    use super::*;

    async fn watched(folder: &std::path::Path, free_floor_bytes: u64) -> Watched {
        let url = format!("sqlite:{}", folder.join("a.db").display());
        let db = Db::open(&url, Options::default()).await.unwrap();
        let store = Store::folder(folder.join("store"), lifecycle::system()).await.unwrap();
        Watched { db, store, health: Health::new(telemetry::Role::All), free_floor_bytes }
    }

    #[tokio::test]
    async fn what_answers_is_well_and_what_does_not_is_down() {
        let folder = tempfile::tempdir().unwrap();
        let watched = watched(folder.path(), 0).await;
        assert_eq!((watched.database().await, watched.store().await), (State::Ok, State::Ok));
        watched.db.close().await;
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert!(matches!(watched.database().await, State::Down(_)));
        assert!(matches!(watched.store().await, State::Down(_)));
        watched.report("database", watched.database().await);
        assert!(!watched.health.ready());
    }

    #[tokio::test]
    async fn a_full_store_is_told_of_and_still_plays() {
        let folder = tempfile::tempdir().unwrap();
        let watched = watched(folder.path(), u64::MAX).await;
        let state = watched.store().await;
        assert!(matches!(&state, State::Degraded(reason) if reason.contains("free_floor")), "{state:?}");
    }
}
