//! Invariant 10: a planted credential or a full phone number appears in no log, message or summary, however the run ends.

use crate::support::{End, KEY, LOGIN, Sandbox};

/// What the numbers of the test's contacts have in common, in any spelling.
const NUMBERS: [&str; 3] = ["336000000", "06000000", "6 00 00 00"];

#[track_caller]
fn assert_silent(what: &str, end: &End) {
    for (stream, text) in [("stdout", &end.stdout), ("stderr", &end.stderr)] {
        for secret in [LOGIN, KEY].iter().chain(&NUMBERS) {
            assert!(!text.contains(secret), "{what}: {stream} shows {secret}\n{end}");
        }
    }
}

/// Runs it at trace level, as text and as JSON, and then looks at the ledger too.
#[track_caller]
fn check(what: &str, code: i32, settings: &str, faults: Option<&str>, more: &[&str]) {
    for format in ["text", "json"] {
        let sandbox = Sandbox::with_mock(settings);
        sandbox.prepare(25, 10);
        sandbox.append(
            "contacts.ndjson",
            "{\"phone_number\":\"06 00 00 00 ab\"}\n{\"phone_number\":\"+33600000099\",\"param1\":[]}\n",
        );
        if let Some(rules) = faults {
            sandbox.faults(rules);
        }
        let end = sandbox
            .send(&["contacts.ndjson", "--log-level", "trace", "--log-format", format])
            .args(["--progress", "always"])
            .args(more)
            .run();
        end.expect(code);
        assert_silent(what, &end);
        for name in ["volley.db", "volley.db-bodies", "volley.db-lock"] {
            // A run that ended early may have made none.
            let bytes = std::fs::read(sandbox.path(name)).unwrap_or_default();
            let holds = |secret: &str| {
                bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes())
            };
            assert!(!holds(KEY) && !holds(LOGIN), "{what}: {name} holds a credential");
        }
        let report = sandbox.volley(["report", "--json"]).run();
        assert_silent(what, &report);
    }
}

#[test]
fn neither_a_good_run_nor_a_stopped_one_shows_them() {
    check("a good run", 0, "", None, &[]);
    check("over HTTP/1.1", 0, "", None, &["--set", "transport.http2=never"]);
    check("a limit", 9, "", None, &["--max-recipients", "12"]);
    check(
        "a changed setting",
        3,
        "",
        None,
        &["--set", "limits.batch_size=0"],
    );
}

#[test]
fn no_refusal_shows_them() {
    check(
        "credentials refused",
        11,
        "[octopush]\naccounts = [{ login = \"a\", key = \"b\" }]",
        None,
        &[],
    );
    // A provider may repeat what it was sent.
    let echo = format!(
        r#"{{"rules":[{{"at":"after_read","do":"status","status":400,
        "body":"{{\"code\":117,\"message\":\"+33600000003 of {LOGIN} with {KEY} is wrong\"}}"}}]}}"#
    );
    check("a refusal that repeats what it was sent", 5, "", Some(&echo), &[]);
}

#[test]
fn no_doubt_shows_them() {
    let drop = r#"{"rules":[{"at":"after_commit","do":"drop","number":"+33600000003"}]}"#;
    check("a lost answer", 6, "", Some(drop), &[]);
    let garbage =
        r#"{"rules":[{"at":"after_commit","do":"garbage","body":"{\"sms_ticket\": \"+33600000003"}]}"#;
    check("an unreadable answer", 0, "", Some(garbage), &[]);
}
