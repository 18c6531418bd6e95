//! `nightly.sh` and `daily.sh`: what cron runs.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;
use volley_model::BatchState;

use super::{campaign, example, expect_refused_without_ledger, make_ledger, reached, rejects, with_ledger};
use crate::books::{Books, expect_all_agree};
use crate::faults::wait_for_accepted;
use crate::signals::has_begun;
use crate::support::{End, Invocation, Sandbox, closed_port, contacts, number, wait_until};

/// `nightly.sh campaign.toml contacts.ndjson`, twice at most and without a pause.
fn nightly(sandbox: &Sandbox) -> Invocation {
    in_the_evening(sandbox, "nightly.sh", &["contacts.ndjson"])
}

fn in_the_evening(sandbox: &Sandbox, script: &str, inputs: &[&str]) -> Invocation {
    sandbox
        .program(example(script), ["campaign.toml"])
        .args(inputs)
        .env("VOLLEY_LEDGER", sandbox.path("volley.db"))
        .env("NIGHTLY_TRIES", "2")
        .env("NIGHTLY_PAUSE", "0")
}

/// The summary that the last run has left.
fn summary(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.read("runs/summary.json")).expect("a summary")
}

#[test]
fn a_good_evening_prints_nothing_and_a_second_one_sends_nothing() {
    let sandbox = with_ledger();
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..20) + "{\"phone_number\":\"12\"}\n");
    for (accepted, already_sent) in [(20, 0), (0, 20)] {
        let end = nightly(&sandbox).run();
        assert_eq!((end.code(), &*end.stdout, &*end.stderr), (0, "", ""), "{end}");
        let summary = summary(&sandbox);
        assert_eq!(summary["lines"]["accepted"], accepted, "{summary}");
        assert_eq!(summary["lines"]["already_sent"], already_sent, "{summary}");
        assert_eq!(reached(&sandbox), 20);
    }
    let rejects = rejects(&sandbox, "runs");
    assert_eq!(rejects.len(), 2, "{rejects:?}");
    for one in rejects {
        assert!(one.contains("phone_number_invalid"), "{one}");
    }
}

#[test]
fn without_the_ledger_of_the_last_time_nobody_is_sent_to() {
    let sandbox = Sandbox::new();
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    expect_refused_without_ledger(&sandbox, &nightly(&sandbox).run(), "volley.db");
    let nowhere = nightly(&sandbox).env_remove("VOLLEY_LEDGER").run();
    expect_refused_without_ledger(&sandbox, &nowhere, "volley.db");
    fs::create_dir(sandbox.path("drop")).expect("a folder");
    sandbox.write("drop/monday.ndjson", contacts(0..20));
    let daily = in_the_evening(&sandbox, "daily.sh", &["drop"]).run();
    expect_refused_without_ledger(&sandbox, &daily, "volley.db");
    // With it they are: it was the ledger that was missing.
    make_ledger(&sandbox);
    assert_eq!(nightly(&sandbox).run().code(), 0);
    assert_eq!(reached(&sandbox), 20);
}

#[test]
fn an_input_that_can_be_read_only_once_is_refused() {
    let sandbox = with_ledger();
    campaign(&sandbox).write();
    sandbox.write("monday.ndjson", contacts(0..20));
    assert_eq!(sandbox.program("mkfifo", ["pipe"]).run().code(), 0);
    for inputs in [
        &["-"][..],
        &["monday.ndjson", "-"],
        &["/dev/stdin"],
        &["/dev/fd/0"],
        &["pipe"],
        &[],
    ] {
        let end = in_the_evening(&sandbox, "nightly.sh", inputs)
            .stdin(contacts(20..40))
            .run();
        assert_eq!(end.code(), 2, "{inputs:?}\n{end}");
        assert!(
            end.stderr.contains("a second try could not read"),
            "{inputs:?}\n{end}"
        );
    }
    let daily = in_the_evening(&sandbox, "daily.sh", &["-"])
        .stdin(contacts(20..40))
        .run();
    assert_eq!(daily.code(), 2, "{daily}");
    assert!(daily.stderr.contains("standard input is not read"), "{daily}");
    assert_eq!(sandbox.mock().stats().together.requests, 0);
    assert!(!sandbox.path("runs").exists(), "a run was begun");
}

/// One end of an evening: what brings it about, its code, how many runs it took, and the words that say what to do.
struct Evening {
    code: i32,
    runs: usize,
    told: &'static str,
    bring_about: fn(&Sandbox),
}

const EVENINGS: [Evening; 9] = [
    Evening {
        code: 2,
        runs: 1,
        told: "wrong usage",
        bring_about: |sandbox| {
            // Taken for a flag.
            fs::rename(sandbox.path("campaign.toml"), sandbox.path("--campaign")).expect("a file");
        },
    },
    Evening {
        code: 3,
        runs: 1,
        told: "mend what",
        bring_about: |sandbox| {
            sandbox.append("campaign.toml", "[no_such_section]\n");
        },
    },
    Evening {
        code: 4,
        runs: 1,
        told: "input cannot be read",
        bring_about: |sandbox| {
            fs::remove_file(sandbox.path("contacts.ndjson")).expect("a file");
        },
    },
    Evening {
        code: 5,
        runs: 1,
        told: "--retry-refused",
        bring_about: |sandbox| {
            sandbox.faults(
                r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":121,"path":"send"}]}"#,
            );
        },
    },
    Evening {
        code: 6,
        runs: 2,
        told: "volley doubt list",
        bring_about: |sandbox| {
            sandbox.faults(&format!(
                r#"{{"rules":[{{"at":"after_commit","do":"status","status":502,"number":"{}"}}]}}"#,
                number(0)
            ));
        },
    },
    Evening {
        code: 7,
        runs: 1,
        told: "DO NOT make a new one",
        bring_about: |sandbox| {
            sandbox.write("volley.db", "no ledger at all");
        },
    },
    Evening {
        code: 8,
        runs: 2,
        told: "could not be reached",
        bring_about: |sandbox| {
            campaign(sandbox).at(&format!("http://{}", closed_port())).write();
        },
    },
    Evening {
        code: 9,
        runs: 1,
        told: "limit of your own",
        bring_about: |sandbox| {
            campaign(sandbox)
                .set("limits.unit_price", "0.05")
                .set("limits.max_cost", "0.30")
                .write();
        },
    },
    Evening {
        code: 11,
        runs: 1,
        told: "credentials",
        bring_about: |sandbox| {
            sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":401}]}"#);
        },
    },
];

#[test]
fn each_end_says_what_to_do_and_only_what_may_help_itself_is_run_again() {
    crate::support::check_rows(3, &EVENINGS, |evening| {
        let sandbox = with_ledger();
        campaign(&sandbox).write();
        sandbox.write("contacts.ndjson", contacts(0..20));
        (evening.bring_about)(&sandbox);
        let campaign = if evening.code == 2 {
            "--campaign"
        } else {
            "campaign.toml"
        };
        let end = sandbox
            .program(example("nightly.sh"), [campaign, "contacts.ndjson"])
            .env("VOLLEY_LEDGER", sandbox.path("volley.db"))
            .env("NIGHTLY_TRIES", "2")
            .env("NIGHTLY_PAUSE", "0")
            .run();
        assert_eq!(end.code(), evening.code, "{end}");
        let told = end.stderr.lines().next().expect("a line");
        assert!(
            told.starts_with("nightly: ") && told.contains(evening.told),
            "{end}"
        );
        // What a run has sent before it ended is not the script's to say.
        assert!(!told.contains("nothing was sent"), "{end}");
        assert_eq!(runs(&sandbox), evening.runs, "{end}");
        reached(&sandbox);
    });
}

/// How many runs have left a log.
fn runs(sandbox: &Sandbox) -> usize {
    let folder = fs::read_dir(sandbox.path("runs")).expect("the folder of runs");
    let names = folder.map(|entry| entry.expect("an entry").file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".log"))
        .count()
}

#[test]
fn an_evening_beside_another_leaves_it_alone() {
    let sandbox = with_ledger();
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    let mut other = sandbox.send(&["-"]).start_piped();
    let pipe = other.take_stdin().expect("a pipe");
    wait_until("the other run to begin", || has_begun(&sandbox));
    let end = nightly(&sandbox).run();
    assert_eq!(end.code(), 10, "{end}");
    assert!(end.stderr.contains("another run"), "{end}");
    drop(pipe);
    other.wait();
    assert_eq!(nightly(&sandbox).run().code(), 0);
    assert_eq!(reached(&sandbox), 20);
}

#[test]
fn a_provider_that_comes_back_between_two_tries_needs_nobody() {
    let sandbox = with_ledger();
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    // The answer of the first batch is lost, and so is that of its probe; the second run's probe is answered.
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_commit","do":"drop","number":"{}","times":2}}]}}"#,
        number(0)
    ));
    let end = nightly(&sandbox).run();
    assert_eq!((end.code(), &*end.stderr), (0, ""), "{end}");
    assert_eq!(runs(&sandbox), 2);
    assert_eq!(reached(&sandbox), 20);
}

#[test]
fn a_campaign_that_grows_reaches_only_who_is_new() {
    let sandbox = with_ledger();
    campaign(&sandbox).write();
    fs::create_dir(sandbox.path("drop")).expect("a folder");
    let day = |name: &str, people: std::ops::Range<u32>, new: u64, known: u64| {
        sandbox.write(&format!("drop/{name}.ndjson"), contacts(people));
        let end = in_the_evening(&sandbox, "daily.sh", &["drop"]).run();
        assert_eq!((end.code(), &*end.stderr), (0, ""), "{end}");
        let summary = summary(&sandbox);
        assert_eq!(summary["lines"]["accepted"], new, "{summary}");
        assert_eq!(summary["lines"]["already_sent"], known, "{summary}");
    };
    day("2026-12-01", 0..20, 20, 0);
    // Ten of the second day's are the first day's.
    day("2026-12-02", 10..30, 10, 20);
    assert_eq!(reached(&sandbox), 30);
    fs::remove_file(sandbox.path("drop/2026-12-01.ndjson")).expect("a file");
    day("2026-12-03", 0..31, 1, 30);
    assert_eq!(reached(&sandbox), 31);
}

#[test]
fn a_folder_without_a_file_is_no_success() {
    let sandbox = with_ledger();
    campaign(&sandbox).write();
    fs::create_dir(sandbox.path("drop")).expect("a folder");
    let end = in_the_evening(&sandbox, "daily.sh", &["drop"]).run();
    assert_eq!(end.code(), 4, "{end}");
    assert!(end.stderr.contains("no file in drop"), "{end}");
}

/// Two hundred batches of five at a rate that takes two seconds, each answered a moment later.
fn slow_evening() -> Sandbox {
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 50\n");
    make_ledger(&sandbox);
    campaign(&sandbox)
        .set("limits.requests_per_second", 100.0)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..1000));
    sandbox
}

/// What was in flight was answered, the rest stays, and a second evening reaches it.
#[track_caller]
fn expect_stopped_and_completed(sandbox: &Sandbox, end: &End) {
    assert_eq!(end.code(), 143, "{end}");
    assert!(end.stderr.contains("stopped by a signal"), "{end}");
    let stopped = summary(sandbox);
    assert_eq!(stopped["outcome"], "interrupted", "{end}");
    assert_eq!(stopped["lines"]["accepted"], reached(sandbox), "{end}");
    assert!(reached(sandbox) < 1000, "it was stopped in the middle\n{end}");
    assert_eq!(Books::open(sandbox).batches(BatchState::InDoubt), 0, "{end}");
    let again = nightly(sandbox).run();
    assert_eq!((again.code(), &*again.stderr), (0, ""), "{again}");
    assert_eq!(reached(sandbox), 1000);
    let rerun = sandbox.send(&["contacts.ndjson"]).run();
    rerun.expect(0).expect_lines(&[("already_sent", 1000)]);
    expect_all_agree(sandbox, &rerun);
}

#[test]
fn sigterm_to_the_script_stops_volley_within_its_grace_and_the_next_evening_goes_on() {
    let sandbox = slow_evening();
    let evening = nightly(&sandbox).start();
    wait_for_accepted(&sandbox, 10);
    evening.signal(Signal::TERM);
    expect_stopped_and_completed(&sandbox, &evening.wait());
}

#[test]
fn sigterm_to_the_whole_process_group_is_heard_once() {
    let sandbox = slow_evening();
    let evening = nightly(&sandbox).in_its_own_group().start();
    wait_for_accepted(&sandbox, 10);
    evening.signal_group(Signal::TERM);
    expect_stopped_and_completed(&sandbox, &evening.wait());
}

#[test]
fn a_signal_between_two_tries_ends_the_evening_with_what_the_last_run_found() {
    let sandbox = with_ledger();
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_commit","do":"status","status":502,"number":"{}"}}]}}"#,
        number(0)
    ));
    let evening = nightly(&sandbox).env("NIGHTLY_PAUSE", "3600").start();
    wait_until("the first run to end", || {
        sandbox.path("runs/summary.json").exists()
    });
    evening.signal(Signal::TERM);
    let end = evening.wait();
    assert_eq!(end.code(), 6, "{end}");
    assert_eq!(runs(&sandbox), 1, "{end}");
}
