//! `systemd/volley-spring-sale.service` and its timer. No systemd is at work in a test: its own checker reads the units, and
//! their commands are run one after the other, as a oneshot's are.

use std::fs;
use std::path::PathBuf;

use volley::config::{SETTLE, SHUTDOWN_GRACE};

use super::{
    campaign, codes_in_vain, example, expect_refused_without_ledger, expect_rejects_of_both_runs, furnish,
    reached, refuse_some_and_break_off,
};
use crate::skip::Need;
use crate::support::{End, Sandbox};

const SERVICE: &str = "volley-spring-sale.service";
const TIMER: &str = "volley-spring-sale.timer";

/// A unit's text.
fn unit(name: &str) -> String {
    fs::read_to_string(example("systemd").join(name)).expect("a unit")
}

/// All values of one key, in their order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let assignments = unit.lines().filter_map(|line| line.split_once('='));
    assignments
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .collect()
}

/// The one value of a key.
#[track_caller]
fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    let values = values(unit, key);
    assert_eq!(values.len(), 1, "{key}: {values:?}");
    values[0]
}

fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_volley").into()
}

#[test]
fn systemd_has_nothing_against_the_units() {
    if !Need::SystemdAnalyze.is_met() {
        return;
    }
    let sandbox = Sandbox::without_mock();
    for name in [SERVICE, TIMER] {
        // That the program is there is checked too.
        let binary = binary().display().to_string();
        sandbox.write(name, unit(name).replace("/usr/bin/volley", &binary));
    }
    let verify = |units: &[&str]| {
        let paths = units.iter().map(|name| sandbox.path(name));
        sandbox
            .program(
                "systemd-analyze",
                [PathBuf::from("verify")].into_iter().chain(paths),
            )
            .run()
    };
    let end = verify(&[SERVICE, TIMER]);
    assert_eq!((end.code(), &*end.stderr), (0, ""), "{end}");
    // What a oneshot may not have is seen: the checker looks at these.
    let service = sandbox.read(SERVICE);
    sandbox.write(SERVICE, service.replace("Restart=on-failure", "Restart=always"));
    assert_ne!(verify(&[SERVICE]).code(), 0);
}

#[test]
fn the_service_is_restarted_only_where_that_may_help() {
    let service = unit(SERVICE);
    assert_eq!(value(&service, "Restart"), "on-failure");
    let prevented = value(&service, "RestartPreventExitStatus").split(' ');
    let prevented: Vec<i64> = prevented.map(|code| code.parse().expect("a code")).collect();
    assert_eq!(prevented, codes_in_vain());
    let seconds = |key| value(&service, key).parse::<u64>().expect("seconds");
    assert!(seconds("RestartSec") > SETTLE.as_secs());
    assert!(seconds("TimeoutStopSec") > SHUTDOWN_GRACE.as_secs());
}

/// Runs the service's commands with what systemd would have put in place: its folder of state, its credentials.
fn start(sandbox: &Sandbox) -> End {
    let service = unit(SERVICE);
    let state = sandbox.path("state");
    let credentials = sandbox.path("credentials");
    let placed = |text: &str| {
        let text = text
            .replace("%S", &state.display().to_string())
            .replace("%d", &credentials.display().to_string())
            .replace("/etc/volley", &sandbox.path("etc").display().to_string())
            .replace("/srv/contacts", &sandbox.path("srv").display().to_string())
            .replace("/usr/bin/volley", &binary().display().to_string());
        assert!(!text.contains('%'), "{text}");
        text
    };
    fs::create_dir_all(state.join(value(&service, "StateDirectory"))).expect("a folder");
    fs::create_dir_all(&credentials).expect("a folder");
    for loaded in values(&service, "LoadCredential") {
        let (name, file) = loaded.split_once(':').expect("a name and its file");
        fs::copy(placed(file), credentials.join(name)).expect("a credential");
    }
    let invocation = format!("{:032x}", fastrand::u128(..));
    let mut last = None;
    for command in values(&service, "ExecStart") {
        // A shell splits these lines as systemd does, and puts in the same variables.
        let mut run = sandbox
            .program("sh", ["-c", &placed(command)])
            .env_remove("OCTOPUSH_API_LOGIN")
            .env_remove("OCTOPUSH_API_KEY")
            .env("INVOCATION_ID", &invocation);
        for variable in values(&service, "Environment") {
            let (name, value) = variable.split_once('=').expect("a variable");
            run = run.env(name, placed(value));
        }
        let end = run.run();
        let failed = end.code() != 0;
        last = Some(end);
        if failed {
            break;
        }
    }
    last.expect("a command")
}

#[test]
fn the_service_s_commands_send_once_with_its_credentials_and_never_without_its_ledger() {
    let sandbox = Sandbox::new();
    furnish(&sandbox, campaign(&sandbox), 20);
    let ledger = "state/volley/spring-sale.db";
    expect_refused_without_ledger(&sandbox, &start(&sandbox), ledger);
    let made = sandbox.volley(["ledger", "init", "--ledger", ledger]).run();
    assert_eq!(made.code(), 0, "{made}");
    for (accepted, already_sent) in [(20, 0), (0, 20)] {
        let end = start(&sandbox);
        assert_eq!((end.code(), &*end.stderr), (0, ""), "{end}");
        let summary = sandbox.read_ndjson("state/volley/spring-sale.summary.json");
        assert_eq!(summary[0]["lines"]["accepted"], accepted, "{end}");
        assert_eq!(summary[0]["lines"]["already_sent"], already_sent, "{end}");
        assert_eq!(reached(&sandbox), 20);
    }
}

#[test]
fn each_start_of_the_service_keeps_its_rejects() {
    let sandbox = Sandbox::new();
    furnish(&sandbox, campaign(&sandbox), 20);
    fs::create_dir_all(sandbox.path("state/volley")).expect("a folder");
    let made = sandbox
        .volley(["ledger", "init", "--ledger", "state/volley/spring-sale.db"])
        .run();
    assert_eq!(made.code(), 0, "{made}");
    refuse_some_and_break_off(&sandbox);
    for code in [8, 0] {
        let end = start(&sandbox);
        assert_eq!(end.code(), code, "{end}");
    }
    expect_rejects_of_both_runs(&sandbox, "state/volley");
}
