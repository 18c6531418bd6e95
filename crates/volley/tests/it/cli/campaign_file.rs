//! What is wrong with a campaign file is said with file, line and key, before anything is opened or sent.

use super::{assert_error_names, names};
use crate::support::{Sandbox, contacts};

/// Sends with this campaign file, which must be refused.
#[track_caller]
fn check_text(sandbox: &Sandbox, text: &str, parts: &[&str]) {
    sandbox.write("campaign.toml", text);
    sandbox.write("contacts.ndjson", contacts(0..5));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(3);
    assert_eq!(end.summary()["outcome"], "failed");
    assert_error_names(&end, &["campaign.toml"]);
    assert_error_names(&end, parts);
    assert_eq!(sandbox.mock().stats().together.requests, 0);
    assert_eq!(names(sandbox), ["campaign.toml", "contacts.ndjson"], "no ledger");
}

/// A file whose last lines are these.
fn file(sandbox: &Sandbox, more: &str) -> String {
    let path = sandbox.campaign().unset("limits.settle").write();
    let text = std::fs::read_to_string(path).expect("the file");
    format!("{text}\n{more}")
}

#[test]
fn broken_toml_is_shown_with_its_line() {
    let sandbox = Sandbox::new();
    check_text(
        &sandbox,
        "[campaign]\nname = \"spring\"\nprovider = octopush\n",
        &["line 3"],
    );
    check_text(
        &sandbox,
        "[campaign]\nname = \"a\"\nname = \"b\"\n",
        &["line 3", "duplicate"],
    );
}

#[test]
fn an_unknown_key_is_shown_with_its_line_and_the_nearest_known_one() {
    let sandbox = Sandbox::new();
    let text = file(&sandbox, "[input]\ndefault_regoin = \"FR\"\n");
    let line = format!("line {}", text.lines().count());
    check_text(&sandbox, &text, &[&line, "default_regoin", "`default_region`?"]);
    let text = file(&sandbox, "[transprot]\nhttp2 = \"auto\"\n");
    let line = format!("line {}", text.lines().count() - 1);
    check_text(&sandbox, &text, &[&line, "transprot", "`transport`?"]);
}

#[test]
fn a_required_key_that_is_missing_is_named() {
    for key in [
        "campaign.name",
        "campaign.provider",
        "octopush.text",
        "octopush.type",
        "octopush.purpose",
        "octopush.sender",
    ] {
        let sandbox = Sandbox::new();
        sandbox.campaign().unset(key).write();
        let text = sandbox.read("campaign.toml");
        let (_, name) = key.split_once('.').expect("section.key");
        check_text(&sandbox, &text, &[name]);
    }
}

/// A value that is refused, and what the message says besides the key.
#[track_caller]
fn check_value(key: &str, value: impl Into<toml::Value>, says: &str) {
    let sandbox = Sandbox::new();
    sandbox.campaign().set(key, value).write();
    let text = sandbox.read("campaign.toml");
    let (_, name) = key.split_once('.').expect("section.key");
    check_text(&sandbox, &text, &[name, says]);
}

#[test]
fn a_value_that_cannot_be_is_refused_with_what_could() {
    check_value("campaign.name", "spring sale", "A-Z");
    check_value("campaign.name", "", "1 to 64");
    check_value("campaign.name", "x".repeat(65), "64");
    check_value("campaign.provider", "octopus", "octopush");
    check_value("octopush.type", "sms_premum", "sms_premium");
    check_value("octopush.purpose", "marketing", "wholesale");
    check_value("octopush.sender", "Ac", "3");
    check_value("octopush.sender", "Twelve chars", "11");
    check_value("octopush.text", "Hello {nickname}", "nickname");
    check_value("octopush.text", "", "");
    check_value("octopush.send_at", "tomorrow", "");
    check_value("input.default_region", "XX", "XX");
    check_value("input.numbers", "all", "possible");
    check_value("limits.batch_size", 501, "500");
    check_value("limits.batch_size", 0, "1");
    check_value("limits.requests_per_second", 0.0, "");
    check_value("limits.max_in_flight", 0, "1");
    check_value("limits.max_invalid", "120%", "%");
    check_value("limits.request_timeout", "soon", "soon");
    check_value("transport.http2", "never ever", "auto");
}

#[test]
fn a_value_of_the_wrong_type_is_named_by_its_key() {
    check_value("limits.unit_price", 0.0495, "\"0.0495\"");
    check_value("limits.unit_price", "-1", "-1");
    check_value("limits.batch_size", "ten", "ten");
    check_value("octopush.with_replies", "perhaps", "perhaps");
}

#[test]
fn max_cost_needs_a_unit_price() {
    check_value("limits.max_cost", "10", "unit_price");
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    let end = sandbox.send(&["contacts.ndjson", "--max-cost", "10"]).run();
    end.expect(3);
    assert_error_names(&end, &["unit_price"]);
}

#[test]
fn cleartext_is_for_loopback_only() {
    check_value("octopush.base_url", "http://192.0.2.1/v1/public", "https");
    check_value("octopush.base_url", "http://localhost.example.com/", "https");
    check_value("octopush.base_url", "ftp://127.0.0.1/", "https");
    check_value("octopush.base_url", "https://user:secret@127.0.0.1/", "");
}

#[test]
fn a_campaign_file_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    for command in ["send", "plan", "rehearse"] {
        let end = sandbox.with_campaign(command, &["-"]).run();
        end.expect(3);
        assert_error_names(&end, &["campaign.toml"]);
    }
}

#[test]
fn overrides_outrank_the_file_and_are_held_to_the_same_rules() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    let set = |setting: &str| sandbox.send(&["contacts.ndjson", "--set", setting]).run();
    let refused = |setting: &str, part: &str| {
        let end = set(setting);
        assert!([2, 3].contains(&end.code()), "{setting}\n{end}");
        assert!(end.stderr.contains(part), "{setting}\n{end}");
    };
    refused("limits.batch_sise=5", "batch_size");
    refused("limits.batch_size=501", "500");
    refused("limits.batch_size=ten", "batch_size");
    refused("batch_size=5", "batch_size");
    refused("limits.batch_size", "limits.batch_size");
    assert_eq!(sandbox.mock().stats().together.requests, 0);
    set("limits.batch_size=5").expect(0);
    assert_eq!(sandbox.mock().stats().together.accepted_requests, 5);
}
