//! The progress display, in a terminal and out of it.

use std::process::Command;
use std::time::Instant;

use crate::support::{Sandbox, Screen, contacts, record};

/// A run of about two seconds, with a duplicate and an invalid line before all others. At 25 requests a second the rate limits it,
/// and not a busy machine's disk.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 20\n");
    sandbox
        .campaign()
        .set("limits.batch_size", 20)
        .set("limits.requests_per_second", 25.0)
        .set("limits.unit_price", "0.07")
        .set("limits.max_cost", "500")
        .write();
    let odd = "{\"phone_number\":\"+33600000001\"}\n{\"phone_number\":\"no\"}\n";
    sandbox.write("contacts.ndjson", odd.to_owned() + &contacts(0..1000));
    sandbox
}

fn send(sandbox: &Sandbox, args: &[&str]) -> Command {
    let invocation = sandbox
        .volley(["send", "campaign.toml", "contacts.ndjson"])
        .args(args);
    invocation.env("TERM", "xterm").into_command()
}

#[test]
fn on_a_terminal_a_block_renews_itself_within_the_width_and_goes_in_the_end() {
    for columns in [40, 160] {
        let sandbox = sandbox();
        let begun = Instant::now();
        let recording = record(send(&sandbox, &[]), columns);
        let seconds = begun.elapsed().as_secs();
        assert_eq!(recording.status.code(), Some(0), "{}", recording.raw);
        assert!(recording.raw.contains(" loading the ledger"), "{}", recording.raw);
        let screen = Screen::after(&recording.raw, columns);
        let text = screen.text();
        let (notice, summary) = text.split_once("campaign spring").expect("the summary");
        assert!(notice.starts_with("made the ledger"), "{text}");
        assert!(summary.contains("1,000 accepted\n"), "{text}");
        assert!(!text.contains("sending"), "{text}");
        let blocks: Vec<Vec<&str>> = screen.frames.iter().filter_map(|frame| block(frame)).collect();
        for block in &blocks {
            assert_eq!(block.len(), 3, "nothing wraps: {block:?}");
            assert!(
                block[1].contains(" lines, ") && block[2].starts_with("  "),
                "{block:?}"
            );
        }
        let renewals = blocks.len() as u64;
        assert!(renewals >= 5, "it renews itself: {renewals}");
        assert!(renewals <= (seconds + 1) * 8, "{renewals} in {seconds} s");
        if columns == 160 {
            let last = blocks.last().expect("a block").join("\n");
            for part in [
                "1 duplicate",
                "1 invalid",
                " of 25 requests/s, ",
                "limited by requests_per_second",
                " of 500 used or reserved",
            ] {
                assert!(last.contains(part), "no `{part}`\n{last}");
            }
        }
    }
}

/// What stands at the end of a frame: the heading, which begins with a sign of life, and what is below it. None where the
/// block has just been taken away.
fn block(frame: &str) -> Option<Vec<&str>> {
    let rows: Vec<&str> = frame.lines().collect();
    let heading = rows
        .iter()
        .rposition(|row| row.starts_with(|c: char| !c.is_ascii()));
    Some(rows[heading?..].to_vec())
}

#[test]
fn what_is_told_while_it_renews_itself_stands_above_the_block() {
    let sandbox = sandbox();
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":429,"request":40,"times":1}]}"#);
    let args = ["--log-level", "debug", "--log-format", "json"];
    let recording = record(send(&sandbox, &args), 500);
    assert_eq!(recording.status.code(), Some(0), "{}", recording.raw);
    let screen = Screen::after(&recording.raw, 500);
    let text = screen.text();
    assert!(!text.contains("sending"), "{text}");
    let (told, _) = text.split_once("campaign spring").expect("the summary");
    let logs: Vec<&str> = told.lines().filter(|line| line.starts_with('{')).collect();
    assert!(!logs.is_empty(), "{text}");
    for log in logs {
        let whole = serde_json::from_str::<serde_json::Value>(log);
        assert!(whole.is_ok(), "a whole line: {log}");
    }
}

#[test]
fn progress_is_silent_where_it_is_not_asked_for() {
    let sandbox = sandbox();
    for (args, silent) in [(["--quiet"].as_slice(), true), (&["--progress", "never"], false)] {
        let recording = record(send(&sandbox, args), 80);
        let raw = &recording.raw;
        assert!(
            !raw.contains("loading") && !raw.contains('\x1b'),
            "{args:?}: {raw:?}"
        );
        assert_eq!(
            raw.starts_with("campaign spring"),
            silent || !raw.contains("made"),
            "{raw}"
        );
    }
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(end.expect(0).stderr, "", "off a terminal it is not asked for");
}
