//! Ledgers of older formats: read as they are, brought to the present one when they are written, and whole at every moment.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;
use volley_ledger::{CampaignReport, Changes, Ledger, LedgerError, OpenDoubt, Spending, Word, verify};
use volley_model::{BatchState, Currency, Msisdn};

use crate::stage::Durably as _;
use crate::stage::{
    Stage, accepted, amount, at, child, conclusion, doubt, identity, intent, refused, released, signed, split,
};

/// The older formats, with the texts that made their ledgers.
pub(crate) const OLDER: [(u32, &str); 3] = [
    (1, include_str!("schema_1.sql")),
    (2, include_str!("schema_2.sql")),
    (3, include_str!("schema_3.sql")),
];

/// A ledger with batches in every state that format 1 knew, as an older Volley left it.
async fn older(number: u32) -> Stage {
    let stage = Stage::in_a_file();
    let run = stage.run();
    run.sent(intent(&[1, 2], 0), accepted("t1", Some("0.3"))).await;
    run.sent(intent(&[3], 0), accepted("t2", None)).await;
    run.sent(intent(&[4], 0), refused()).await;
    run.sent(intent(&[5], 0), released()).await;
    let given_up = run.sent(intent(&[6], 0), doubt()).await;
    run.sent(intent(&[7], 0), doubt()).await;
    run.writer.intended(intent(&[8, 9], 0)).await.unwrap();
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger
        .resolve(given_up, &Word::Abandon, &signed("nobody knows"))
        .unwrap();
    ledger.close().unwrap();
    turn_back(&stage, number);
    stage
}

/// Puts the ledger's rows into a file of that format, in its place.
fn turn_back(stage: &Stage, number: u32) {
    let (_, schema) = OLDER.into_iter().find(|(older, _)| *older == number).unwrap();
    let made = Connection::open_in_memory().unwrap();
    made.execute_batch(schema).unwrap();
    let draft = stage.beside("-older");
    let tool = Connection::open(&draft).unwrap();
    tool.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; ATTACH '{}' AS now;",
        stage.path.display()
    ))
    .unwrap();
    let objects = objects(&made);
    for (name, sql) in objects.iter().filter(|(name, _)| name.starts_with("table ")) {
        let table = name.trim_start_matches("table ");
        tool.execute_batch(&format!("{sql}; INSERT INTO {table} SELECT * FROM now.{table}"))
            .unwrap();
    }
    for (_, sql) in objects.iter().filter(|(name, _)| !name.starts_with("table ")) {
        tool.execute_batch(sql).unwrap();
    }
    tool.execute_batch(&format!(
        "DETACH now; PRAGMA application_id = 0x564c4c59; PRAGMA user_version = {number}; PRAGMA journal_mode = WAL;"
    ))
    .unwrap();
    tool.close().unwrap();
    fs::write(&stage.path, fs::read(&draft).unwrap()).unwrap();
    fs::remove_file(&draft).unwrap();
    assert_eq!(format(stage), number);
}

fn objects(connection: &Connection) -> Vec<(String, String)> {
    let query = "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1";
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn format(stage: &Stage) -> u32 {
    let tool = stage.tool();
    tool.query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

/// Every row of the older format's tables, but for the marks, which each commit changes.
fn rows(stage: &Stage, number: u32) -> Vec<(String, Vec<Vec<Value>>)> {
    let (_, schema) = OLDER.into_iter().find(|(older, _)| *older == number).unwrap();
    let made = Connection::open_in_memory().unwrap();
    made.execute_batch(schema).unwrap();
    let tool = stage.tool();
    let mut rows = Vec::new();
    for (name, _) in objects(&made) {
        let Some(table) = name.strip_prefix("table ").filter(|table| *table != "ledger") else {
            continue;
        };
        let mut statement = tool
            .prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2"))
            .unwrap();
        let columns = statement.column_count();
        let found = statement
            .query_map([], |row| (0..columns).map(|column| row.get(column)).collect())
            .unwrap();
        rows.push((name, found.collect::<Result<_, _>>().unwrap()));
    }
    rows
}

/// Everything that a run asks and a report shows.
#[derive(Debug, PartialEq)]
struct Content {
    members: Vec<(BatchState, Vec<Msisdn>)>,
    spending: Spending,
    doubts: Vec<OpenDoubt>,
    reports: Vec<CampaignReport>,
    slots: Vec<(i64, i64)>,
}

fn content(stage: &Stage) -> Content {
    let reader = stage.reader();
    let campaign = reader.campaign("spring").unwrap().unwrap();
    let mut members = Vec::new();
    reader
        .standing(campaign, &mut |batch| {
            members.push((batch.state, batch.members.to_vec()));
        })
        .unwrap();
    let tool = stage.tool();
    let mut slots = tool.prepare("SELECT id, slot FROM batch ORDER BY id").unwrap();
    let slots = slots.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    Content {
        members,
        spending: reader.spending(campaign).unwrap(),
        doubts: reader.doubts(None).unwrap(),
        reports: reader.report(None).unwrap(),
        slots: slots.collect::<Result<_, _>>().unwrap(),
    }
}

#[tokio::test]
async fn an_upgraded_ledger_has_the_objects_of_a_new_one_and_nothing_else() {
    let new = Stage::in_a_file();
    new.open().unwrap().close().unwrap();
    assert_eq!(format(&new), 4);
    for (number, _) in OLDER {
        let stage = older(number).await;
        stage.open().unwrap().close().unwrap();
        assert_eq!(objects(&stage.tool()), objects(&new.tool()), "{number}");
        assert_eq!(format(&stage), 4, "{number}");
        assert_eq!(verify(&stage.path).unwrap().findings, [], "{number}");
        let batch = objects(&stage.tool())
            .into_iter()
            .find(|(name, _)| name == "table batch");
        assert!(batch.unwrap().1.contains("'withdrawn' was accepted"));
    }
}

#[tokio::test]
async fn an_upgrade_changes_nothing_of_what_was_sent() {
    for (number, _) in OLDER {
        let stage = older(number).await;
        let before = content(&stage);
        let rows_before = rows(&stage, number);
        assert_eq!((before.members.len(), before.doubts.len()), (7, 2));
        assert!(before.doubts.iter().all(|doubt| doubt.body_kept));
        stage.open().unwrap().close().unwrap();
        assert_eq!(format(&stage), 4);
        assert_eq!(content(&stage), before);
        assert_eq!(rows(&stage, number), rows_before);
        stage.sound();
        // And it goes on: the doubt is settled with its old body, the next body takes a free slot.
        let run = stage.run();
        assert_eq!(run.entry.found_open.in_doubt, 1);
        let doubtful = before.doubts[0].batch;
        let body = run.writer.body(doubtful).await.unwrap().unwrap();
        assert_eq!(body, intent(&[7], 0).batch.body);
        let settled = conclusion(accepted("t7", None));
        run.writer.conclude(doubtful, settled).await.unwrap();
        let sent = run.sent(intent(&[10], 0), accepted("t9", None)).await;
        run.close();
        let mut ledger = stage.open().unwrap();
        ledger.withdraw(sent, "cancelled", at(60)).unwrap();
        ledger.close().unwrap();
        assert_eq!(verify(&stage.path).unwrap().findings, []);
    }
}

/// A ledger of format 2 with what format 1 had no place for.
async fn second() -> Stage {
    let stage = Stage::in_a_file();
    let mut later = identity();
    later.send_at = Some(at(9_000));
    let run = stage.run_as(&later);
    let parent = run.sent(intent(&[1, 2, 3], 0), split(2)).await;
    let unpriced = run.sent(child(parent, &[1, 3], 0), accepted("t1", None)).await;
    let withdrawn = run.sent(intent(&[4], 0), accepted("t2", Some("0.3"))).await;
    let absent = run.sent(intent(&[5], 0), doubt()).await;
    run.writer.absent(vec![absent], at(20)).await.unwrap();
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger.withdraw(withdrawn, "cancelled", at(60)).unwrap();
    ledger
        .price(unpriced, amount("0.4"), Currency::EUR, at(61))
        .unwrap();
    ledger
        .record_draft(&crate::in_a_file::list_campaigns::draft("t1"))
        .unwrap();
    ledger.close().unwrap();
    turn_back(&stage, 2);
    stage
}

#[tokio::test]
async fn what_format_1_had_no_place_for_is_read_from_format_2_and_stays() {
    let stage = second().await;
    let before = (content(&stage), rows(&stage, 2));
    let asked = |stage: &Stage| {
        let reader = stage.reader();
        let list_campaigns = reader.list_campaigns().unwrap();
        let ticketed = reader.ticketed("t1").unwrap();
        let absentees = reader.absentees(None, Duration::ZERO).unwrap();
        (list_campaigns, ticketed, absentees)
    };
    let answers = asked(&stage);
    assert_eq!((answers.0.len(), answers.1.len()), (1, 1));
    assert_eq!(answers.1[0].send_at, Some(at(9_000)));
    assert_eq!(before.0.doubts[0].absent, 1);
    assert_eq!(before.0.reports[0].runs[0].send_at, Some(at(9_000)));
    let filled = |table: &str| {
        before
            .1
            .iter()
            .any(|(name, rows)| name == table && !rows.is_empty())
    };
    for table in [
        "schedule",
        "lookup",
        "pricing",
        "list_campaign",
        "list_campaign_event",
    ] {
        assert!(filled(&format!("table {table}")), "{table}");
    }
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    assert_eq!(format(&stage), 2, "who only looks leaves it");
    stage.open().unwrap().close().unwrap();
    assert_eq!((content(&stage), rows(&stage, 2)), before);
    assert_eq!(asked(&stage), answers);
    assert_eq!(format(&stage), 4);
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn who_only_reads_reads_an_older_format_as_it_is() {
    for (number, _) in OLDER {
        let stage = older(number).await;
        let bytes = fs::read(&stage.path).unwrap();
        let reader = stage.reader();
        assert_eq!(reader.list_campaigns().unwrap(), []);
        assert_eq!(reader.list_campaign("octopush", "login", "t1").unwrap(), None);
        let [ticketed] = &reader.ticketed("t1").unwrap()[..] else {
            panic!("one batch has it")
        };
        assert_eq!((ticketed.recipients, ticketed.send_at), (2, None));
        assert_eq!(reader.report(None).unwrap()[0].runs[0].send_at, None);
        assert_eq!(
            reader.compare(&identity(), Changes::Refuse).unwrap().campaign,
            reader.campaign("spring").unwrap()
        );
        assert_eq!(reader.conservation().unwrap(), Vec::<String>::new());
        drop(reader);
        let checked = verify(&stage.path).unwrap();
        assert_eq!((checked.batches, checked.findings), (7, Vec::new()));
        Ledger::adopt(&stage.path, &signed("moved")).unwrap();
        assert_eq!(format(&stage), number, "an adoption leaves it too");
        assert_eq!(bytes.len(), fs::read(&stage.path).unwrap().len());
        // A reader that was there before sees what a writer has brought since.
        let reader = stage.reader();
        assert_eq!(reader.list_campaigns().unwrap(), []);
        let mut ledger = stage.open().unwrap();
        ledger
            .record_draft(&crate::in_a_file::list_campaigns::draft("t1"))
            .unwrap();
        assert_eq!(reader.list_campaigns().unwrap().len(), 1);
        assert_eq!(reader.report(None).unwrap()[0].cost.total, Some(amount("1.3")));
    }
}

/// Ledgers of an older format that are changed so are refused when they are opened, and stay what they are.
async fn refuses(number: u32, change: &str) {
    let stage = older(number).await;
    let tool = stage.tool();
    tool.execute_batch(change).unwrap();
    drop(tool);
    let before = (format(&stage), objects(&stage.tool()));
    let damaged = stage.open().unwrap_err();
    assert!(
        matches!(damaged, LedgerError::Damaged { .. }),
        "{number}: {change}: {damaged:?}"
    );
    assert!(
        (format(&stage), objects(&stage.tool())) == before,
        "{number}: {change}"
    );
    let findings = verify(&stage.path).unwrap().findings;
    assert!(!findings.is_empty(), "{number}: {change}");
}

#[tokio::test]
async fn a_damaged_ledger_of_an_older_format_is_refused_and_not_brought_on() {
    for (number, _) in OLDER {
        refuses(number, "DROP TRIGGER batch_transition").await;
        refuses(number, "DROP VIEW doubts; CREATE VIEW doubts AS SELECT 1").await;
        refuses(number, "DROP INDEX batch_open").await;
        refuses(
            number,
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'resolution_of_batch')
             WHERE name = 'batch_open'",
        )
        .await;
        refuses(
            number,
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'member_count > 0', 'member_count > 1') WHERE name = 'batch'",
        )
        .await;
        refuses(number, "UPDATE campaign SET sum = x'00'").await;
        // The number alone makes no format.
        refuses(number, &format!("PRAGMA user_version = {}", number % 4 + 1)).await;
        // What is the user's own stands in no way.
        let stage = older(number).await;
        stage.tool().execute_batch("CREATE TABLE theirs (x)").unwrap();
        drop(stage.open().unwrap());
    }
    refuses(
        1,
        "CREATE TABLE list_campaign (id INTEGER PRIMARY KEY, state TEXT)",
    )
    .await;
    refuses(2, "DROP TRIGGER pricing_of_accepted").await;
    refuses(2, "DROP TABLE schedule").await;
    refuses(2, "INSERT INTO schedule VALUES (1, 2, x'00')").await;
}

#[tokio::test]
async fn a_damaged_row_is_found_behind_an_upgrade_as_before_it() {
    for (number, _) in OLDER {
        let stage = older(number).await;
        let tool = stage.tool();
        let rule = "SELECT sql FROM sqlite_schema WHERE name = 'batch_transition'";
        let rule: String = tool.query_row(rule, [], |row| row.get(0)).unwrap();
        tool.execute_batch(&format!(
            "DROP TRIGGER batch_transition; UPDATE batch SET state = 'released' WHERE id = 1; {rule}"
        ))
        .unwrap();
        drop(tool);
        let campaign = stage.reader().campaign("spring").unwrap().unwrap();
        let before = stage.reader().standing(campaign, &mut |_| ()).unwrap_err();
        let ledger = stage.open().unwrap();
        let after = ledger.standing(campaign, &mut |_| ()).unwrap_err();
        for damaged in [before, after] {
            assert!(
                damaged.to_string().contains("batch 1 fails"),
                "{number}: {damaged}"
            );
        }
    }
}

#[tokio::test]
async fn an_upgrade_that_fails_in_the_middle_leaves_format_1_whole() {
    let stage = older(1).await;
    // A name that the last but one of the new views needs, so that making it fails.
    let tool = stage.tool();
    tool.execute_batch("CREATE INDEX list_campaigns ON run (started_at)")
        .unwrap();
    drop(tool);
    let before = (objects(&stage.tool()), content(&stage));
    let failed = stage.open().unwrap_err();
    assert!(failed.to_string().contains("list_campaigns"), "{failed}");
    assert_eq!((objects(&stage.tool()), content(&stage)), before);
    assert_eq!(format(&stage), 1);
    stage.tool().execute_batch("DROP INDEX list_campaigns").unwrap();
    stage.open().unwrap().close().unwrap();
    assert_eq!(content(&stage), before.1);
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn an_upgrade_is_a_commit_that_the_lock_file_remembers() {
    for (number, _) in OLDER {
        let stage = older(number).await;
        let older = fs::read(&stage.path).unwrap();
        stage.open().unwrap().close().unwrap();
        fs::write(&stage.path, older).unwrap();
        let rolled_back = stage.open().unwrap_err();
        assert!(rolled_back.to_string().contains("rolled back"), "{rolled_back}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_in_the_log_alone_is_done() {
    for (number, _) in OLDER {
        let stage = older(number).await;
        // A reader of an older moment keeps the log from being moved into the file.
        let tool = stage.tool();
        tool.execute_batch("BEGIN; SELECT count(*) FROM batch;").unwrap();
        stage.open().unwrap().close().unwrap();
        let mark = |stage: &Stage| fs::read(&stage.path).unwrap()[63];
        assert_eq!(u32::from(mark(&stage)), number, "the file's own mark lags behind");
        let ledger = stage.open().unwrap();
        assert_eq!(ledger.list_campaign("octopush", "login", "t1").unwrap(), None);
        assert_eq!(stage.reader().list_campaigns().unwrap(), []);
        tool.execute_batch("COMMIT").unwrap();
        drop(tool);
        ledger.close().unwrap();
        assert_eq!(mark(&stage), 4);
        assert_eq!(verify(&stage.path).unwrap().findings, []);
    }
}

#[tokio::test]
async fn a_flipped_bit_in_an_older_format_is_refused_or_changes_nothing_that_was_sent() {
    for (number, _) in OLDER {
        let stage = older(number).await;
        let expected = content(&stage).members;
        let whole = fs::read(&stage.path).unwrap();
        let lock = fs::read(stage.beside("-lock")).unwrap();
        let (mut refused, mut taken) = (0, 0);
        // A prime step: every region of the file, every place within a page.
        for at in (0..whole.len()).step_by(1009) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&stage.path, flipped).unwrap();
            fs::write(stage.beside("-lock"), &lock).unwrap();
            for leftover in ["-wal", "-shm"] {
                drop(fs::remove_file(stage.beside(leftover)));
            }
            match members_when_opened(&stage) {
                Ok(members) => {
                    assert_eq!(members, expected, "byte {at}");
                    taken += 1;
                }
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 0 && taken > 0, "{refused} refused, {taken} taken");
    }
}

fn members_when_opened(stage: &Stage) -> Result<Vec<(BatchState, Vec<Msisdn>)>, LedgerError> {
    let ledger = stage.open()?;
    let campaign = stage.reader().campaign("spring")?;
    let mut members = Vec::new();
    let campaign = campaign.expect("a campaign that is not found would begin anew");
    ledger.standing(campaign, &mut |batch| {
        members.push((batch.state, batch.members.to_vec()));
    })?;
    Ok(members)
}
