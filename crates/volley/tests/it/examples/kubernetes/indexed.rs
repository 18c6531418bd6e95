//! `kubernetes/indexed-job.yaml` and `ledger-init-server.yaml`: the command of each index is run, all at once, against one PostgreSQL.

use std::fs;
use std::thread;

use test_postgres::Database;
use yaml_rust2::Yaml;

use super::{codes, codes_that_help, container, list, mount, of_kind, text, volume_of};
use crate::examples::{campaign, furnish, reached};
use crate::support::{End, Sandbox, contacts};
use volley::config::SHUTDOWN_GRACE;

const PEOPLE_OF_A_PART: u32 = 50;

/// As many parts as the Job has indexes.
fn parts() -> u32 {
    let parts = of_kind("indexed-job.yaml", "Job")["spec"]["completions"].as_i64();
    u32::try_from(parts.expect("a number")).expect("a small one")
}

/// The pod of an index, run to its end.
fn pod(sandbox: &Sandbox, index: u32) -> End {
    container(sandbox, "indexed-job.yaml")
        .env("JOB_COMPLETION_INDEX", index.to_string())
        .run()
}

/// What the Job finds: the parts, each of which has the first ten people of the next one too, and the Secrets.
fn furnished(database: &Database, sandbox: &Sandbox) {
    furnish(sandbox, campaign(sandbox), 0);
    mount(sandbox);
    fs::create_dir(sandbox.path("rejects")).expect("a folder");
    for index in 0..parts() {
        let from = index * PEOPLE_OF_A_PART;
        let to = (from + PEOPLE_OF_A_PART + 10).min(parts() * PEOPLE_OF_A_PART);
        sandbox.write(&format!("contacts/part-{index:04}.ndjson"), contacts(from..to));
    }
    // The password is not in the URL, as in the example.
    let (before, rest) = database
        .url_with("127.0.0.1", "silence=5")
        .split_once(":pw@")
        .map_or_else(
            || panic!("{}", database.url()),
            |(before, rest)| (before.to_owned(), rest.to_owned()),
        );
    sandbox.write("ledger/url", format!("{before}@{rest}"));
    sandbox.write("ledger/pgpass", "127.0.0.1:*:*:volley:pw\n");
}

#[test]
fn the_indexes_of_the_job_send_their_parts_at_once_and_nobody_twice() {
    if !test_postgres::is_there() {
        return;
    }
    let database = test_postgres::shared().database();
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 20\n");
    furnished(&database, &sandbox);
    let init = || container(&sandbox, "ledger-init-server.yaml").run();
    init().expect(0);
    thread::scope(|scope| {
        for index in 0..parts() {
            let sandbox = &sandbox;
            scope.spawn(move || {
                // As the Job does: again, where that may help.
                let codes = codes_that_help();
                let mut end = pod(sandbox, index);
                while codes.contains(&end.code().into()) {
                    end = pod(sandbox, index);
                }
                end.expect(0);
            });
        }
    });
    assert_eq!(reached(&sandbox), u64::from(parts() * PEOPLE_OF_A_PART));
    assert_eq!(init().code(), 3, "the ledger is left as it is");
    // Applied again, it sends to nobody.
    let before = sandbox.mock().stats().together.requests;
    for index in 0..parts() {
        let end = pod(&sandbox, index);
        end.expect(0);
        assert_eq!(end.lines("already_sent"), end.lines("read"), "{end}");
    }
    assert_eq!(sandbox.mock().stats().together.requests, before);
}

#[test]
fn without_a_ledger_an_index_sends_nothing_and_makes_none() {
    if !test_postgres::is_there() {
        return;
    }
    let database = test_postgres::shared().database();
    let sandbox = Sandbox::new();
    furnished(&database, &sandbox);
    // A provider that is not loopback's: there a missing ledger would be made.
    campaign(&sandbox)
        .set("octopush.base_url", "https://provider.invalid/v1/public")
        .write_as("campaign/spring-sale.toml");
    let end = pod(&sandbox, 0);
    end.expect(3);
    assert!(end.stderr.contains("volley ledger init"), "{end}");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'volley'";
    assert_eq!(database.psql(schemas).trim(), "0");
}

#[test]
fn a_part_that_failed_is_tried_again_only_where_that_may_help() {
    let job = of_kind("indexed-job.yaml", "Job");
    let (spec, pod) = (&job["spec"], &job["spec"]["template"]["spec"]);
    assert_eq!(text(&spec["completionMode"]), "Indexed");
    // Without these there is no podFailurePolicy, and no FailIndex in it.
    assert_eq!(text(&pod["restartPolicy"]), "Never");
    assert_eq!(text(&spec["podReplacementPolicy"]), "Failed");
    assert!(spec["backoffLimitPerIndex"].as_i64().is_some());
    assert!(
        spec["backoffLimit"].is_badvalue(),
        "it would count the pods of all parts"
    );
    assert_eq!(codes(&job, "FailJob"), [1, 2, 3, 7, 9, 11]);
    assert_eq!(codes(&job, "FailIndex"), [4, 5]);
    assert_eq!(codes(&job, "Count"), codes_that_help());
    let mut in_vain = [codes(&job, "FailJob"), codes(&job, "FailIndex")].concat();
    in_vain.sort_unstable();
    assert_eq!(in_vain, crate::examples::codes_in_vain());
    let grace = pod["terminationGracePeriodSeconds"].as_i64().expect("seconds");
    assert!(grace.unsigned_abs() > SHUTDOWN_GRACE.as_secs());
}

#[test]
fn the_ledger_s_address_and_password_are_those_of_one_secret() {
    for name in ["indexed-job.yaml", "ledger-init-server.yaml"] {
        let job = of_kind(name, "Job");
        let pod = &job["spec"]["template"]["spec"];
        let variable = |wanted: &str| -> &Yaml {
            let mut all = list(&pod["containers"][0]["env"]).iter();
            let found = all.find(|variable| text(&variable["name"]) == wanted);
            found.unwrap_or_else(|| panic!("{name}: no {wanted}"))
        };
        let url = &variable("VOLLEY_LEDGER")["valueFrom"]["secretKeyRef"];
        let passwords = volume_of(pod, text(&variable("PGPASSFILE")["value"]));
        assert_eq!(
            text(&url["name"]),
            text(&passwords["secret"]["secretName"]),
            "{name}"
        );
    }
}
