//! Journals that an older program made.

use super::*;
use crate::record::{Begin, StepQuery, StepState};
use gesher_core::Currency;

/// A journal as the first version laid it out, with a step of each state.
fn first_version(folder: &Folder) {
    let raw = folder.raw();
    raw.execute_batch(schema::MIGRATIONS[0]).unwrap();
    raw.execute_batch(
        "PRAGMA user_version = 1;
         INSERT INTO hub VALUES (1, 'abcdefghijklmnop', 5);
         INSERT INTO flows VALUES (1, 'charges');
         INSERT INTO runs VALUES (1, 'k7mq2xd', 1, 'drop', 'march.csv', 'null', 'aa', 'running', NULL, 9, 6, NULL);
         INSERT INTO files VALUES (1, 1, 1, zeroblob(32));
         INSERT INTO items (run, ordinal, line, key, attempt, cells_hash, state, at)
             VALUES (1, 1, 2, 'row-1', 1, zeroblob(16), 'queued', 7);
         INSERT INTO row_keys VALUES (1, 'row-1', 1, 1, 1);
         INSERT INTO audit (at, subject, became) VALUES (5, 'k7mq2xd', 'claimed');
         INSERT INTO sealed VALUES ('a', x'01', 5);",
    )
    .unwrap();
    let states = ["succeeded", "declined", "rejected", "not_sent", "unknown", "conflict", "in_flight"];
    for (ordinal, state) in (1..).zip(states) {
        raw.execute(
            "INSERT INTO steps (run, ordinal, position, operation, who, account, key, attempt, request_hash, subject,
                    amount, currency, state, intent_at, outcome_at, reference, code, message_he, message_en, data)
             VALUES (1, ?1, 1, 'officeguy.charge', 'dana', 'officeguy:1', 'k' || ?1, 1, zeroblob(32), 's' || ?1,
                    1250, 'ILS', ?2, 3600000007, 8, 'ref' || ?1, '000', 'אושר', 'approved', '{\"a\":1}')",
            params![ordinal, state],
        )
        .unwrap();
    }
    // A read has no attempt and moved nothing.
    raw.execute(
        "INSERT INTO steps (run, ordinal, position, operation, who, account, request_hash, amount, currency, state,
                intent_at)
         VALUES (1, 1, 2, 'officeguy.get_payment', 'dana', 'officeguy:1', zeroblob(32), 700, 'ILS', 'succeeded', 9)",
        [],
    )
    .unwrap();
}

#[tokio::test]
async fn a_journal_of_the_first_version_opens_with_all_that_it_held() {
    let folder = Folder::new();
    first_version(&folder);
    let older = SqliteJournal::open_reader(&folder.path()).unwrap_err();
    assert!(matches!(older, JournalError::Older { found: 1, .. }), "{older}");
    assert_eq!(SqliteJournal::check_file(&folder.path()).unwrap(), HubId::stored("abcdefghijklmnop"));
    let journal = folder.open(&[]).unwrap();
    assert_eq!(journal.hub_id().to_string(), "abcdefghijklmnop");
    let run: RunId = "k7mq2xd".parse().unwrap();
    let found = journal.run(&run).await.unwrap().unwrap();
    assert_eq!((found.state, found.rows, found.closings), (RunState::Running, Some(9), 0));
    let steps = journal.steps(&StepQuery { limit: 99, ..StepQuery::default() }).await.unwrap();
    assert_eq!(steps.len(), 7);
    let declined = &steps[1];
    assert_eq!(declined.state, StepState::Over(OutcomeStatus::Declined));
    assert_eq!(declined.amount.map(|money| money.to_string()).as_deref(), Some("12.50 ILS"));
    let outcome = declined.outcome.as_ref().unwrap();
    assert_eq!((outcome.reference.as_deref(), outcome.message.en.as_str()), (Some("ref2"), "approved"));
    assert_eq!(outcome.data, serde_json::json!({ "a": 1 }));
    assert_eq!(journal.steps_of(&ItemId { run: run.clone(), ordinal: 1 }).await.unwrap().len(), 2);
    assert!(journal.sealed("a").await.unwrap().is_some());
    assert_eq!(journal.open_steps(None, 9).await.unwrap().len(), 2);
    assert_eq!(journal.settle_in_flight(Timestamp::UNIX_EPOCH).await.unwrap().len(), 1);
}

#[tokio::test]
async fn keys_locks_and_limits_of_the_first_version_still_hold() {
    let folder = Folder::new();
    first_version(&folder);
    let journal = folder.open(&[]).unwrap();
    let run: RunId = "k7mq2xd".parse().unwrap();
    let begin = async |ordinal: u64, key: &str, limits: crate::Limits, subject: Option<&str>| {
        let mut intent = intent(&run, ordinal, key);
        (intent.limits, intent.money) = (limits, true);
        intent.subject = subject.map(str::to_owned);
        intent.amount = "1.00 ILS".parse().ok();
        journal.begin_step(intent).await.unwrap()
    };
    let shekels = |amount: &str| format!("{amount} {}", Currency::ILS).parse().ok();
    let per_run = |amount| crate::Limits { per_run: shekels(amount), ..crate::Limits::default() };
    assert!(matches!(
        begin(20, "k1", crate::Limits::default(), None).await,
        Begin::Recorded(_) | Begin::Reused(_)
    ));
    assert!(matches!(begin(21, "k5", crate::Limits::default(), None).await, Begin::Open(_)));
    assert!(matches!(begin(22, "k7", crate::Limits::default(), None).await, Begin::InFlight(_)));
    assert!(matches!(begin(23, "new", crate::Limits::default(), Some("s6")).await, Begin::Locked(_)));
    // Succeeded, unknown, in conflict and in flight: four times 12.50 are held.
    let reached = begin(24, "new", per_run("50.99"), None).await;
    assert!(
        matches!(&reached, Begin::Limited(reached) if Some(reached.held) == shekels("50.00")),
        "{reached:?}"
    );
    let day = |from: i64| crate::DayLimit {
        limit: "50.99 ILS".parse().unwrap(),
        from: Timestamp::from_microsecond(from).unwrap(),
        until: Timestamp::from_microsecond(from + 7_200_000_000).unwrap(),
    };
    let per_day = |from| crate::Limits { per_day: Some(day(from)), ..crate::Limits::default() };
    assert!(matches!(begin(24, "new", per_day(0), None).await, Begin::Limited(_)));
    assert!(matches!(begin(24, "new", per_day(7_200_000_000), None).await, Begin::Send { attempt: 1 }));
    assert!(matches!(begin(25, "k2", per_run("51.00"), None).await, Begin::Limited(_)));
    assert!(matches!(begin(25, "k2", per_run("52.00"), None).await, Begin::Send { attempt: 2 }));
}

#[tokio::test]
async fn vendors_that_an_earlier_version_opened_are_known() {
    let folder = Folder::new();
    first_version(&folder);
    let raw = folder.raw();
    raw.execute_batch(schema::MIGRATIONS[1]).unwrap();
    raw.execute_batch("PRAGMA user_version = 2;").unwrap();
    let opened = |ordinal: i64,
                  who: &str,
                  operation: &str,
                  account: &str,
                  state: &str,
                  number: Option<&str>| {
        let subject = number.map(|number| format!("CorporateNumber:{number}"));
        raw.execute(
            "INSERT INTO steps (run, ordinal, position, state, attempt, money, intent_at, operation, who, account, key,
                    request_hash, subject, reference)
             VALUES (1, ?1, 9, ?2, 1, 0, 77, ?3, ?4, ?5, 'vendor/' || ?4, zeroblob(32), ?6,
                    CASE ?2 WHEN 'succeeded' THEN '90' || ?1 END)",
            params![ordinal, state, operation, who, account, subject],
        )
        .unwrap();
    };
    let create = "officeguy.create_company";
    opened(41, "dana", create, "officeguy:1", "succeeded", Some("03-00 7"));
    opened(42, "noa", create, "officeguy:1", "unknown", Some("8"));
    opened(43, "avi", create, "officeguy:1", "rejected", Some("9"));
    opened(44, "twin", create, "officeguy:1", "succeeded", Some("3007"));
    opened(45, "dana", "officeguy.open_upay_terminal", "officeguy:9041", "succeeded", None);
    let journal = folder.open(&[]).unwrap();
    let found: Vec<String> = journal
        .vendors("officeguy")
        .await
        .unwrap()
        .into_iter()
        .map(|vendor| {
            let words =
                [Some(vendor.handle), Some(vendor.state.to_string()), vendor.account, vendor.business];
            words.map(Option::unwrap_or_default).join(" ")
        })
        .collect();
    assert_eq!(found, ["dana terminal-requested 9041 3007", "noa opening  8", "twin open 9044 "]);
    // Its opening is closed like any other.
    let run: RunId = "k7mq2xd".parse().unwrap();
    let id = StepId { item: ItemId { run, ordinal: 42 }, position: 9 };
    assert_eq!(journal.vendor("officeguy", "noa").await.unwrap().unwrap().step, Some(id));
}

#[tokio::test]
async fn one_of_several_references_of_an_older_journal_is_still_known_as_taken() {
    let folder = Folder::new();
    first_version(&folder);
    folder
        .raw()
        .execute_batch(
            "DROP TRIGGER steps_final_stands;
             UPDATE steps SET reference = '51,61' WHERE ordinal = 1 AND attempt IS NOT NULL;",
        )
        .unwrap();
    let journal = folder.open(&[]).unwrap();
    let asked = ["51", "61", "5", "51,61"].map(str::to_owned);
    let other = StepId { item: ItemId { run: "k7mq2xd".parse().unwrap(), ordinal: 2 }, position: 1 };
    assert_eq!(journal.references_taken("officeguy:1", &asked, &other).await.unwrap(), ["51", "61", "51,61"]);
}
