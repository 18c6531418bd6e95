//! Mistakes that everybody makes once: what is meant is told.

use super::assert_error_names;
use crate::support::{Sandbox, contacts};

/// Runs `volley --json ARGS`, which must end so and say this.
#[track_caller]
fn check(sandbox: &Sandbox, args: &[&str], code: i32, parts: &[&str]) {
    let end = sandbox.volley(["--json"].iter().chain(args)).run();
    end.expect(code);
    assert_error_names(&end, parts);
}

#[test]
fn a_command_or_flag_that_is_spelled_wrong_is_told_with_the_right_one() {
    let sandbox = Sandbox::without_mock();
    for (args, meant) in [
        (&["sned", "a.toml"][..], "'send'"),
        (&["doubt", "lst"], "'list'"),
        (&["octopush", "balanse"], "'balance'"),
        (&["exotel", "campaign", "pase", "x"], "'pause'"),
        (&["send", "a.toml", "--max-costs", "5"], "'--max-cost'"),
        (&["completions", "basch"], "'bash'"),
    ] {
        let end = sandbox.volley(args).run();
        end.expect(2);
        assert!(end.stderr.contains(meant), "{meant}\n{end}");
    }
}

#[test]
fn a_campaign_s_name_in_the_place_of_its_file() {
    let sandbox = Sandbox::without_mock();
    sandbox.campaign().write_as("spring.toml");
    for command in ["send", "plan", "rehearse", "check"] {
        check(
            &sandbox,
            &[command, "spring"],
            3,
            &["spring:", "did you mean spring.toml?"],
        );
        check(
            &sandbox,
            &[command, "autumn"],
            3,
            &["autumn:", "such as spring-sale.toml"],
        );
    }
}

#[test]
fn contacts_in_the_place_of_the_campaign_file() {
    let sandbox = Sandbox::without_mock();
    sandbox.campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..5));
    sandbox.write("contacts.gz", [0x1f, 0x8b, 0x08, 0, 0xff, 0xfe]);
    for input in ["contacts.ndjson", "contacts.gz"] {
        let args = ["plan", input, "campaign.toml"];
        check(&sandbox, &args, 3, &[input, "the campaign file comes first"]);
    }
}

#[test]
fn a_campaign_file_in_the_place_of_its_name() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    for command in [
        &["report"][..],
        &["doubt", "list"],
        &["exotel", "calls", "--set", "exotel.account_sid=acme1"],
        &["ledger", "forget", "--yes", "--reason", "a test"],
    ] {
        let with = |name: &'static str| command.iter().copied().chain([name]).collect::<Vec<_>>();
        check(
            &sandbox,
            &with("campaign.toml"),
            2,
            &["campaign.toml is a campaign file", "spring, as its campaign.name"],
        );
        check(&sandbox, &with("./campaign.toml"), 2, &["--ledger ./volley.db"]);
        check(&sandbox, &with("folder/spring"), 2, &["a path", "campaign.name"]);
    }
    assert_eq!(
        sandbox.volley(["report", "spring"]).run().code(),
        0,
        "nothing was forgotten"
    );
}

#[test]
fn a_name_that_the_ledger_does_not_have_is_told_with_those_it_has() {
    let sandbox = Sandbox::new();
    sandbox.volley(["ledger", "init"]).run().expect(0);
    check(&sandbox, &["report", "spring"], 3, &["no campaign has been run"]);
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    check(
        &sandbox,
        &["report", "sprong"],
        3,
        &["it has spring", "did you mean `spring`?"],
    );
    check(
        &sandbox,
        &["doubt", "list", "sprong"],
        3,
        &["it has spring", "did you mean `spring`?"],
    );
}

#[test]
fn a_setting_that_cannot_be_is_told_by_itself_and_not_as_the_file_s() {
    let sandbox = Sandbox::without_mock();
    sandbox.campaign().write();
    for (setting, told) in [
        ("limits.max_csot=5", "did you mean `max_cost`?"),
        ("limts.max_cost=5", "did you mean `limits`?"),
        ("max_cost=5", "did you mean --set limits.max_cost=5?"),
        ("octopush.max_cost=5", "it belongs into the section [limits]"),
        ("limits.connections=four", "expected a whole number"),
        ("octopush.with_replies=yes", "expected true or false"),
        ("limits", "expected section.key=value"),
        ("transport.http2=alwys", "did you mean \"always\"?"),
    ] {
        let end = sandbox.with_campaign("check", &["--set", setting]).run();
        end.expect(3);
        assert_error_names(&end, &[told]);
        let blames_the_file = end.stderr.contains("campaign.toml");
        // What cannot be meant is said of the whole: it may be a setting and the file together.
        assert_eq!(blames_the_file, setting.starts_with("transport."), "{end}");
    }
}
