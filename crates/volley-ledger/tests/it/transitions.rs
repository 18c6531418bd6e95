//! What the rules of table `batch` let through: the same in the words of format 2 and in the present ones.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params_from_iter};

use crate::stage::lift_rules;
use crate::upgrade::OLDER;

const PRESENT: &str = include_str!("../../src/schema.sql");
const STATES: [&str; 12] = [
    "intended",
    "accepted",
    "unticketed",
    "refused",
    "released",
    "split",
    "simulated",
    "in_doubt",
    "declared_sent",
    "declared_not_sent",
    "abandoned",
    "withdrawn",
];

/// The states, none, and one that does not exist, as SQL.
fn states() -> Vec<String> {
    let mut states = STATES.map(|state| format!("'{state}'")).to_vec();
    states.extend(["NULL".to_owned(), "'mislaid'".to_owned()]);
    states
}

/// A batch as it stands before a change.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one condition of a rule, and all are combined"
)]
struct Old {
    state: &'static str,
    simulated: bool,
    /// It has a cost.
    priced: bool,
    /// The operator's word on it is there, for each state that needs one.
    resolved: bool,
    /// The price that came later is there.
    told: bool,
    /// Its campaign is closed.
    closed: bool,
}

/// All states, with each of the conditions that their rules ask for.
fn old() -> Vec<Old> {
    let mut old = Vec::new();
    for state in STATES {
        for bits in 0..32 {
            let bit = |at: u32| bits >> at & 1 == 1;
            let case = Old {
                state,
                simulated: bit(0),
                priced: bit(1),
                resolved: bit(2),
                told: bit(3),
                closed: bit(4),
            };
            // Later prices are for what was accepted, and a closed campaign matters to what was split.
            if (!case.told || state == "accepted") && (!case.closed || state == "split") {
                old.push(case);
            }
        }
    }
    old
}

/// What a change sets, each with its new state: everything that a rule or a CHECK looks at.
fn changes() -> Vec<(String, String)> {
    let mut changes = Vec::new();
    for state in states() {
        let (at, sum) = if state == "'intended'" {
            ("NULL", "NULL")
        } else {
            ("7", "x'07'")
        };
        for doubt in [
            "reason = NULL, doubt_since = NULL",
            "reason = 'r', doubt_since = NULL",
            "reason = 'r', doubt_since = 5",
        ] {
            for ticket in ["NULL", "'t'"] {
                for cost in [
                    "cost = NULL, cost_currency = NULL, cost_source = NULL",
                    "cost = '1', cost_currency = 'EUR', cost_source = 'provider'",
                    "cost = '1', cost_currency = 'EUR', cost_source = 'operator'",
                    "cost = '1', cost_currency = 'EUR', cost_source = 'guessed'",
                    "cost = '1', cost_currency = 'EUR', cost_source = NULL",
                ] {
                    for named in ["NULL", "33600000001"] {
                        let change = format!(
                            "UPDATE batch SET state = {state}, {doubt}, ticket = {ticket}, {cost}, \
                             named_number = {named}, concluded_at = {at}, outcome_sum = {sum} WHERE id = ?1"
                        );
                        changes.push((state.clone(), change));
                    }
                }
            }
        }
    }
    for more in ["concluded_at = 7", "outcome_sum = x'07'", "slot = 2"] {
        let change = format!("UPDATE batch SET state = 'intended', {more} WHERE id = ?1");
        changes.push(("'intended'".to_owned(), change));
    }
    changes
}

/// An open and a closed campaign with a run each, under these rules.
fn ledger(schema: &str) -> Connection {
    let ledger = Connection::open_in_memory().unwrap();
    ledger.execute_batch(schema).unwrap();
    ledger
        .execute_batch(
            "INSERT INTO campaign (id, name, provider, account, host, created_at, closed_at)
             VALUES (1, 'open', 'p', 'a', 'h', 0, NULL), (2, 'closed', 'p', 'a', 'h', 0, 9);
             INSERT INTO message VALUES (1, 1, zeroblob(32)), (2, 2, zeroblob(32));
             INSERT INTO run (id, campaign, message, simulated, started_at) VALUES (1, 1, 1, 0, 0), (2, 2, 2, 0, 0);",
        )
        .unwrap();
    ledger
}

const INTENT: &str = "run, sequence, generation, request_key, body_hash, body_bytes, slot, member_count, units, \
    currency, lines_invalid, lines_suppressed, lines_duplicate, lines_already_sent, lines_refused, lines_in_doubt, \
    lines_planned, lines_read, intended_at, intent_sum";

fn intent(key: usize) -> String {
    format!("1, 1, 0, 'k{key}', zeroblob(32), 1, 1, 3, 1, 'EUR', 0, 0, 0, 0, 0, 0, 1, 1, 0, x''")
}

/// Puts the batches there with what was said of them, past the rules.
fn fill(ledger: &Connection, old: &[Old]) {
    let rules = lift_rules(ledger);
    for (id, case) in old.iter().enumerate() {
        let is = |states: &[&str]| states.contains(&case.state);
        let concluded = !is(&["intended"]);
        let cost = case.priced.then_some("1");
        let values = [
            Some(case.state),
            is(&["in_doubt"]).then_some("r"),
            is(&["in_doubt"]).then_some("5"),
            is(&["accepted", "withdrawn"]).then_some("t"),
            cost,
            cost.map(|_| "EUR"),
            cost.map(|_| "estimated"),
            is(&["split"]).then_some("33600000001"),
            concluded.then_some("7"),
        ];
        let sum = if concluded { "x'07'" } else { "NULL" };
        let (campaign, simulated) = (1 + u8::from(case.closed), u8::from(case.simulated));
        let insert = format!(
            "INSERT INTO batch (id, campaign, simulated, {INTENT}, state, reason, doubt_since, ticket, cost, \
             cost_currency, cost_source, named_number, concluded_at, outcome_sum) \
             VALUES ({id}, {campaign}, {simulated}, {}, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, {sum})",
            intent(id)
        );
        ledger.execute(&insert, params_from_iter(values)).unwrap();
        if case.told {
            let tell = "INSERT INTO pricing VALUES (?1, 8, '1', 'EUR', x'')";
            ledger.execute(tell, [id]).unwrap();
        }
        for becomes in ["declared_sent", "declared_not_sent", "abandoned"] {
            let resolve = "INSERT INTO resolution (batch, at, who, why, was, becomes, currency, sum) \
                VALUES (?1, 8, 'anna', 'asked', 'in_doubt', ?2, 'EUR', x'')";
            if case.resolved {
                ledger.execute(resolve, (id, becomes)).unwrap();
            }
        }
    }
    for rule in rules {
        ledger.execute_batch(&rule).unwrap();
    }
}

/// What the rules say against a statement, batch by batch; what they let through is taken back.
fn answers(ledger: &Connection, statement: &str, ids: usize) -> Vec<Option<String>> {
    let mut statement = ledger.prepare(statement).unwrap();
    let ask = |id: usize| match statement.execute([id]) {
        Ok(_) => {
            ledger.execute_batch("ROLLBACK; BEGIN").unwrap();
            None
        }
        Err(error) => Some(told(&error.to_string())),
    };
    ledger.execute_batch("BEGIN").unwrap();
    let answers = (0..ids).map(ask).collect();
    ledger.execute_batch("ROLLBACK").unwrap();
    answers
}

/// SQLite tells a CHECK by its own words, and in these two they differ.
fn told(error: &str) -> String {
    for column in ["state", "cost_source"] {
        let begins = |how: &str| error.starts_with(&format!("CHECK constraint failed: {column} {how}"));
        if begins("IN (") || begins("= '") {
            return format!("no such {column}");
        }
    }
    error.to_owned()
}

/// What both let through, by statement and batch, and all that was said against the rest.
struct Agreed {
    through: Vec<(usize, usize)>,
    said: BTreeSet<String>,
}

fn agree(ledgers: &[Connection; 2], statements: &[(String, String)], ids: usize) -> Agreed {
    let (mut through, mut said) = (Vec::new(), BTreeSet::new());
    for (nth, (_, statement)) in statements.iter().enumerate() {
        let [second, present] = ledgers.each_ref().map(|ledger| answers(ledger, statement, ids));
        for (id, (second, present)) in second.into_iter().zip(present).enumerate() {
            assert_eq!(second, present, "{statement}, batch {id}: {:?}", old().get(id));
            match second {
                None => through.push((nth, id)),
                Some(text) => drop(said.insert(text)),
            }
        }
    }
    Agreed { through, said }
}

fn both() -> [Connection; 2] {
    let (_, second) = OLDER[1];
    [second, PRESENT].map(ledger)
}

const NO_STATE: &str = "no such state";
const NO_SOURCE: &str = "no such cost_source";
const NULL_STATE: &str = "NOT NULL constraint failed: batch.state";
const NO_DOUBT: &str =
    "CHECK constraint failed: state <> 'in_doubt' OR (reason IS NOT NULL AND doubt_since IS NOT NULL)";
const NO_TICKET: &str = "CHECK constraint failed: state <> 'accepted' OR ticket IS NOT NULL";
const COST_WITHOUT_SOURCE: &str = "CHECK constraint failed: (cost IS NULL) = (cost_source IS NULL)";

#[test]
fn every_transition_is_drawn_or_refused_as_format_2_had_it() {
    let (old, changes) = (old(), changes());
    let ledgers = both();
    for ledger in &ledgers {
        fill(ledger, &old);
    }
    let agreed = agree(&ledgers, &changes, old.len());
    let expected = [
        NO_SOURCE,
        NULL_STATE,
        NO_DOUBT,
        NO_TICKET,
        COST_WITHOUT_SOURCE,
        "a batch is split for one of its numbers, and no other batch has such a one",
        "a simulated batch reaches nobody, and no other is simulated",
        "an intent is never changed",
        "docs/guarantee.md draws no such transition",
        "the operator has not said so",
    ];
    assert_eq!(agreed.said, expected.map(str::to_owned).into());
    let mut drawn = BTreeMap::<_, BTreeSet<_>>::new();
    for (nth, id) in agreed.through {
        let becomes = changes[nth].0.trim_matches('\'');
        drawn.entry(old[id].state).or_default().insert(becomes);
    }
    let expected = [
        (
            "intended",
            &[
                "accepted",
                "unticketed",
                "refused",
                "released",
                "split",
                "simulated",
                "in_doubt",
            ][..],
        ),
        (
            "in_doubt",
            &[
                "in_doubt",
                "accepted",
                "unticketed",
                "declared_sent",
                "declared_not_sent",
                "abandoned",
            ],
        ),
        ("accepted", &["accepted", "withdrawn"]),
        ("unticketed", &["accepted"]),
        ("split", &["split"]),
    ];
    let expected = expected.map(|(was, becomes)| (was, becomes.iter().copied().collect()));
    assert_eq!(drawn, expected.into());
}

#[test]
fn every_outcome_is_taken_or_refused_by_the_checks_alone_as_format_2_had_it() {
    let ledgers = both();
    for ledger in &ledgers {
        fill(ledger, &old()[..1]);
        lift_rules(ledger);
    }
    let agreed = agree(&ledgers, &changes(), 1);
    let expected = [
        NO_STATE,
        NO_SOURCE,
        NULL_STATE,
        NO_DOUBT,
        NO_TICKET,
        COST_WITHOUT_SOURCE,
        "CHECK constraint failed: (state = 'intended') = (concluded_at IS NULL)",
        "CHECK constraint failed: (state = 'intended') = (outcome_sum IS NULL)",
    ];
    assert_eq!(agreed.said, expected.map(str::to_owned).into());
    assert!(agreed.through.len() > 100, "{:?}", agreed.through.len());
}

#[test]
fn every_beginning_is_taken_or_refused_as_format_2_had_it() {
    let ledgers = both();
    let mut inserts = Vec::new();
    for state in states() {
        for simulated in [0, 1, 2] {
            for source in ["NULL", "'provider'", "'estimated'", "'operator'", "'guessed'"] {
                let cost = if source == "NULL" { "NULL" } else { "'1'" };
                let insert = format!(
                    "INSERT INTO batch (id, campaign, simulated, {INTENT}, state, cost, cost_currency, cost_source) \
                     VALUES (?1, 1, {simulated}, {}, {state}, {cost}, {cost}, {source})",
                    intent(0)
                );
                inserts.push((state.clone(), insert));
            }
        }
    }
    let agreed = agree(&ledgers, &inserts, 1);
    let expected = [
        NO_SOURCE,
        NULL_STATE,
        "CHECK constraint failed: simulated IN (0, 1)",
        "a batch begins as intended",
    ];
    assert_eq!(agreed.said, expected.map(str::to_owned).into());
    assert_eq!(
        agreed.through.len(),
        8,
        "as intended, simulated or not, of four sources"
    );
}
