//! What the ledger in PostgreSQL has besides: claims, beats and fences, bodies, the budget.

use std::process::{Command, Stdio};

use test_postgres::{Database, is_there};

use super::both::{ask_postgres, postgres};
use super::transitions::{INTENT, STATES, intent};

/// A campaign with a batch in each state, numbered as the states stand, by run 1; its message is 1. The named number of
/// the split one is 5, its reservations are of 0.5, and its prices of 0.3.
fn ledger() -> Database {
    let postgres = postgres();
    let mut script = vec!["
        INSERT INTO campaign (id, name, provider, account, host, created_at)
        VALUES (1, 'spring', 'p', 'a', 'h', 0), (2, 'summer', 'p', 'a', 'h', 0);
        INSERT INTO message VALUES (1, 1, zeroblob(32)), (2, 2, zeroblob(32));
        INSERT INTO run (id, campaign, message, simulated, started_at) VALUES (1, 1, 1, 0, 0), (2, 1, 1, 0, 0);
        ALTER TABLE batch DISABLE TRIGGER USER;".to_owned()];
    for (nth, state) in STATES.into_iter().enumerate() {
        let id = nth + 1;
        let outcome = match state {
            "intended" => "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
            "in_doubt" => "'r', 5, NULL, NULL, NULL, NULL, NULL, 7, '\\x07'",
            "split" => "'r', NULL, NULL, NULL, NULL, NULL, 5, 7, '\\x07'",
            "accepted" => "NULL, NULL, 't', '0.3', 'EUR', 'provider', NULL, 7, '\\x07'",
            _ => "NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7, '\\x07'",
        };
        let intent = intent(id)
            .replacen("1, 1,", &format!("1, {id},"), 1)
            .replace("0, 1, 1, 0, x''", &format!("0, 3, {}, 0, '\\x'", 3 * id));
        script.push(format!(
            "INSERT INTO batch (id, campaign, simulated, reserved, {INTENT}, state, reason, doubt_since, ticket, cost, \
             cost_currency, cost_source, named_number, concluded_at, outcome_sum)
             VALUES ({id}, 1, {}, '0.50', {intent}, '{state}', {outcome});
             INSERT INTO members VALUES ({id}, '\\x07');
             INSERT INTO claim VALUES (1, {}, {id});",
            u8::from(state == "simulated"),
            100 + id
        ));
    }
    script.push(
        "
        ALTER TABLE batch ENABLE TRIGGER USER;
        INSERT INTO body SELECT id, '\\x07', '\\x08' FROM batch WHERE state IN ('intended', 'in_doubt');
        INSERT INTO resolution (batch, at, who, why, was, becomes, currency, sum)
        SELECT id, 8, 'anna', 'asked', 'in_doubt', state, 'EUR', '\\x' FROM batch
        WHERE state IN ('declared_sent', 'declared_not_sent', 'abandoned');"
            .to_owned(),
    );
    postgres.psql(&script.concat());
    postgres
}

/// The states in which a number is claimable, for a run with that message, which may retry refused ones.
fn claimable(postgres: &Database, number: u64, message: &str, retry: bool, parent: &str) -> String {
    postgres.psql(&format!(
        "SELECT coalesce(string_agg(state, ' ' ORDER BY id), '') FROM batch \
         WHERE claimable(id, {number}, {message}, {retry}, {parent})"
    ))
}

#[test]
fn a_number_is_claimable_by_the_state_of_the_batch_that_has_it() {
    if !is_there() {
        return;
    }
    let postgres = ledger();
    let free = "released simulated declared_not_sent withdrawn";
    let check = |message, retry, expected: &str| {
        assert_eq!(claimable(&postgres, 7, message, retry, "NULL"), expected);
    };
    check("1", false, free);
    let with_refused = format!("refused {free}");
    check("1", true, &with_refused);
    check("2", false, &with_refused);
    check("NULL", false, &with_refused);
    // A split batch's numbers are its children's, and its run's while that lives; the named one is nobody's.
    assert_eq!(claimable(&postgres, 7, "1", false, "6"), "split");
    assert_eq!(claimable(&postgres, 5, "1", false, "6"), "");
    assert_eq!(
        claimable(&postgres, 7, "1", false, "5"),
        "",
        "released, and no parent"
    );
    assert_eq!(postgres.psql("SELECT claimable(77, 7, 1, true, NULL)"), "f");
    assert_eq!(postgres.psql("SELECT claimable(77, 7, 1, true, 77)"), "f");
    for end in ["fenced_at = 9, fenced_by = 2", "ended_at = 9"] {
        postgres.psql(&format!("UPDATE run SET {end} WHERE id = 1"));
        let split = "released split simulated declared_not_sent withdrawn";
        check("1", false, split);
        assert_eq!(claimable(&postgres, 5, "2", true, "NULL"), with_refused);
    }
}

#[test]
fn a_claim_never_leaves_a_batch_that_may_have_reached_its_number() {
    if !is_there() {
        return;
    }
    let postgres = ledger();
    let moves = |batch: usize| format!("UPDATE claim SET batch = 1 WHERE batch = {batch}");
    let statements: Vec<String> = (1..=STATES.len()).map(moves).collect();
    let free: Vec<&str> = ask_postgres(&postgres, &statements)
        .into_iter()
        .zip(STATES)
        .filter_map(|(told, state)| match told.as_str() {
            "through" => Some(state),
            told => {
                assert_eq!(told, "a number that is reached, or may be, is not claimed again");
                None
            }
        })
        .collect();
    let expected = [
        "refused",
        "released",
        "split",
        "simulated",
        "declared_not_sent",
        "withdrawn",
    ];
    assert_eq!(free, expected);
    let said = ask_postgres(
        &postgres,
        &[
            "UPDATE claim SET number = 7 WHERE batch = 5",
            "DELETE FROM claim WHERE batch = 5",
            "TRUNCATE claim",
            "TRUNCATE members",
            "DELETE FROM claim WHERE batch = 77",
            "DELETE FROM body",
        ]
        .map(str::to_owned),
    );
    let expected = [
        "a claim is one number's",
        "claims are erased only with their campaign",
        "claims are erased only with their campaign",
        "members are erased only with their campaign",
        "through",
        "through",
    ];
    assert_eq!(said, expected);
    postgres.psql("INSERT INTO claim VALUES (2, 7, 1); UPDATE campaign SET closed_at = 9 WHERE id = 2");
    postgres.psql("DELETE FROM claim WHERE campaign = 2");
}

#[test]
fn claims_are_taken_in_one_statement_and_only_where_they_may_be() {
    if !is_there() {
        return;
    }
    let postgres = ledger();
    // Batch 1 has 101, and so on; 200 is nobody's. What comes back are the numbers that were taken.
    let taken = postgres.psql(
        "WITH taken AS (
           INSERT INTO claim AS held SELECT 1, number, 1 FROM generate_series(101, 113) AS number
           ON CONFLICT (campaign, number) DO UPDATE SET batch = excluded.batch
           WHERE claimable(held.batch, held.number, 1, false, NULL)
           RETURNING number)
         SELECT number FROM taken ORDER BY number",
    );
    assert_eq!(taken, "105\n107\n110\n112\n113");
}

#[test]
fn a_run_beats_until_it_ends_and_writes_nothing_once_fenced() {
    if !is_there() {
        return;
    }
    let postgres = ledger();
    postgres.psql("UPDATE run SET beat = 5, commit_number = 7, last_at = 9, lines_freed = 1 WHERE id = 1");
    let ask = |sets: &[&str]| {
        let statements = sets
            .iter()
            .map(|set| format!("UPDATE run SET {set} WHERE id = 1"));
        ask_postgres(&postgres, &statements.collect::<Vec<_>>())
    };
    let back = "what a run counts never goes back";
    let once = "a run ends once, and nothing else of it changes";
    assert_eq!(
        ask(&[
            "beat = 6",
            "beat = 4",
            "commit_number = 6",
            "last_at = 8",
            "lines_freed = 0",
            "worker = 'other'"
        ]),
        ["through", back, back, back, back, once]
    );
    assert_eq!(
        ask(&["fenced_by = 2", "fenced_at = 9, fenced_by = 1"]),
        ["CHECK run_fenced"; 2]
    );
    postgres.psql("UPDATE run SET fenced_at = 9, fenced_by = 2 WHERE id = 1");
    let fenced = "a fenced run stays fenced, and writes nothing more";
    let told = ask(&[
        "beat = 6",
        "commit_number = 8",
        "fenced_at = NULL, fenced_by = NULL",
        "ended_at = 10, outcome = 'failed'",
    ]);
    assert_eq!(told, [fenced, fenced, fenced, "through"]);
}

#[test]
fn the_faults_of_what_is_shared_are_found() {
    if !is_there() {
        return;
    }
    let postgres = ledger();
    let faults = || postgres.psql("SELECT place, fault FROM conservation ORDER BY 1, 2");
    assert_eq!(faults(), "", "it is sound");
    // 0.3 for the accepted one; 0.50 each for the intended, unticketed, in doubt, declared, abandoned, withdrawn.
    postgres.psql("INSERT INTO budget VALUES (1, '9', 0.30, 3.00), (2, NULL, 7, 7)");
    assert_eq!(faults(), "");
    postgres.psql("UPDATE budget SET reserved = 3.01 WHERE campaign = 1");
    assert_eq!(
        faults(),
        "campaign 1|its budget is not what its batches add up to"
    );
    postgres.psql("UPDATE budget SET reserved = 3, settled = 0.2 WHERE campaign = 1");
    assert_eq!(
        faults(),
        "campaign 1|its budget is not what its batches add up to"
    );
    postgres.psql("DELETE FROM budget; UPDATE body SET batch = 2 WHERE batch = 1");
    postgres.psql("INSERT INTO claim VALUES (2, 7, 1), (1, 7, 77)");
    let expected = "\
batch 1|it holds numbers of another campaign
batch 1|it is open, and its body is gone
batch 2|its outcome is known, and its body is still there
batch 77|it holds numbers of another campaign";
    assert_eq!(faults(), expected);
}

#[test]
fn lines_that_others_gave_back_are_pending() {
    if !is_there() {
        return;
    }
    let postgres = ledger();
    let account = "SELECT read, in_doubt, pending FROM runs WHERE run = 1";
    assert_eq!(postgres.psql(account), "36|6|11");
    postgres.psql("UPDATE run SET lines_freed = 2 WHERE id = 1");
    assert_eq!(postgres.psql(account), "36|4|13");
}

/// Two sessions: one puts a batch into the campaign that the other closes.
#[test]
fn a_campaign_is_not_closed_over_a_batch_that_is_being_written() {
    if !is_there() {
        return;
    }
    let postgres = ledger();
    let insert = format!(
        "BEGIN; INSERT INTO batch (id, campaign, simulated, {INTENT}) VALUES (50, 2, 0, {});",
        intent(50).replace("x''", "'\\x'")
    );
    let mut first = Command::new("psql")
        .args(["-XAtq", "-v", "ON_ERROR_STOP=1", &postgres.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = first.stdin.take().unwrap();
    let mut told = std::io::BufReader::new(first.stdout.take().unwrap());
    let mut line = String::new();
    std::io::Write::write_all(&mut words, format!("{insert} SELECT 'written';\n").as_bytes()).unwrap();
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    assert_eq!(line, "written\n");
    let closing = {
        let postgres = postgres.clone();
        std::thread::spawn(move || postgres.try_psql("UPDATE campaign SET closed_at = 9 WHERE id = 2"))
    };
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE campaign%' \
                 AND datname = current_database()";
    while postgres.psql(waits) != "1" {
        assert!(!closing.is_finished(), "it closed the campaign, and did not wait");
    }
    std::io::Write::write_all(&mut words, b"COMMIT;\n").unwrap();
    drop(words);
    assert!(first.wait().unwrap().success());
    let refused = closing.join().unwrap().unwrap_err();
    assert!(
        refused.contains("a campaign with open batches is not closed"),
        "{refused}"
    );
}
