//! The examples of a life in a pipeline, as they stand in `examples/`: each is run, and none without the ledger of the last
//! time.
//!
//! The provider is the mock, so that a campaign file names loopback. There `volley send` would make a missing ledger, and
//! it is the examples' own looking that refuses.

mod airflow;
mod document;
mod kubernetes;
mod nightly;
mod systemd;
mod workers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use volley::exit::Exit;

use crate::support::{Campaign, End, KEY, LOGIN, Sandbox, contacts, number, workspace_root};

/// A file or folder of `examples/`.
fn example(name: &str) -> PathBuf {
    let path = workspace_root().join("examples").join(name);
    path.canonicalize()
        .unwrap_or_else(|error| panic!("{error}: {}", path.display()))
}

/// A sandbox with a ledger, as the examples want one.
fn with_ledger() -> Sandbox {
    let sandbox = Sandbox::new();
    make_ledger(&sandbox);
    sandbox
}

/// What the operator does once.
fn make_ledger(sandbox: &Sandbox) {
    let made = sandbox.volley(["ledger", "init", "--ledger", "volley.db"]).run();
    assert_eq!(made.code(), 0, "{made}");
}

/// Batches of five.
fn campaign(sandbox: &Sandbox) -> Campaign<'_> {
    sandbox.campaign().set("limits.batch_size", 5)
}

/// How many people were reached; none of them twice.
#[track_caller]
fn reached(sandbox: &Sandbox) -> u64 {
    let seen = sandbox.mock().stats().together;
    assert!(seen.max_per_recipient <= 1, "somebody was sent to twice");
    seen.distinct_recipients
}

/// That an example refused for want of the ledger: it says so, sent nothing and made none.
#[track_caller]
fn expect_refused_without_ledger(sandbox: &Sandbox, end: &End, ledger: &str) {
    assert_eq!(end.code(), 3, "{end}");
    assert!(end.stderr.contains("no ledger"), "{end}");
    assert!(end.stderr.contains("volley ledger init"), "{end}");
    assert_eq!(sandbox.mock().stats().together.requests, 0, "{end}");
    assert!(!sandbox.path(ledger).exists(), "it made a ledger\n{end}");
}

/// Of twenty people five are refused and the last five are put off, which ends the run with 8. The next run reaches whoever
/// is left. The first five are accepted: a message that is refused at once stops the run.
fn refuse_some_and_break_off(sandbox: &Sandbox) {
    let refused = format!(r#""status":400,"code":119,"number":"{}","times":1"#, number(5));
    let put_off = format!(
        r#""status":429,"retry_after":"0","number":"{}","times":5"#,
        number(19)
    );
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_read","do":"status",{refused}}},{{"at":"after_read","do":"status",{put_off}}}]}}"#
    ));
}

/// That of these two runs each has left its rejects. Both name who was refused, but the provider's words are the first's
/// alone: a file for both would have lost them.
#[track_caller]
fn expect_rejects_of_both_runs(sandbox: &Sandbox, folder: &str) {
    let rejects = rejects(sandbox, folder);
    assert!(rejects.iter().all(|one| one.lines().count() == 5), "{rejects:?}");
    let with_its_words = rejects.iter().filter(|one| one.contains("code 119")).count();
    assert_eq!((rejects.len(), with_its_words), (2, 1), "{rejects:?}");
    assert_eq!(reached(sandbox), 15);
}

/// The rejects in a folder, one text for each file of them.
fn rejects(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let files = fs::read_dir(sandbox.path(folder)).expect("a folder");
    files
        .map(|file| file.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains(".rejects."))
        .map(|path| fs::read_to_string(path).expect("rejects"))
        .collect()
}

/// Puts into folders of the sandbox what lies elsewhere on a machine: `etc` has the campaign and the credentials, `srv` the
/// contacts.
fn furnish(sandbox: &Sandbox, campaign: Campaign<'_>, recipients: u32) {
    for folder in ["etc", "srv"] {
        fs::create_dir(sandbox.path(folder)).expect("a folder");
    }
    campaign.write_as("etc/spring-sale.toml");
    sandbox.write("srv/customers.ndjson", contacts(0..recipients));
    for (name, credential) in [("octopush-login", LOGIN), ("octopush-key", KEY)] {
        let file = sandbox.write(&format!("etc/{name}"), credential);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("a file of our own");
    }
}

/// Whether running it again may help before anybody mends something (README, "Exit codes").
fn may_help_itself(exit: Exit) -> bool {
    match exit {
        Exit::Doubtful
        | Exit::Unreachable
        | Exit::Locked
        | Exit::Hangup
        | Exit::Interrupt
        | Exit::Terminate => true,
        Exit::Complete
        | Exit::Bug
        | Exit::Usage
        | Exit::Config
        | Exit::Input
        | Exit::Refused
        | Exit::Ledger
        | Exit::Limit
        | Exit::Account => false,
    }
}

/// The codes after which running it again is in vain, in their order.
fn codes_in_vain() -> Vec<i64> {
    let failures = Exit::ALL.into_iter().filter(|exit| *exit != Exit::Complete);
    failures
        .filter(|exit| !may_help_itself(*exit))
        .map(|exit| exit.code().into())
        .collect()
}
