//! Colours: on a terminal, unless `NO_COLOR` or `--color` says otherwise.

use std::process::{Command, Stdio};

use crate::skip::Need;
use crate::support::{Invocation, Sandbox};

const ESCAPE: char = '\u{1b}';

/// Everything that a command shows on a terminal.
fn on_a_terminal(invocation: Invocation) -> String {
    let command = invocation.into_command();
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let line: Vec<String> = words
        .map(|word| format!("'{}'", word.to_str().expect("UTF-8")))
        .collect();
    let mut script = Command::new("script");
    script
        .args(["-qec", &line.join(" "), "/dev/null"])
        .env_clear()
        .stdin(Stdio::null());
    script.current_dir(command.get_current_dir().expect("a sandbox's"));
    // `script` takes the shell from there, and colours depend on the terminal's kind.
    script
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    for (name, value) in command.get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    let shown = script.output().expect("script");
    String::from_utf8(shown.stdout).expect("UTF-8")
}

/// Help, wrong usage, and a warning in the log.
const COLOURED: [&[&str]; 3] = [
    &["send", "--help"],
    &["sned"],
    &[
        "octopush",
        "balance",
        "--set",
        "octopush.base_url=http://127.0.0.1:1/",
    ],
];

#[test]
fn a_terminal_gets_colours_unless_they_are_not_wanted() {
    if !Need::Script.is_met() {
        return;
    }
    let sandbox = Sandbox::without_mock();
    for args in COLOURED {
        let shown = on_a_terminal(sandbox.volley(args));
        assert!(shown.contains(ESCAPE), "{args:?}: {shown}");
        let shown = on_a_terminal(sandbox.volley(args).env("NO_COLOR", "1"));
        assert!(
            !shown.is_empty() && !shown.contains(ESCAPE),
            "{args:?}: {shown:?}"
        );
        let shown = on_a_terminal(sandbox.volley(args).args(["--color", "never"]));
        assert!(
            !shown.is_empty() && !shown.contains(ESCAPE),
            "{args:?}: {shown:?}"
        );
    }
}

#[test]
fn elsewhere_colours_are_for_those_who_ask() {
    let sandbox = Sandbox::without_mock();
    for args in COLOURED {
        let plain = sandbox.volley(args).run();
        assert!(
            !plain.stdout.contains(ESCAPE) && !plain.stderr.contains(ESCAPE),
            "{plain}"
        );
        let coloured = sandbox.volley(args).arg("--color=always").run();
        assert!(
            coloured.stdout.contains(ESCAPE) || coloured.stderr.contains(ESCAPE),
            "{coloured}"
        );
    }
}
