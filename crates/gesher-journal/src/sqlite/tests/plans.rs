//! How SQLite means to go about what is asked often.

use super::*;

/// The lines of the plan for a statement, in a journal of the newest version.
fn plan(sql: &str) -> Vec<String> {
    let folder = Folder::new();
    folder.open(&[]).unwrap();
    let raw = folder.raw();
    let mut query = raw.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = query.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get(3).unwrap());
    }
    lines
}

#[test]
fn what_is_open_is_found_without_a_look_at_every_step() {
    for sql in [step_reads::OPEN, step_reads::OPEN_IN_STATE, desk::ANY_OPEN] {
        let plan = plan(sql);
        let walks = |line: &&String| {
            line.contains("steps") && !line.contains("steps_open") || line.contains("rowid>")
        };
        assert!(plan.iter().any(|line| line.contains("steps_open")), "{sql}\n{plan:?}");
        assert_eq!(plan.iter().find(walks), None, "{sql}");
    }
}

#[test]
fn a_reference_is_looked_for_among_the_few_that_hold_several_and_in_no_other_step() {
    let plan = plan(step_reads::REFERENCE_TAKEN);
    for index in ["steps_reference", "steps_document", "steps_several"] {
        assert!(plan.iter().any(|line| line.contains(index)), "{index}\n{plan:?}");
    }
    let all = |line: &&String| line.contains("steps") && !line.contains("INDEX steps_");
    assert_eq!(plan.iter().find(all), None);
}

#[test]
fn every_frequent_look_up_uses_an_index() {
    let check = |sql: &str, index: &str| {
        let plan = plan(sql).join("\n");
        assert!(plan.contains(index) && !plan.contains("SCAN") && !plan.contains("TEMP"), "{sql}\n{plan}");
    };
    let key = "WHERE account = ?1 AND operation = ?2 AND key = ?3";
    let last = "AND attempt IS NOT NULL ORDER BY attempt DESC LIMIT 1";
    check(&format!("SELECT data FROM steps {key} {last}"), "steps_key");
    check(intents::ANY_OF_KEY, "COVERING INDEX steps_key");
    let open = "attempt IS NOT NULL AND state IN ('unknown', 'conflict')";
    check(
        &format!("SELECT seq FROM steps WHERE account = ?1 AND operation = ?2 AND subject = ?3 AND {open}"),
        "steps_open",
    );
    check("SELECT seq FROM steps WHERE state = 'in_flight' AND seq > ?1 ORDER BY seq", "steps_in_flight");
    check("SELECT 1 FROM steps WHERE attempt IS NOT NULL AND reference = ?1", "steps_reference");
    check("SELECT 1 FROM steps WHERE attempt IS NOT NULL AND document = ?1", "steps_document");
    check(
        "UPDATE steps SET data = '' WHERE run = ?1 AND ordinal = ?2 AND position = ?3",
        "sqlite_autoindex_steps",
    );
    check("SELECT no FROM runs WHERE id = ?1", "sqlite_autoindex_runs");
    check(
        "SELECT run FROM files WHERE flow = ?1 AND sha256 = ?2 AND seq < ?3 ORDER BY seq DESC",
        "files_by_identity",
    );
    check("SELECT 1 FROM items WHERE run = ?1 AND ordinal > ?2 ORDER BY ordinal", "PRIMARY KEY");
    check(
        "SELECT no FROM runs r WHERE r.state = 'claimed' AND r.triggered_by IN ('webhook', 'source')
             AND r.flow = ?1 AND r.no > ?2 ORDER BY r.no LIMIT 9",
        "runs_waiting",
    );
    check(close_item::NEXT_UNKNOWN, "items_unknown");
}

#[tokio::test]
async fn rows_have_room_for_what_they_end_with() {
    const ROWS: u64 = 600;
    let folder = Folder::new();
    let journal = folder.open(&[]).unwrap();
    let run = begin_run(&journal).await;
    let items = (1..=ROWS).map(|ordinal| row(ordinal, &format!("order-{ordinal:04}"))).collect();
    journal.claim_items(&run, items, Timestamp::UNIX_EPOCH).await.unwrap();
    for ordinal in 1..=ROWS {
        let intent = Intent { money: true, ..intent(&run, ordinal, &format!("order-{ordinal:04}")) };
        assert!(matches!(journal.begin_step(intent).await.unwrap(), Begin::Send { .. }));
    }
    let pages = || -> i64 { folder.raw().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap() };
    let before = pages();
    for ordinal in 1..=ROWS {
        let mut finish = finish(&run, ordinal, OutcomeStatus::Succeeded);
        finish.outcome.data = serde_json::json!({ "Payment": "x".repeat(800) }).into();
        finish.outcome.message = gesher_core::Text::verbatim("Charged 12.02 ILS, document 106");
        journal.finish_step(&finish).await.unwrap();
        let end = ItemEnd {
            status: ItemStatus::Succeeded,
            reference: Some("90000106".to_owned()),
            document: Some("106".to_owned()),
            code: Some("000".to_owned()),
            message: "Charged 12.02 ILS, document 106".to_owned(),
            amount: None,
        };
        let item = ItemId { run: run.clone(), ordinal };
        journal.finish_item(&item, end, Timestamp::UNIX_EPOCH).await.unwrap();
    }
    // The audit has a row more for each; it is far smaller than the growth of the steps would be.
    let grown = pages() - before;
    assert!(grown < before / 10, "{grown} pages more than the {before} before");
}
