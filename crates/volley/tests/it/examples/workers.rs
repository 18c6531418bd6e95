//! `workers.sh`: PostgreSQL, four workers, and nothing of them left afterwards, however it ended. Its `mock-server` is one that
//! says where the mock of the test is, and stays until it is ended.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::Signal;

use super::example;
use crate::skip::Need;
use crate::support::{Invocation, Sandbox, Started, contacts, number, wait_until};

/// A sandbox with that `mock-server`; none where PostgreSQL is missing.
fn sandbox() -> Option<Sandbox> {
    if !test_postgres::is_there() || !Need::Curl.is_met() {
        return None;
    }
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 20\n");
    // PostgreSQL's user goes through it to its own.
    mode(sandbox.path(""), 0o711);
    fs::create_dir(sandbox.path("bin")).expect("a folder");
    let program = format!(
        "#!/bin/sh\n[ \"$*\" = \"--listen 127.0.0.1:0\" ] || exit 2\necho \"listening on {}\"\nexec sleep 100000\n",
        sandbox.mock().base_url()
    );
    mode(sandbox.write("bin/mock-server", program), 0o755);
    Some(sandbox)
}

fn mode(path: PathBuf, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

fn script(sandbox: &Sandbox, input: &[&str]) -> Invocation {
    // A shell cannot trap what was ignored when it began, as it is where the tests run under nohup.
    let run = format!(
        "PATH=$PWD/bin:$PATH; exec env --default-signal=HUP,INT,TERM \"$0\" {}",
        input.join(" ")
    );
    sandbox.program(
        "sh",
        ["-c", &run, example("workers.sh").to_str().expect("a path")],
    )
}

/// What the script has in its folder; nothing where there is none.
fn in_its_folder(sandbox: &Sandbox, file: &str) -> bool {
    let entries = fs::read_dir(sandbox.path("")).expect("the sandbox");
    entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains("volley-workers."))
        .any(|path| path.join(file).exists())
}

/// That neither a process nor a file of the script is left.
#[track_caller]
fn expect_nothing_left(sandbox: &Sandbox) {
    assert!(!in_its_folder(sandbox, ""), "its folder is left");
    let place = sandbox.path("");
    let place = place.to_str().expect("a path").trim_end_matches('/');
    for entry in fs::read_dir("/proc").expect("processes") {
        let process = entry.expect("an entry").path();
        // Most of what is there is no process, or has just ended.
        let Ok(line) = fs::read(process.join("cmdline")) else {
            continue;
        };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let at = fs::read_link(process.join("cwd")).unwrap_or_default();
        let ours = line.contains(place) || at.to_string_lossy().starts_with(place);
        assert!(!ours, "left: {} {line} in {}", process.display(), at.display());
    }
}

#[test]
fn four_workers_send_every_part_and_the_report_is_over_all_of_them() {
    let Some(sandbox) = sandbox() else { return };
    // The first hundred once more at the end: in another part.
    sandbox.write("input.ndjson", contacts(0..1500) + &contacts(0..100));
    let end = script(&sandbox, &["input.ndjson"]).run();
    assert_eq!(end.code(), 0, "{end}");
    assert!(end.stdout.contains("1,500 recipients accepted"), "{end}");
    assert!(
        end.stdout
            .contains(r#"the provider saw: "distinct_recipients":1500,"max_per_recipient":1"#),
        "{end}"
    );
    for part in 0..8 {
        assert!(
            end.stderr.contains(&format!("part-{part:04}: exit code 0")),
            "{end}"
        );
    }
    let stats = sandbox.mock().stats().together;
    assert_eq!((stats.distinct_recipients, stats.max_per_recipient), (1500, 1));
    expect_nothing_left(&sandbox);
}

#[test]
fn a_part_that_fails_for_good_is_told_and_the_others_are_sent() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_read","do":"status","status":400,"code":119,"number":"{}"}}]}}"#,
        number(799)
    ));
    sandbox.write("input.ndjson", contacts(0..800));
    let end = script(&sandbox, &["input.ndjson"]).run();
    assert_eq!(end.code(), 5, "{end}");
    assert!(end.stderr.contains("part-0007: exit code 5"), "{end}");
    assert!(sandbox.mock().stats().together.distinct_recipients > 500, "{end}");
    expect_nothing_left(&sandbox);
}

#[test]
fn a_signal_at_any_time_leaves_nothing_behind() {
    let at_work = |sandbox: &Sandbox| sandbox.mock().stats().together.requests > 10;
    let server_starts = |sandbox: &Sandbox| in_its_folder(sandbox, "postgres.log");
    let check = |signal: Signal, code: i32, send: fn(&Started, Signal), moment: &dyn Fn(&Sandbox) -> bool| {
        let Some(sandbox) = sandbox() else { return };
        let run = script(&sandbox, &[]).in_its_own_group().start();
        wait_until("the moment", || moment(&sandbox));
        send(&run, signal);
        let end = run.wait();
        assert_eq!(end.code(), code, "{end}");
        assert!(sandbox.mock().stats().together.max_per_recipient <= 1);
        expect_nothing_left(&sandbox);
    };
    check(Signal::TERM, 143, Started::signal, &server_starts);
    check(Signal::TERM, 143, Started::signal, &at_work);
    // As a terminal does.
    check(Signal::INT, 130, Started::signal_group, &at_work);
    check(Signal::HUP, 129, Started::signal_group, &server_starts);
}
