//! Scenarios run for their account, not for their figures: no time is asserted.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::load_tests;

/// `volley` and `mock-server` lie beside `load-tests`: `cargo test --workspace` has built them. With this package's tests
/// alone they may be missing, and are built once.
fn build_what_is_missing() {
    let own = assert_cmd::cargo::cargo_bin("load-tests");
    let there = |name: &str| own.with_file_name(name).is_file();
    if there("volley") && there("mock-server") {
        return;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--offline",
            "--package",
            "volley",
            "--package",
            "mock-server",
            "--bins",
        ])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .status()
        .expect("cargo runs");
    assert!(status.success());
}

fn run(args: &[&str]) -> Value {
    build_what_is_missing();
    let made = load_tests(&["run", "--json"])
        .args(args)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{args:?}: {told}");
    serde_json::from_slice(&made.stdout).expect("JSON")
}

#[test]
fn the_smoke_scenario_is_right_in_every_case() {
    let results = run(&["smoke"]);
    let cases = results["cases"].as_array().unwrap();
    let metric = |name: &str, metric: &str| {
        let case = cases.iter().find(|case| case["name"] == name).unwrap();
        case["median"][metric].as_f64().unwrap()
    };
    assert_eq!(cases.len(), 12);
    for case in cases {
        assert!(case["median"]["cpu"].as_f64().unwrap() > 0.0, "{case}");
    }
    assert!(metric("killed", "killed") > 0.0, "it was killed on its way");
    assert!(
        metric("send", "server_most_in_a_second") > 0.0,
        "the mock was asked"
    );
    assert!(results["figures"][0]["value"].as_f64().unwrap() > 0.0);
    assert!(results["commit"].is_string() && results["machine"]["cores"].as_u64().unwrap() > 0);
}

#[test]
fn two_runs_with_one_seed_put_the_same_bodies_on_the_wire_and_another_campaign_does_not() {
    let results = run(&["smoke", "--case", "counting", "--runs", "2"]);
    let bodies = |case: &str| {
        let results = run(&["smoke", "--case", case]);
        results["cases"][0]["bodies"].as_str().map(str::to_owned)
    };
    assert_eq!(results["cases"][0]["runs"].as_array().unwrap().len(), 2);
    // The runs were compared with each other; this one is compared with them.
    assert_eq!(
        results["cases"][0]["bodies"].as_str(),
        bodies("counting").as_deref()
    );
    assert_ne!(bodies("counting"), bodies("dense-stdin"));
}

#[test]
fn saved_results_are_compared_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    build_what_is_missing();
    let saved = path("startup.json");
    let done = load_tests(&["run", "startup", "--runs", "2", "--save"])
        .arg(&saved)
        .output()
        .unwrap();
    assert!(done.status.success());
    assert!(String::from_utf8_lossy(&done.stdout).contains("volley --version, in ms"));

    let compared = load_tests(&["compare"]).args([&saved, &saved]).output().unwrap();
    let told = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(
        compared.status.success() && told.contains("× 1.000") && told.contains("version cpu"),
        "{told}"
    );

    let mut report = load_tests(&["report", "--results"]);
    report.arg(folder.path()).arg("--output").arg(path("RESULTS.md"));
    assert!(report.output().unwrap().status.success());
    let page = std::fs::read_to_string(path("RESULTS.md")).unwrap();
    for words in [
        "## Targets",
        "## startup",
        "| volley --version, in ms | ≤ 10 |",
        "load-tests run startup --runs 2",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn what_is_no_scenario_is_refused() {
    for (args, words) in [
        (&["run", "no-such-scenario"][..], "no-such-scenario.toml"),
        (
            &["run", "smoke", "--case", "nothing"],
            "no case begins with nothing",
        ),
        (
            &["run", "smoke", "--volley", "no-such-program", "--runs", "1"],
            "build it with",
        ),
    ] {
        let refused = load_tests(args).output().unwrap();
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{args:?}: {told}");
        assert!(told.contains(words), "{args:?}: {told}");
    }
}
