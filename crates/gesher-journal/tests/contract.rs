//! The contract, run over SQLite.

use async_trait::async_trait;
use gesher_core::Environment;
use gesher_journal::contract::{Broken, CONTRACT, Place, Stores};
use gesher_journal::{Journal, JournalError, SqliteJournal};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;

/// One database file a name.
struct Files(PathBuf);

#[async_trait]
impl Stores for Files {
    async fn open(&self, name: &str) -> Result<Arc<dyn Journal>, JournalError> {
        let environment = Environment {
            provider: "officeguy",
            address: "http://127.0.0.1:9401".to_owned(),
            account: "2410000001".to_owned(),
        };
        let path = self.0.join(format!("{name}.db"));
        Ok(Arc::new(SqliteJournal::open(&path, None, &[environment], Timestamp::UNIX_EPOCH)?))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let stores: Arc<dyn Stores> = Arc::new(Files(folder.path().to_owned()));
    let mut cases = Vec::new();
    for (name, case) in CONTRACT {
        let stores = Arc::clone(&stores);
        let run = async move { case(Place::new(stores, name).await?).await };
        cases.push((name, tokio::spawn(run)));
    }
    let mut broken = Vec::new();
    for (name, case) in cases {
        if let Err(Broken(why)) = case.await.unwrap() {
            broken.push(format!("{name}: {why}"));
        }
    }
    assert!(
        broken.is_empty(),
        "{} of {} cases are broken:\n{}",
        broken.len(),
        CONTRACT.len(),
        broken.join("\n")
    );
}
