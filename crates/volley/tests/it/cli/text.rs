//! What people read: the account of a rehearsal, a plan, and five errors.

use crate::support::{End, Sandbox, contacts, workspace_root};

/// The text with what differs from run to run taken out: times, speeds, and what happened to be the bottleneck.
fn steady(sandbox: &Sandbox, text: &str) -> String {
    let folder = sandbox.path("").display().to_string();
    let workspace = workspace_root().canonicalize().expect("the workspace");
    let examples = workspace.join("examples").display().to_string();
    text.replace(&folder, "FOLDER/")
        .replace(&examples, "EXAMPLES")
        .lines()
        .map(|line| match line.split_once(" requests (") {
            Some((requests, rest)) => {
                let counts = rest.split(')').next().unwrap_or_default();
                format!("{requests} requests ({counts}) in TIME")
            }
            None => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn over_the_examples(sandbox: &Sandbox, command: &str) -> End {
    let workspace = workspace_root().canonicalize().expect("the workspace");
    let examples = workspace.join("examples");
    let end = sandbox
        .volley([command])
        .arg(examples.join("appointment-reminder.toml"))
        .arg(examples.join("contacts.ndjson"))
        .run();
    assert_eq!(end.code(), 0, "{end}");
    end
}

#[test]
fn the_account_of_a_rehearsal() {
    let sandbox = Sandbox::without_mock();
    let end = over_the_examples(&sandbox, "rehearse");
    insta::assert_snapshot!(steady(&sandbox, &end.stdout), @r#"
    campaign appointment-reminder (octopush): complete
           1,000 lines read
             891 accepted
              44 duplicate
              65 invalid
                 8 country_not_allowed
                 8 field_too_long
                 8 field_type
                 8 json_malformed
                 1 line_too_long
                 8 phone_number_invalid
                 8 phone_number_missing
                 8 placeholder_missing
                 8 utf8_invalid
    2 tickets for 891 contacts
    cost 58.7565 EUR
    2 requests (0 retried, 0 throttled) in TIME
    "#);
}

#[test]
fn a_plan_of_the_example() {
    let sandbox = Sandbox::without_mock();
    let end = over_the_examples(&sandbox, "plan");
    insta::assert_snapshot!(steady(&sandbox, &end.stdout), @r#"
    campaign appointment-reminder (octopush)
           1,000 lines read
             891 would be sent
              44 duplicate
              65 invalid
                 8 country_not_allowed
                 8 field_too_long
                 8 field_type
                 8 json_malformed
                 1 line_too_long
                 8 phone_number_invalid
                 8 phone_number_missing
                 8 placeholder_missing
                 8 utf8_invalid
    the first line of each reason:
      10 of EXAMPLES/contacts.ndjson: invalid UTF-8 at byte 45: {"phone_number":"+33766893414","last_name":"��","param1":"Fr…
      26 of EXAMPLES/contacts.ndjson: param5 has 64 characters, more than 50: Désiré-Lefèvre-Anne-Anne-Lefèvre-Lefèvre-Nuñez-Anne-Anne-Ann…
      172 of EXAMPLES/contacts.ndjson: phone_number is absent, null or empty: {}
      174 of EXAMPLES/contacts.ndjson: first_name is an array, not a string, a number or null: {"phone_number":"+33688999950","first_name":["Axelle"],"para…
      292 of EXAMPLES/contacts.ndjson: too short: +3361
      326 of EXAMPLES/contacts.ndjson: the text needs param1, and param1 is absent, null or empty: {"phone_number":"+33664210393","first_name":"Axelle","param2…
      373 of EXAMPLES/contacts.ndjson: JP is not in allowed_countries: +819016320704
      408 of EXAMPLES/contacts.ndjson: trailing characters at column 79: {"phone_number":"+33659797917","first_name":"Axelle","param1…
      882 of EXAMPLES/contacts.ndjson: longer than 65536 bytes: {"phone_number":"+49 1 51 11 22 86 17","note":"xxxxxxxxxxxxx…
    891 messages in 2 batches: 595 GSM-7, 296 UCS-2, 1,187 segments
    cost at most 58.7565 EUR
    by country, the messages at most:
      FR       534 messages, 704 segments, 34.8480 EUR
      BE        60 messages, 81 segments, 4.0095 EUR
      DE        60 messages, 80 segments, 3.9600 EUR
      +44       58 messages, 85 segments, 4.2075 EUR
      +39       36 messages, 50 segments, 2.4750 EUR
      CH        36 messages, 50 segments, 2.4750 EUR
      ES        36 messages, 49 segments, 2.4255 EUR
      +1        24 messages, 30 segments, 1.4850 EUR
      IN        24 messages, 31 segments, 1.5345 EUR
      PL        23 messages, 27 segments, 1.3365 EUR
    takes under a second, limited by requests_per_second
    55 messages are UCS-2 because of ë (U+00EB) in first_name; write e instead
    39 messages are UCS-2 because of प (U+092A) in first_name; GSM-7 has nothing like it
    39 messages are UCS-2 because of U+094D in first_name; GSM-7 has nothing like it
    14 more characters of that kind; --json lists them
    no ledger at EXAMPLES/volley.db: nothing counts as sent before
    purpose alert: non-commercial messages only; they are sent day and night, and advertising sent this way is fined under the provider's terms ("Transactional SMS")
    "#);
}

/// What is said of a run that fails.
fn error(prepare: impl FnOnce(&Sandbox), args: &[&str]) -> String {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    prepare(&sandbox);
    let end = sandbox.volley(["send", "campaign.toml"].iter().chain(args)).run();
    assert_ne!(end.code(), 0, "{end}");
    assert_eq!(end.stdout, "", "no account of nothing\n{end}");
    steady(&sandbox, &end.stderr)
}

#[test]
fn an_unknown_key() {
    let text = error(
        |sandbox| {
            sandbox.campaign().set("limits.batch_sise", 10).write();
        },
        &["contacts.ndjson"],
    );
    insta::assert_snapshot!(text, @r#"volley: failed to read campaign file campaign.toml: line 6: unknown key `batch_sise`; did you mean `batch_size`?"#);
}

#[test]
fn a_missing_input() {
    insta::assert_snapshot!(error(|_| {}, &["contacts.ndjsn"]), @r#"volley: failed to open input contacts.ndjsn: No such file or directory (os error 2); did you mean contacts.ndjson?"#);
}

#[test]
fn a_missing_ledger() {
    let text = error(
        |sandbox| {
            sandbox.campaign().unset("octopush.base_url").write();
        },
        &["contacts.ndjson"],
    );
    insta::assert_snapshot!(text, @r#"volley: no ledger at FOLDER/volley.db; if this is the first campaign, make one with `volley ledger init --ledger FOLDER/volley.db`; if not, find the old one, or name it with --ledger: without it numbers would be sent to twice"#);
}

#[test]
fn a_foreign_ledger() {
    let text = error(
        |sandbox| {
            sandbox.write("volley.db", contacts(0..5));
        },
        &["contacts.ndjson"],
    );
    insta::assert_snapshot!(text, @r#"volley: FOLDER/volley.db is no ledger of Volley (not a SQLite file); name another file with --ledger"#);
}

#[test]
fn a_message_that_changed() {
    let text = error(
        |sandbox| {
            sandbox.send(&["contacts.ndjson"]).run().expect(0);
        },
        &["contacts.ndjson", "--set", "octopush.sender=Other"],
    );
    insta::assert_snapshot!(text, @r#"volley: sender differs from what others of this campaign were sent; put it back, give the campaign another name, or say --accept-changes"#);
}
