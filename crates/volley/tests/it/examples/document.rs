//! `docs/pipelines.md`: its command lines are run as they stand there, in one shell, from top to bottom.

use std::fmt::Write as _;
use std::fs;

use volley::exit::Exit;

use super::{campaign, furnish, reached};
use crate::signals::has_begun;
use crate::support::{Sandbox, contacts, wait_until, workspace_root};

fn document() -> String {
    fs::read_to_string(workspace_root().join("docs/pipelines.md")).expect("the document")
}

/// What stands between "```sh" and "```", block by block.
fn shell_blocks(document: &str) -> Vec<&str> {
    let blocks = document.split("```sh\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

#[test]
fn the_document_s_command_lines_run_from_top_to_bottom() {
    let sandbox = Sandbox::new();
    furnish(&sandbox, campaign(&sandbox), 0);
    sandbox.write("srv/monday.ndjson", contacts(0..20));
    // Ten of Tuesday's are Monday's.
    sandbox.write("srv/tuesday.ndjson", contacts(10..30));
    let mut script = String::from("set -eu\n");
    let document = document();
    let blocks = shell_blocks(&document);
    for (nth, block) in blocks.iter().enumerate() {
        writeln!(script, "{block}echo 'end of block {nth}'").expect("memory");
    }
    for (folder, placed) in [
        ("/var/lib/volley", "state"),
        ("/etc/volley", "etc"),
        ("/srv/contacts", "srv"),
        ("/mnt/backup", "backup"),
    ] {
        assert!(script.contains(folder), "{folder}");
        fs::create_dir_all(sandbox.path(placed)).expect("a folder");
        script = script.replace(folder, &sandbox.path(placed).display().to_string());
    }
    let end = sandbox
        .program("sh", ["-c", &script])
        .env_remove("OCTOPUSH_API_LOGIN")
        .env_remove("OCTOPUSH_API_KEY")
        .run();
    assert_eq!(end.code(), 0, "{end}");
    let last = format!("end of block {}\n", blocks.len() - 1);
    assert!(end.stdout.ends_with(&last), "{end}");
    // What the document says of them: a second run is done at once, and the copy is refused until it is adopted.
    for said in ["done\n", "\"pending\":0\n", "refused, as it should be\n"] {
        assert!(end.stdout.contains(said), "{said}{end}");
    }
    assert_eq!(reached(&sandbox), 30);
    // The restored ledger knows them all.
    let again = sandbox
        .volley(["--json", "send", "etc/spring-sale.toml", "srv/tuesday.ndjson"])
        .args(["--ledger", "state/volley.db"])
        .run();
    again.expect(0).expect_lines(&[("already_sent", 20)]);
}

#[test]
fn a_backup_is_not_made_beside_a_run_nor_a_run_beside_a_backup() {
    let sandbox = super::with_ledger();
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..5));
    let inside = "flock --nonblock volley.db-lock volley send campaign.toml contacts.ndjson --json";
    sandbox.program("sh", ["-c", inside]).run().expect(10);
    assert_eq!(reached(&sandbox), 0);

    let mut run = sandbox.send(&["-"]).start_piped();
    let pipe = run.take_stdin().expect("a pipe");
    wait_until("the run to begin", || has_begun(&sandbox));
    let beside = ["--nonblock", "volley.db-lock", "touch", "backup"];
    assert_eq!(sandbox.program("flock", beside).run().code(), 1);
    assert!(!sandbox.path("backup").exists());
    drop(pipe);
    run.wait();
}

#[test]
fn a_copy_laid_over_the_ledger_without_its_lock_is_refused() {
    let sandbox = super::with_ledger();
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..5));
    fs::copy(sandbox.path("volley.db"), sandbox.path("copy.db")).expect("a copy");
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let copy = fs::read(sandbox.path("copy.db")).expect("the copy");
    sandbox.write("volley.db", copy);
    sandbox.send(&["contacts.ndjson"]).run().expect(7);
    assert_eq!(reached(&sandbox), 5);
}

#[test]
fn the_document_says_what_to_do_at_every_exit_code() {
    let document = document();
    let rows = document
        .lines()
        .skip_while(|line| !line.starts_with("| code | what happened"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let codes: Vec<u8> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap_or_default().split(','))
        .map(|code| code.trim().parse().expect("a code"))
        .collect();
    assert_eq!(codes, Exit::ALL.map(Exit::code));
}
