//! `max_cost` is the campaign's: processes that race for it never pass it together, by the ledger at any moment, by the
//! provider's bill at the end; what it left over is sent once it is raised (invariant 8).

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rust_decimal::Decimal;
use test_postgres::Database;

use crate::support::{End, Sandbox, Started, contacts, decimal};

const WORKERS: u32 = 4;
const EACH: u32 = 400;
/// About half of what all of them cost, at 0.0495 reserved and a little less billed for each.
const MAX_COST: &str = "37";
/// A batch of five.
const RESERVED: &str = "0.2475";

#[test]
fn workers_that_race_for_max_cost_never_pass_it_and_go_on_once_it_is_raised() {
    if !test_postgres::is_there() {
        return;
    }
    let database = test_postgres::shared().database();
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 30\n");
    for part in 0..WORKERS {
        sandbox.write(&part_name(part), contacts(part * EACH..(part + 1) * EACH));
    }
    allow(&sandbox, MAX_COST);
    let url = database.url();
    let init = ["ledger", "init", "--ledger", &url];
    sandbox.volley(init).run().expect(0);

    let ended = AtomicBool::new(false);
    let ends = thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&database, &ended));
        let ends = send_all(&sandbox, &url);
        ended.store(true, Ordering::Relaxed);
        let moments = watch.join().expect("a watch");
        // It was near its end for a while, with money on its way: what would pass it was there to be seen.
        assert!(moments.reserved > 0 && moments.seen > 5, "{moments:?}");
        ends
    });
    let stopped = ends.iter().filter(|end| end.code() == 9).count();
    for end in &ends {
        assert!([0, 9].contains(&end.code()), "{end}");
        end.expect(end.code());
    }
    assert!(stopped > 0, "it covers only half");
    let max_cost: Decimal = MAX_COST.parse().expect("an amount");
    let spent = spent_by_batches(&database);
    let bill = billed(&sandbox);
    assert!(bill <= spent && spent <= max_cost, "{bill} and {spent}");
    // Nobody stopped while another batch would have fitted.
    let reserved: Decimal = RESERVED.parse().expect("an amount");
    assert!(spent + reserved > max_cost, "{spent}");
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");

    allow(&sandbox, "1000");
    for end in send_all(&sandbox, &url) {
        end.expect(0);
    }
    let stats = sandbox.mock().stats().together;
    assert_eq!(stats.max_per_recipient, 1);
    assert_eq!(stats.distinct_recipients, u64::from(WORKERS * EACH));
    assert_eq!(spent_by_batches(&database), billed(&sandbox));
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
}

fn part_name(part: u32) -> String {
    format!("part-{part}.ndjson")
}

fn allow(sandbox: &Sandbox, max_cost: &str) {
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.requests_per_second", 200.0)
        .set("limits.max_in_flight", 8)
        .set("limits.unit_price", "0.0495")
        .set("limits.max_cost", max_cost)
        .write();
}

/// All parts at once, each by a process of its own.
fn send_all(sandbox: &Sandbox, url: &str) -> Vec<End> {
    let started: Vec<_> = (0..WORKERS)
        .map(|part| {
            let name = part_name(part);
            let run = ["--json", "send", "--ledger", url, "campaign.toml", &name];
            sandbox.volley(run).start()
        })
        .collect();
    started.into_iter().map(Started::wait).collect()
}

/// What was seen of the budget from outside.
#[derive(Debug, Default)]
struct Moments {
    seen: u32,
    /// Those with money on its way.
    reserved: u32,
}

/// Looks at the budget until the workers have ended: it is never passed.
fn watch(database: &Database, ended: &AtomicBool) -> Moments {
    let look = "SELECT settled + reserved, max_cost, reserved > 0 FROM volley.budget";
    let mut moments = Moments::default();
    while !ended.load(Ordering::Relaxed) {
        let found = database.psql(look);
        let Some((spent, rest)) = found.split_once('|') else {
            continue;
        };
        let (max_cost, is_reserved) = rest.split_once('|').expect("three columns");
        let [spent, max_cost]: [Decimal; 2] = [spent, max_cost].map(|text| text.parse().expect("an amount"));
        assert!(spent <= max_cost, "{spent} of {max_cost}");
        moments.seen += 1;
        moments.reserved += u32::from(is_reserved == "t");
    }
    moments
}

/// What the batches cost that were sent, or may have been: the provider's price, else what was reserved.
fn spent_by_batches(database: &Database) -> Decimal {
    let query = "SELECT coalesce(sum(coalesce(cost, reserved)::numeric), 0) FROM volley.batch \
        WHERE state NOT IN ('refused', 'released', 'split', 'simulated', 'declared_not_sent')";
    let spent = database.psql(query);
    decimal(&spent.into())
}

/// What the provider asks for.
fn billed(sandbox: &Sandbox) -> Decimal {
    let tickets = sandbox.mock().tickets();
    tickets.into_iter().map(|ticket| ticket.cost).sum()
}
