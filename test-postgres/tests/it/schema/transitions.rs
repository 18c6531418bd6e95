//! What the rules of table `batch` let through, in PostgreSQL as in SQLite.

use std::collections::{BTreeMap, BTreeSet};

use test_postgres::is_there;

use super::both::Both;

pub(super) const STATES: [&str; 12] = [
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

/// An open and a closed campaign with a run each, and batches in all states with each of the conditions that their rules
/// ask for: simulated, priced, declared by the operator, told a later price, of a closed campaign. Returns their states.
pub(super) fn fill(both: &Both) -> Vec<&'static str> {
    let mut script = vec!["
        INSERT INTO campaign (id, name, provider, account, host, created_at, closed_at)
        VALUES (1, 'open', 'p', 'a', 'h', 0, NULL), (2, 'closed', 'p', 'a', 'h', 0, 9);
        INSERT INTO message VALUES (1, 1, zeroblob(32)), (2, 2, zeroblob(32));
        INSERT INTO run (id, campaign, message, simulated, started_at) VALUES (1, 1, 1, 0, 0), (2, 2, 2, 0, 1234567);".to_owned()];
    let mut states = Vec::new();
    for state in STATES {
        for bits in 0..32 {
            let [simulated, priced, declared, told, closed] = [0, 1, 2, 3, 4].map(|bit| bits >> bit & 1 == 1);
            if (told && state != "accepted") || (closed && state != "split") {
                continue;
            }
            states.push(state);
            let id = states.len();
            let is = |those: &[&str]| those.contains(&state);
            let either = |this: bool, value: &'static str| if this { value } else { "NULL" };
            let concluded = !is(&["intended"]);
            script.push(format!(
                "INSERT INTO batch (id, campaign, simulated, {INTENT}, state, reason, doubt_since, ticket, contacts, cost, \
                 cost_currency, cost_source, named_number, concluded_at, outcome_sum) VALUES ({id}, {}, {}, {}, \
                 '{state}', {}, {}, {}, {}, {}, {}, {}, {}, {}, {});",
                1 + u8::from(closed),
                u8::from(simulated),
                intent(id),
                either(is(&["in_doubt"]), "'r'"),
                either(is(&["in_doubt"]), "1700000000123456"),
                either(is(&["accepted", "withdrawn"]), "'t'"),
                either(priced, "2"),
                either(priced, "'1'"),
                either(priced, "'EUR'"),
                either(priced, "'estimated'"),
                either(is(&["split"]), "33600000001"),
                either(concluded, "7"),
                either(concluded, "x'07'"),
            ));
            if told {
                script.push(format!("INSERT INTO pricing VALUES ({id}, 8, '1', 'EUR', x'');"));
            }
            for becomes in ["declared_sent", "declared_not_sent", "abandoned"] {
                if declared {
                    script.push(format!(
                        "INSERT INTO resolution (batch, at, who, why, was, becomes, currency, sum) \
                         VALUES ({id}, 8, 'anna', 'asked', 'in_doubt', '{becomes}', 'EUR', x'');"
                    ));
                }
            }
        }
    }
    both.force(&script.concat());
    states
}

pub(super) const INTENT: &str = "run, sequence, generation, request_key, body_hash, body_bytes, slot, member_count, \
    units, currency, lines_invalid, lines_suppressed, lines_duplicate, lines_already_sent, lines_refused, \
    lines_in_doubt, lines_planned, lines_read, intended_at, intent_sum";

pub(super) fn intent(key: usize) -> String {
    format!("1, 1, 0, 'k{key}', zeroblob(32), 1, 1, 3, 1, 'EUR', 0, 0, 0, 0, 0, 0, 1, 1, 0, x''")
}

/// What a change sets, each with its new state: everything that a rule or a CHECK looks at.
fn changes() -> Vec<(String, String)> {
    let mut changes = Vec::new();
    let mut states = STATES.map(|state| format!("'{state}'")).to_vec();
    states.extend(["NULL".to_owned(), "'mislaid'".to_owned()]);
    for state in states {
        let outcome = if state == "'intended'" {
            "concluded_at = NULL, outcome_sum = NULL"
        } else {
            "concluded_at = 7, outcome_sum = x'07'"
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
                            "UPDATE batch SET state = {state}, {doubt}, contacts = contacts, ticket = {ticket}, {cost}, \
                             named_number = {named}, {outcome}"
                        );
                        changes.push((state.clone(), change));
                    }
                }
            }
        }
    }
    for more in [
        "concluded_at = 7",
        "outcome_sum = x'07'",
        "slot = 2",
        "slot = slot",
        "reserved = '1'",
    ] {
        let change = format!("UPDATE batch SET state = 'intended', {more}");
        changes.push(("'intended'".to_owned(), change));
    }
    changes
}

#[test]
fn every_transition_of_a_batch_is_drawn_or_refused_as_in_sqlite() {
    if !is_there() {
        return;
    }
    let both = Both::new();
    let was = fill(&both);
    let changes = changes();
    let mut drawn = BTreeMap::<_, BTreeSet<_>>::new();
    let mut said = BTreeSet::new();
    // Every fifth of 94,000, and each change and each batch among them: to ask them all takes half a minute.
    let cases = (0..changes.len() * was.len()).step_by(5);
    let cases: Vec<(usize, usize)> = cases.map(|nth| (nth / was.len(), nth % was.len())).collect();
    let statements: Vec<String> = cases
        .iter()
        .map(|(change, batch)| format!("{} WHERE id = {}", changes[*change].1, batch + 1))
        .collect();
    for (nth, answers) in both.ask(&statements).into_iter().enumerate() {
        let (change, batch) = cases[nth];
        let becomes = changes[change].0.trim_matches('\'');
        match answers.agreed(&statements[nth]) {
            None => drop(drawn.entry(was[batch]).or_default().insert(becomes)),
            Some(text) => drop(said.insert(text)),
        }
    }
    let expected = [
        "CHECK batch_accepted_has_ticket",
        "CHECK batch_cost_has_source",
        "CHECK batch_cost_source",
        "CHECK batch_doubt_has_reason",
        "NOT NULL",
        "a batch is split for one of its numbers, and no other batch has such a one",
        "a simulated batch reaches nobody, and no other is simulated",
        "an intent is never changed",
        "docs/guarantee.md draws no such transition",
        "the operator has not said so",
    ];
    assert_eq!(said, expected.map(str::to_owned).into());
    let expected = [
        (
            "intended",
            "accepted unticketed refused released split simulated in_doubt",
        ),
        (
            "in_doubt",
            "in_doubt accepted unticketed declared_sent declared_not_sent abandoned",
        ),
        ("accepted", "accepted withdrawn"),
        ("unticketed", "accepted"),
        ("split", "split"),
    ];
    let expected = expected.map(|(was, becomes)| (was, becomes.split(' ').collect()));
    assert_eq!(drawn, expected.into());
}

#[test]
fn every_beginning_of_a_batch_is_taken_or_refused_as_in_sqlite() {
    if !is_there() {
        return;
    }
    let both = Both::new();
    let filled = fill(&both).len();
    let parents = (1..=filled).map(|id| id.to_string());
    let mut inserts = Vec::new();
    for parent in std::iter::once("NULL".to_owned()).chain(parents) {
        for campaign in [1, 2] {
            for (simulated, members, planned) in [(0, 2, 0), (0, 3, 0), (1, 2, 0), (2, 2, 0), (0, 2, 2)] {
                for state in ["'intended'", "'in_doubt'", "NULL", "'mislaid'"] {
                    let intent = intent(0).replace("1, 1, 3, 1,", &format!("1, 1, {members}, 1,"));
                    let intent = intent.replace("0, 1, 1, 0, x''", &format!("0, {planned}, 1, 0, x''"));
                    inserts.push(format!(
                        "INSERT INTO batch (id, parent, campaign, simulated, {INTENT}, state) \
                         VALUES (1000, {parent}, {campaign}, {simulated}, {intent}, {state})"
                    ));
                }
            }
        }
    }
    let mut said = BTreeSet::new();
    let mut through = 0;
    for (statement, answers) in inserts.iter().zip(both.ask(&inserts)) {
        match answers.agreed(statement) {
            None => through += 1,
            Some(text) => drop(said.insert(text)),
        }
    }
    let expected = [
        "CHECK batch_simulated_check",
        "NOT NULL",
        "a batch begins as intended",
        "a batch goes again only as its run has split it",
        "the campaign is closed",
        "the lines of what goes again count already",
    ];
    assert_eq!(said, expected.map(str::to_owned).into());
    assert!(through > 4, "{through}");
}
