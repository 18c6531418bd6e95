//! Logs: each line names its run and its batch, as JSON all of stderr is one object a line, and nobody is named.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{End, KEY, LOGIN, Provider, Sandbox, contacts, for_both, number, wait_until};

/// What goes over the wire for Exotel's pair of credentials: `KEY:KEY`, encoded.
const BASIC: &str = "cGxhbnRlZC1rZXktNWYwZTdjMWQ5YjpwbGFudGVkLWtleS01ZjBlN2MxZDli";
const RECIPIENTS: u32 = 25;

/// A campaign of three batches whose second comes in doubt, and is not asked about for long.
fn sandbox(provider: Provider) -> Sandbox {
    let sandbox = Sandbox::new().of(provider);
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.settle", "10m")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..RECIPIENTS));
    let in_doubt = number(13);
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_commit","do":"status","status":502,"number":"{in_doubt}"}},
        {{"at":"before_read","do":"status","status":429,"request":1,"times":1}}]}}"#
    ));
    sandbox
}

/// A run that is stopped once all batches are sent, and one of them is in doubt.
fn interrupted(sandbox: &Sandbox, args: &[&str]) -> End {
    let run = sandbox.send(&["contacts.ndjson"]).args(args).start();
    wait_until("the doubt, and all others sent", || {
        let sent = sandbox.mock().stats().together.recipients;
        sent == u64::from(RECIPIENTS) && run.stderr_so_far().contains("in doubt")
    });
    run.signal(Signal::TERM);
    let end = run.wait();
    end.expect(6);
    end
}

/// A run that settles the doubt that the one before has left.
fn settling(sandbox: &Sandbox, args: &[&str]) -> End {
    sandbox.faults(r#"{"rules":[]}"#);
    let settle = ["--set", "limits.settle=0s"];
    let end = sandbox.send(&["contacts.ndjson"]).args(args).args(settle).run();
    end.expect(0);
    end
}

fn json(level: &str) -> [&str; 4] {
    ["--log-format", "json", "--log-level", level]
}

/// The lines of stderr; each is one object.
#[track_caller]
fn logs(end: &End) -> Vec<Value> {
    let read = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            object["level"].is_string() && object["timestamp"].is_string(),
            "{line}"
        );
        object
    };
    end.stderr.lines().map(read).collect()
}

fn message(log: &Value) -> &str {
    log["fields"]["message"].as_str().unwrap_or("")
}

#[track_caller]
fn find<'a>(logs: &'a [Value], what: &str) -> &'a Value {
    let found = logs.iter().find(|log| message(log) == what);
    found.unwrap_or_else(|| panic!("no `{what}` in {logs:#?}"))
}

/// A member of one of a line's spans.
fn of_span<'a>(log: &'a Value, member: &str) -> Option<&'a Value> {
    log["spans"].as_array()?.iter().find_map(|span| span.get(member))
}

#[test]
fn each_line_names_its_run_and_its_batch() {
    for_both(|provider| {
        let sandbox = sandbox(provider);
        let args = [&json("trace")[..], &["--metrics-listen", "127.0.0.1:0"]].concat();
        let end = interrupted(&sandbox, &args);
        let all = logs(&end);
        let place = |what: &str| {
            all.iter()
                .position(|log| message(log) == what)
                .expect("the words")
        };
        let begun = place("the run begins");
        assert_eq!(all[begun]["fields"]["campaign"], "spring");
        assert_eq!(all[begun]["fields"]["provider"], provider.name());
        for log in &all[begun..=place("the run ends")] {
            // The HTTP/2 library says what it reads and writes in spans that are nobody's.
            if of_span(log, "peer").is_none() {
                assert_eq!(of_span(log, "run"), Some(&Value::from(1)), "{log}");
            }
        }
        assert_eq!(find(&all, "the run ends")["fields"]["outcome"], "doubtful");
        let levels = [
            ("the ledger is made", "INFO"),
            ("the run begins", "INFO"),
            ("connection opened", "DEBUG"),
            ("put off by the provider", "INFO"),
            ("accepted", "DEBUG"),
            ("in doubt", "WARN"),
            ("the gate is open", "INFO"),
            ("the run ends", "INFO"),
        ];
        for (what, level) in levels {
            assert_eq!(find(&all, what)["level"], level, "{what}");
        }
        let doubt = of_span(find(&all, "in doubt"), "batch").cloned();
        assert!(doubt.is_some() && of_span(find(&all, "accepted"), "batch").is_some());
        assert_ne!(of_span(find(&all, "accepted"), "batch"), doubt.as_ref());
        // What is told besides, such as where the figures are, is a line like the others.
        assert!(
            all.iter().any(|log| message(log).starts_with("metrics: http://")),
            "{end}"
        );

        let end = settling(&sandbox, &json("info"));
        let all = logs(&end);
        let settled = all
            .iter()
            .find(|log| message(log).starts_with("the doubt is settled"));
        let settled = settled.unwrap_or_else(|| panic!("no settled doubt\n{end}"));
        assert_eq!(of_span(settled, "batch").cloned(), doubt, "the same batch");
        assert_eq!(of_span(settled, "run"), Some(&Value::from(2)));
        assert!(
            all.iter()
                .all(|log| log["level"] != "DEBUG" && log["level"] != "TRACE"),
            "{end}"
        );
    });
}

#[test]
fn at_the_most_talkative_nobody_is_named() {
    for_both(|provider| {
        let sandbox = sandbox(provider);
        let first = interrupted(&sandbox, &json("trace"));
        let second = settling(&sandbox, &json("trace"));
        let rehearsal = sandbox.with_campaign("rehearse", &["contacts.ndjson"]);
        for end in [first, second, rehearsal.args(json("trace")).run()] {
            assert!(!logs(&end).is_empty());
            for secret in [LOGIN, KEY, BASIC] {
                assert!(!end.stderr.contains(secret), "{secret}\n{end}");
            }
            for nth in 0..RECIPIENTS {
                let digits = &number(nth)[3..];
                assert!(!end.stderr.contains(digits), "{digits}\n{end}");
            }
        }
    });
}

#[test]
fn logs_for_people_name_run_and_batch_too() {
    let sandbox = sandbox(Provider::Octopush);
    let end = interrupted(&sandbox, &[]);
    let warned = end
        .stderr
        .lines()
        .find(|line| line.contains("WARN"))
        .expect("a warning");
    assert!(warned.contains("run{run=1}:batch{batch=2}: in doubt"), "{warned}");
    assert!(
        !end.stderr.contains("INFO"),
        "only what matters, unless asked for\n{end}"
    );
}
