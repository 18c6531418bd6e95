//! The rules of all other tables: each of SQLite's is broken once at least, and PostgreSQL says the same against it.

use std::collections::BTreeSet;

use test_postgres::is_there;

use super::both::{Both, SQLITE};
use super::transitions::{INTENT, intent};

/// Something of everything, put there as Volley does it.
pub(super) fn fill(both: &Both) {
    let mut script = vec!["
        INSERT INTO campaign (id, name, provider, account, host, created_at)
        VALUES (1, 'spring', 'p', 'a', 'h', 1700000000123456), (2, 'done', 'p', 'a', 'h', 5), (3, 'more', 'p', 'a', 'h', 6);
        INSERT INTO message VALUES (1, 1, zeroblob(32)), (2, 2, zeroblob(32));
        INSERT INTO message_part VALUES (1, 'text', 'hello');
        INSERT INTO run (id, campaign, message, simulated, started_at)
        VALUES (1, 1, 1, 0, 7), (2, 1, 1, 0, 8), (3, 2, 2, 0, 9);
        INSERT INTO schedule VALUES (1, 1800000000000000, x'07');
        INSERT INTO run_limits VALUES (1, 2.5, 10, NULL, 100);
        INSERT INTO campaign_change (campaign, run, at, key, was, becomes) VALUES (1, 1, 8, 'host', 'a', 'b');
        INSERT INTO adoption (at, who, reason, detail) VALUES (1, 'anna', 'moved', 'id');
        INSERT INTO erasure (campaign, at, who, why) VALUES (2, 9, 'anna', 'asked');".to_owned()];
    for (id, campaign) in [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 1)] {
        // The batches' run is the first of their campaign, their sequence their place in it.
        let (run, sequence) = if campaign == 1 { (1, id.min(5)) } else { (3, 1) };
        let (sequence, lines) = if id == 6 {
            (5, 15)
        } else {
            (sequence, 3 * sequence)
        };
        let intent = intent(id).replacen("1, 1,", &format!("{run}, {sequence},"), 1);
        let intent = intent.replace(
            "0, 1, 1, 0, x''",
            &format!("0, 3, {lines}, 1700000000000000, x''"),
        );
        script.push(format!(
            "INSERT INTO batch (id, campaign, simulated, {INTENT}) VALUES ({id}, {campaign}, 0, {intent});
             INSERT INTO members VALUES ({id}, x'0708');"
        ));
    }
    let ended = "concluded_at = 1700000001000500, outcome_sum = x'07'";
    script.push(format!(
        "UPDATE batch SET state = 'accepted', ticket = 't1', contacts = 2, {ended} WHERE id = 1;
         UPDATE batch SET state = 'in_doubt', reason = 'r', doubt_since = 9, {ended} WHERE id = 2;
         UPDATE batch SET state = 'split', named_number = 33600000001, {ended} WHERE id = 3;
         UPDATE batch SET state = 'accepted', ticket = 't2', cost = '0.10', cost_currency = 'EUR',
           cost_source = 'estimated', {ended} WHERE id = 4;
         UPDATE batch SET state = 'refused', reason = 'r', status = 400, code = 7, {ended} WHERE id = 5;
         UPDATE campaign SET closed_at = 11 WHERE id = 2;
         INSERT INTO attempt VALUES (2, 1, 1, 1700000000000001, 9, 'timeout');
         INSERT INTO lookup VALUES (2, 1, 1, 9, x''), (2, 2, 1, 10, x'');
         INSERT INTO pricing VALUES (1, 9, '0.1', 'EUR', x'');
         INSERT INTO resolution (batch, at, who, why, was, becomes, currency, sum)
         VALUES (2, 8, 'anna', 'asked', 'in_doubt', 'declared_sent', 'EUR', x'');
         INSERT INTO lines_behind VALUES (2, 1, 1, 2, 3, 4, 5, 6, 7, 28);
         UPDATE run SET ended_at = 99, outcome = 'complete', exit_code = 0, lines_settled = 2 WHERE id = 2;
         INSERT INTO suppressed VALUES (33600000009, 5);
         INSERT INTO suppression (at, who, why, added, removed, listed, list_sum, sum)
         VALUES (5, 'anna', NULL, 1, 0, 1, x'', x'');"
    ));
    for id in 1..=4 {
        script.push(format!(
            "INSERT INTO list_campaign (id, provider, account, host, ticket, message_hash, currency, created_at, state,
               changed_at, sum) VALUES ({id}, 'p', 'a', 'h', 't{id}', zeroblob(32), 'EUR', 5, 'draft', 5, x'');
             INSERT INTO list_campaign_part VALUES ({id}, 'text', 'hello');
             INSERT INTO list_campaign_event VALUES ({id}, 1, 5, NULL, NULL, 'draft', NULL, x'');"
        ));
    }
    for (id, number, was, becomes) in [
        (2, 2, "draft", "sending"),
        (3, 2, "draft", "sending"),
        (3, 3, "sending", "in_doubt"),
        (4, 2, "draft", "sending"),
        (4, 3, "sending", "sent"),
    ] {
        script.push(format!(
            "INSERT INTO list_campaign_event VALUES ({id}, {number}, 6, NULL, '{was}', '{becomes}', NULL, x'');
             UPDATE list_campaign SET state = '{becomes}', reason = 'r', intended_at = 6,
               doubt_since = {} WHERE id = {id};",
            if becomes == "in_doubt" { "7" } else { "NULL" }
        ));
    }
    both.tell(&script.concat());
}

fn statements() -> Vec<String> {
    let mut statements: Vec<String> = [
        "UPDATE members SET numbers = x'09'",
        "DELETE FROM members WHERE batch = 1",
        "DELETE FROM members WHERE batch = 5",
        "UPDATE attempt SET evidence = 'e'",
        "DELETE FROM attempt",
        "UPDATE lookup SET at = 1",
        "DELETE FROM lookup",
        "INSERT INTO lookup VALUES (2, 3, 1, 9, x'')",
        "INSERT INTO lookup VALUES (2, 4, 1, 9, x'')",
        "INSERT INTO lookup VALUES (2, 2, 1, 9, x'')",
        "INSERT INTO lookup VALUES (1, 1, 1, 9, x'')",
        "INSERT INTO lookup VALUES (77, 1, 1, 9, x'')",
        "UPDATE pricing SET cost = '2'",
        "DELETE FROM pricing",
        "INSERT INTO pricing VALUES (4, 9, '1', 'EUR', x'')",
        "INSERT INTO pricing VALUES (2, 9, '1', 'EUR', x'')",
        "UPDATE lines_behind SET lines_read = 1",
        "DELETE FROM lines_behind",
        "UPDATE message SET campaign = 2",
        "UPDATE message_part SET value = 'v'",
        "UPDATE campaign_change SET becomes = 'c'",
        "DELETE FROM campaign_change",
        "UPDATE adoption SET who = 'ben'",
        "DELETE FROM adoption",
        "UPDATE resolution SET why = 'w'",
        "DELETE FROM resolution",
        "INSERT INTO resolution (batch, at, who, why, was, becomes, currency, sum) \
         VALUES (2, 8, 'anna', '  ', 'in_doubt', 'declared_sent', 'EUR', x'')",
        "UPDATE erasure SET who = 'ben'",
        "DELETE FROM erasure",
        "DELETE FROM batch",
        "DELETE FROM run WHERE id = 3",
        "UPDATE run SET ended_at = 100 WHERE id = 2",
        "UPDATE run SET reason = 'r' WHERE id = 1",
        "UPDATE run SET ended_at = 100, message = 2 WHERE id = 1",
        "UPDATE run SET ended_at = 100, started_at = 2 WHERE id = 1",
        "UPDATE run SET ended_at = 100, outcome = 'complete', exit_code = 0 WHERE id = 1",
        "UPDATE schedule SET send_at = 1",
        "DELETE FROM schedule",
        "DELETE FROM campaign WHERE id = 3",
        "UPDATE campaign SET name = 'x' WHERE id = 3",
        "UPDATE campaign SET host = 'x', sum = x'09' WHERE id = 1",
        "UPDATE campaign SET host = 'x' WHERE id = 2",
        "UPDATE campaign SET closed_at = 5 WHERE id = 1",
        "UPDATE campaign SET closed_at = NULL WHERE id = 2",
        "UPDATE campaign SET closed_at = 5 WHERE id = 3",
        "UPDATE suppression SET who = 'ben'",
        "DELETE FROM suppression",
        "DELETE FROM suppressed",
        "DELETE FROM list_campaign",
        "UPDATE list_campaign SET ticket = ticket",
        "UPDATE list_campaign_part SET value = 'v'",
        "DELETE FROM list_campaign_part",
        "UPDATE list_campaign_event SET at = 1",
        "DELETE FROM list_campaign_event",
        "INSERT INTO list_campaign (provider, account, host, ticket, message_hash, currency, created_at, state, \
         changed_at, sum) VALUES ('p', 'a', 'h', 't9', zeroblob(32), 'EUR', 5, 'sent', 5, x'')",
    ]
    .map(str::to_owned)
    .to_vec();
    let states = [
        "draft",
        "sending",
        "sent",
        "in_doubt",
        "failed",
        "cancelled",
        "declared_sent",
        "abandoned",
    ];
    for campaign in 1..=4 {
        for becomes in states {
            for (number, who, why) in [
                (2, "NULL", "NULL"),
                (3, "'anna'", "' '"),
                (3, "NULL", "'w'"),
                (4, "'anna'", "'w'"),
            ] {
                for was in ["NULL", "'draft'", "'sending'", "'in_doubt'", "'sent'"] {
                    statements.push(format!(
                        "INSERT INTO list_campaign_event VALUES ({campaign}, {number}, 9, {who}, {was}, '{becomes}', {why}, \
                         x'')"
                    ));
                }
            }
            for set in [
                "",
                ", reason = 's'",
                ", cost = '1', contacts = 7",
                ", sending_date = 'd'",
            ] {
                statements.push(format!(
                    "UPDATE list_campaign SET state = '{becomes}'{set} WHERE id = {campaign}"
                ));
            }
        }
    }
    statements
}

/// Every text that SQLite's rules refuse with.
fn texts() -> BTreeSet<String> {
    let rules = SQLITE.split("RAISE(ABORT, '").skip(1);
    rules
        .map(|rule| rule.split("');").next().unwrap().replace("''", "'"))
        .collect()
}

#[test]
fn every_rule_of_sqlite_s_is_kept_with_the_same_words() {
    if !is_there() {
        return;
    }
    let both = Both::new();
    fill(&both);
    let statements = statements();
    let mut said = BTreeSet::new();
    let mut through = 0;
    for (statement, answers) in statements.iter().zip(both.ask(&statements)) {
        match answers.agreed(statement) {
            None => through += 1,
            Some(text) => drop(said.insert(text)),
        }
    }
    assert!(through > 20, "{through}");
    // Those of table batch have a file of their own.
    let of_batch = [
        "a batch begins as intended",
        "a batch goes again only as its run has split it",
        "a batch is split for one of its numbers, and no other batch has such a one",
        "a simulated batch reaches nobody, and no other is simulated",
        "an intent is never changed",
        "docs/guarantee.md draws no such transition",
        "the campaign is closed",
        "the lines of what goes again count already",
    ];
    let expected: BTreeSet<String> = texts()
        .into_iter()
        .filter(|text| !of_batch.contains(&text.as_str()))
        .collect();
    let missing: Vec<&String> = expected.difference(&said).collect();
    assert!(missing.is_empty(), "never said: {missing:?}");
    said.retain(|text| !expected.contains(text));
    assert_eq!(said, ["CHECK resolution_why_check".to_owned()].into());
}
