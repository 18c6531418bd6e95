//! `volley exotel campaign create`: at most once under its name, whatever becomes of the answer. (Invariants 1, 3 and 4.)

use serde_json::{Value, json};

use super::campaign::{exotel, later, status};
use super::campaigns;
use crate::support::{End, Sandbox, for_both_ledgers, wait_until};

const FIELDS: &str =
    "caller_id = \"08012345678\"\nurl = \"http://my.exotel.com/acme1/exoml/start_voice/4242\"\n";

fn create(sandbox: &Sandbox, args: &[&str]) -> End {
    sandbox.write("call.toml", FIELDS);
    exotel(
        sandbox,
        &[&["campaign", "create", "--file", "call.toml"], args].concat(),
    )
}

fn on_lists(sandbox: &Sandbox) -> End {
    create(sandbox, &["--lists", "l1,l2", "--set", "name=spring"])
}

/// The answer to the next creation is lost, after or before the provider has made it.
fn lose_answer(sandbox: &Sandbox, at: &str) {
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"{at}","do":"reset","number":"caller_id","times":1}}]}}"#
    ));
}

fn resolve(sandbox: &Sandbox, word: &[&str]) -> End {
    let args = [
        &["--json", "doubt", "resolve", "spring", "--reason", "asked them"],
        word,
    ]
    .concat();
    sandbox.volley(&args).run()
}

/// The campaigns on lists, as `volley COMMAND` tells of them.
fn list_campaigns(sandbox: &Sandbox, command: &[&str]) -> Vec<Value> {
    let end = sandbox.volley([&["--json"], command].concat()).run();
    let told: Value = serde_json::from_str(&end.stdout).expect("json");
    told["list_campaigns"].as_array().expect("a list").clone()
}

fn doubts(sandbox: &Sandbox) -> Vec<Value> {
    list_campaigns(sandbox, &["doubt", "list"])
}

fn reported(sandbox: &Sandbox) -> Vec<Value> {
    list_campaigns(sandbox, &["report"])
}

#[test]
fn one_on_lists_is_created_once_and_kept_with_its_id_and_name() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let end = on_lists(&sandbox);
        let told = end.expect(0).summary();
        let id = sandbox.mock().tickets()[0].ticket.clone();
        assert_eq!(
            (&told["id"], &told["name"], &told["state"]),
            (&json!(id), &json!("spring"), &json!("sent")),
            "{end}"
        );
        let kept = &reported(&sandbox)[0];
        assert_eq!(
            (&kept["provider_id"], &kept["ticket"], &kept["audience"]["name"]),
            (&json!(id), &json!("spring"), &json!("l1,l2"))
        );
        let again = on_lists(&sandbox);
        assert_eq!(again.expect(0).summary()["id"], json!(id), "{again}");
        // Under that name nothing else is created, nor said to be.
        let end = create(&sandbox, &["--lists", "l3", "--set", "name=spring"]);
        end.expect(3);
        assert!(
            end.stderr.contains("with other parameters, and it is sent"),
            "{end}"
        );
        // The order of the lists says nothing.
        create(&sandbox, &["--lists", "l2,l1", "--set", "name=spring"]).expect(0);
        assert_eq!(campaigns(&sandbox), 1);
        let end = exotel(&sandbox, &["campaign", "update", &id, "--set", "lists=l3"]);
        end.expect(3);
        assert!(end.stderr.contains("it was created as spring"), "{end}");
    });
}

#[test]
fn one_on_numbers_is_counted_and_who_would_be_called_twice_is_warned_of() {
    let sandbox = Sandbox::new();
    let from = [
        "--from",
        "+919812345678,+919812345679",
        "--set",
        "name=few numbers",
    ];
    let end = create(&sandbox, &from);
    assert_eq!(end.expect(0).summary()["ledger"]["contacts"], 2, "{end}");
    assert!(!end.stderr.contains("called twice"), "{end}");
    let ledger = std::fs::read(sandbox.path("volley.db")).expect("a ledger");
    let plain = b"919812345678";
    assert!(!ledger.windows(plain.len()).any(|window| window == plain));
    let end = create(
        &sandbox,
        &[
            "--lists",
            "l1",
            "--set",
            "name=twice",
            "--set",
            "call_duplicate_numbers=true",
        ],
    );
    end.expect(0);
    assert!(end.stderr.contains("called twice"), "{end}");
    assert_eq!(campaigns(&sandbox), 2);
}

#[test]
fn what_cannot_be_created_is_refused_before_anything_is_asked() {
    let sandbox = Sandbox::new();
    for (args, told) in [
        (&["--lists", "l1"][..], "name is missing"),
        (&["--set", "name=spring"], "from and lists are missing"),
        (&["--lists", "a,b,c,d,e,f", "--set", "name=spring"], "1 to 5"),
        (&["--lists", "l1", "--set", "name=abc"], "more than 3"),
        (
            &["--lists", "l1", "--set", "name=volley-1"],
            "begins with volley-",
        ),
        (&["--from", "0612345678", "--set", "name=spring"], "+919812345678"),
        (
            &[
                "--lists",
                "l1",
                "--set",
                "name=spring",
                "--set",
                "from=+919812345678",
            ],
            "has one of them",
        ),
        (
            &[
                "--lists",
                "l1",
                "--set",
                "name=spring",
                "--set",
                "retries.number_of_retries=1",
            ],
            "interval_mins",
        ),
        (
            &[
                "--lists",
                "l1",
                "--set",
                "name=spring",
                "--set",
                "schedule.send_at=2020-01-01T00:00:00Z",
            ],
            "2020-01-01",
        ),
    ] {
        let end = create(&sandbox, args);
        end.expect(3);
        assert!(end.stderr.contains(told), "{args:?}\n{end}");
    }
    create(&sandbox, &["--lists", "l1", "--from", "+919812345678"]).expect(2);
    assert_eq!(sandbox.mock().stats().exotel.requests, 0);
}

#[test]
fn a_lost_answer_is_found_by_its_name_and_creates_nothing_again() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        lose_answer(&sandbox, "after_commit");
        let end = on_lists(&sandbox);
        end.expect(6);
        assert!(end.stderr.contains("volley doubt resolve 'spring'"), "{end}");
        let listed = doubts(&sandbox);
        assert_eq!((listed.len(), &listed[0]["ticket"]), (1, &json!("spring")));
        // Under another name the same people could be called twice, whatever they hear and when.
        let args = [
            "--lists",
            "l2,l4",
            "--set",
            "name=summer",
            "--set",
            "custom_field=x",
        ];
        let end = create(&sandbox, &args);
        end.expect(6);
        assert!(
            end.stderr
                .contains("summer is not created: spring is for the same people"),
            "{end}"
        );
        create(&sandbox, &["--lists", "l4", "--set", "name=winter"]).expect(0);
        // With other parameters it is not looked for, nor is another name given away.
        let args = [
            "--lists",
            "l1,l2",
            "--set",
            "name=spring",
            "--set",
            "custom_field=x",
        ];
        let end = create(&sandbox, &args);
        end.expect(6);
        assert!(
            end.stderr.contains("in doubt, with other parameters") && !end.stderr.contains("another name"),
            "{end}"
        );
        // Nor may it get another name meanwhile: it would not be found again.
        let id = sandbox.mock().tickets()[0].ticket.clone();
        let end = exotel(&sandbox, &["campaign", "update", &id, "--set", "name=another"]);
        end.expect(3);
        assert_eq!(campaigns(&sandbox), 2);
        let told = on_lists(&sandbox).expect(0).summary();
        assert_eq!(told["id"], json!(sandbox.mock().tickets()[0].ticket));
        assert!(doubts(&sandbox).is_empty());
        assert_eq!(campaigns(&sandbox), 2);
    });
}

#[test]
fn numbers_of_a_lost_one_are_known_again_by_their_hash() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        lose_answer(&sandbox, "after_read");
        let numbers = "+919812345678,+919812345679";
        create(&sandbox, &["--from", numbers, "--set", "name=first"]).expect(6);
        create(
            &sandbox,
            &["--from", "+919812345679,+919812345678", "--set", "name=second"],
        )
        .expect(6);
        create(&sandbox, &["--from", "+919812345678", "--set", "name=third"]).expect(0);
        assert_eq!(campaigns(&sandbox), 1);
    });
}

#[test]
fn twins_are_told_and_the_one_that_has_begun_is_kept() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::with_mock("[exotel]\ntwin_every = 1\n").of(kept);
        lose_answer(&sandbox, "after_commit");
        on_lists(&sandbox).expect(6);
        let end = on_lists(&sandbox);
        end.expect(6);
        let ids: Vec<String> = sandbox
            .mock()
            .tickets()
            .iter()
            .map(|ticket| ticket.ticket.clone())
            .collect();
        assert_eq!(end.summary()["id"], json!(ids[0]), "{end}");
        assert!(
            end.stderr.contains("another campaign has its name") && end.stderr.contains(&ids[1]),
            "{end}"
        );
        // It is told again, and not only once.
        let end = on_lists(&sandbox);
        end.expect(0);
        assert!(
            end.stdout.contains(&ids[1]) || end.summary()["ledger"]["reason"].to_string().contains(&ids[1]),
            "{end}"
        );
    });
}

#[test]
fn what_the_listing_lacks_is_created_on_the_operators_word_alone() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        lose_answer(&sandbox, "after_read");
        on_lists(&sandbox).expect(6);
        for _ in 0..2 {
            let end = on_lists(&sandbox);
            end.expect(6);
            assert!(end.stderr.contains("no campaign of its name"), "{end}");
        }
        assert_eq!(campaigns(&sandbox), 0);
        resolve(&sandbox, &["--not-sent"]).expect(2);
        resolve(&sandbox, &["--not-sent", "--recipients", "0"]).expect(0);
        on_lists(&sandbox).expect(0);
        assert_eq!(campaigns(&sandbox), 1);
    });
}

#[test]
fn a_wrong_word_creates_no_second_one_once_the_listing_shows_the_first() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::with_mock("[exotel]\nlisting_lag_ms = 60000\n").of(kept);
        lose_answer(&sandbox, "after_commit");
        on_lists(&sandbox).expect(6);
        on_lists(&sandbox).expect(6);
        resolve(&sandbox, &["--not-sent", "--recipients", "0"]).expect(0);
        sandbox.mock().advance_clock(61);
        let end = on_lists(&sandbox);
        end.expect(6);
        assert!(
            end.stderr.contains("created after all") && !end.stderr.contains("choose another name"),
            "{end}"
        );
        assert_eq!(campaigns(&sandbox), 1);
    });
}

#[test]
fn a_kill_while_it_is_created_is_one_more_lost_answer() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.faults(
            r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000,"number":"caller_id","times":1}]}"#,
        );
        sandbox.write("call.toml", FIELDS);
        let mut started = sandbox
            .volley(["--json", "exotel", "campaign", "create", "--file", "call.toml"])
            .args([
                "--lists",
                "l1,l2",
                "--set",
                "name=spring",
                "--set",
                "exotel.account_sid=acme1",
                "--set",
            ])
            .arg(format!("exotel.base_url={}", sandbox.mock().base_url()))
            .start();
        wait_until("the campaign to be created", || campaigns(&sandbox) == 1);
        started.kill();
        started.wait();
        assert_eq!(doubts(&sandbox)[0]["state"], "sending");
        let told = on_lists(&sandbox).expect(0).summary();
        assert_eq!(told["state"], "sent");
        assert_eq!(campaigns(&sandbox), 1);
    });
}

#[test]
fn a_refusal_leaves_a_draft_that_the_same_command_may_try_again() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.faults(
            r#"{"rules":[{"at":"after_read","do":"status","status":401,"number":"caller_id","times":1}]}"#,
        );
        let told = on_lists(&sandbox).expect(11).summary();
        assert_eq!((&told["state"], campaigns(&sandbox)), (&json!("draft"), 0));
        // Under its name nothing else is meant.
        let end = create(&sandbox, &["--lists", "l3", "--set", "name=spring"]);
        end.expect(3);
        assert!(end.stderr.contains("with other parameters"), "{end}");
        on_lists(&sandbox).expect(0);
        assert_eq!(campaigns(&sandbox), 1);
    });
}

#[test]
fn a_name_that_something_has_already_is_not_taken() {
    let sandbox = Sandbox::new();
    on_lists(&sandbox).expect(0);
    std::fs::remove_file(sandbox.path("volley.db")).expect("a ledger");
    std::fs::remove_file(sandbox.path("volley.db-lock")).expect("a lock file");
    let end = on_lists(&sandbox);
    end.expect(5);
    assert!(end.stderr.contains("has this name already"), "{end}");
    assert_eq!(campaigns(&sandbox), 1);
}

#[test]
fn one_that_has_not_started_is_deleted_and_another_is_priced() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::with_mock("[exotel]\ncalls_per_minute = 100000\n").of(kept);
        let schedule = format!("schedule.send_at={}", later());
        let end = create(
            &sandbox,
            &["--lists", "l1", "--set", "name=tomorrow", "--set", &schedule],
        );
        let id = end.expect(0).summary()["id"].as_str().expect("an id").to_owned();
        exotel(&sandbox, &["campaign", "delete", &id]).expect(0);
        exotel(&sandbox, &["campaign", "delete", &id]).expect(0);
        assert_eq!(
            (reported(&sandbox)[0]["state"].clone(), status(&sandbox, &id)),
            (json!("cancelled"), "Deleted".to_owned())
        );

        let rupees = ["--set", "exotel.currency=INR"];
        let today = ["--lists", "l2", "--set", "name=today"];
        create(&sandbox, &[&today[..], &rupees].concat()).expect(0);
        // What was created without a currency never gets a cost, and that is told.
        let end = create(&sandbox, &["--lists", "l3", "--set", "name=open"]);
        assert!(
            end.expect(0).stderr.contains("exotel.currency is not set"),
            "{end}"
        );
        sandbox.mock().advance_clock(3600);
        let end = exotel(&sandbox, &[&["calls", "--price"][..], &rupees].concat());
        let told = end.expect(0).summary();
        assert_eq!(
            (&told["booked"][0]["campaign"], &told["unpriced_batches"]),
            (&json!("today"), &json!(1)),
            "{end}"
        );
        assert_eq!(reported(&sandbox)[1]["cost"], told["total"]);
    });
}

#[test]
fn one_is_not_created_for_a_number_that_is_suppressed() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept).without_ledger();
        let suppressed = "+919812345678";
        sandbox.volley(["ledger", "init"]).run().expect(0);
        sandbox.volley(["suppress", "add", suppressed]).run().expect(0);
        let named = |numbers: &str| create(&sandbox, &["--from", numbers, "--set", "name=spring"]);
        let end = named(&format!("+919812345677,{suppressed}"));
        end.expect(3);
        assert!(
            end.stderr
                .contains("one of its numbers is on the suppression list"),
            "{end}"
        );
        // The same number with a zero that is not dialled.
        named("+9109812345678").expect(3);
        assert_eq!(sandbox.mock().stats().together.recipients, 0);
        named("+919812345677").expect(0);
        assert_eq!(sandbox.mock().stats().together.recipients, 1);
    });
}

/// Who is suppressed while the order is given would be called all the same: the word waits until it is known who was.
#[test]
fn nobody_is_suppressed_while_one_is_created() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.write("call.toml", FIELDS);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000,"number":"caller_id"}]}"#);
        let creation = sandbox
            .volley(["--json", "exotel", "campaign", "create", "--file", "call.toml"])
            .args(["--from", "+919812345678", "--set", "name=few numbers"])
            .args(["--set", "exotel.account_sid=acme1", "--set"])
            .arg(format!("exotel.base_url={}", sandbox.mock().base_url()))
            .start();
        wait_until("the provider to have made it", || campaigns(&sandbox) == 1);
        let suppress = || sandbox.volley(["suppress", "add", "+919812345678"]).run();
        suppress().expect(10);
        drop(creation);
        wait_until("the one that was killed to be gone", || suppress().code() == 0);
    });
}
