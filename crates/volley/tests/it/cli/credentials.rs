//! Where credentials come from: the environment, or files that others cannot write.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{assert_error_names, names};
use crate::support::{KEY, LOGIN, Sandbox};

/// A mock that knows one account.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_mock(&format!(
        "[octopush]\naccounts = [{{ login = \"{LOGIN}\", key = \"{KEY}\" }}]"
    ));
    sandbox.prepare(5, 10);
    sandbox
}

#[test]
fn missing_credentials_are_named_and_nothing_is_made() {
    let sandbox = sandbox();
    for name in ["OCTOPUSH_API_LOGIN", "OCTOPUSH_API_KEY"] {
        for end in [
            sandbox.send(&["contacts.ndjson"]).env_remove(name).run(),
            sandbox.send(&["contacts.ndjson"]).env(name, "").run(),
        ] {
            end.expect(3);
            assert_error_names(&end, &[name, &format!("{name}_FILE")]);
        }
    }
    assert_eq!(names(&sandbox), ["campaign.toml", "contacts.ndjson"]);
}

#[test]
fn a_file_may_hold_a_credential() {
    let sandbox = sandbox();
    let key = sandbox.write("key", format!("{KEY}\n"));
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("our own file");
    let send = || {
        sandbox
            .send(&["contacts.ndjson"])
            .env_remove("OCTOPUSH_API_KEY")
            .env("OCTOPUSH_API_KEY_FILE", &key)
    };
    let end = send().run();
    end.expect(0).expect_lines(&[("accepted", 5)]);
    assert!(!end.stderr.contains("warning"), "{end}");

    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("our own file");
    let end = send().run();
    end.expect(0);
    assert!(
        end.stderr.contains("OCTOPUSH_API_KEY_FILE") && end.stderr.contains("chmod"),
        "readable by others is warned of\n{end}"
    );
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    let sandbox = sandbox();
    let key = sandbox.write("key", KEY);
    for mode in [0o602, 0o620, 0o666] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).expect("our own file");
        let end = sandbox
            .send(&["contacts.ndjson"])
            .env_remove("OCTOPUSH_API_KEY")
            .env("OCTOPUSH_API_KEY_FILE", &key)
            .run();
        end.expect(3);
        assert_error_names(&end, &["OCTOPUSH_API_KEY_FILE", "chmod"]);
    }
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn a_credential_that_cannot_be_used_is_refused_without_being_shown() {
    let sandbox = sandbox();
    for value in ["secret\r\nx: y", "sécret"] {
        let end = sandbox
            .send(&["contacts.ndjson"])
            .env("OCTOPUSH_API_KEY", value)
            .run();
        end.expect(3);
        assert_error_names(&end, &["OCTOPUSH_API_KEY"]);
        assert!(!end.stderr.contains("cret"), "{end}");
    }
    let missing = sandbox
        .send(&["contacts.ndjson"])
        .env_remove("OCTOPUSH_API_KEY")
        .env("OCTOPUSH_API_KEY_FILE", "missing")
        .run();
    missing.expect(3);
    assert_error_names(&missing, &["OCTOPUSH_API_KEY_FILE", "missing"]);
}
