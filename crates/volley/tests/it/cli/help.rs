//! What the command line tells of itself: help, completions, man pages.

use std::ffi::OsString;
use std::process::Command;

use clap::CommandFactory;
use volley::cli::Cli;
use volley::exit::Exit;

use crate::support::Sandbox;

/// Every command with its words, such as `ledger init`, those that only hold others included.
fn commands() -> Vec<(Vec<String>, clap::Command)> {
    fn below(command: &clap::Command, words: &[String], found: &mut Vec<(Vec<String>, clap::Command)>) {
        for command in command.get_subcommands() {
            let words: Vec<String> = words
                .iter()
                .cloned()
                .chain([command.get_name().to_owned()])
                .collect();
            found.push((words.clone(), command.clone()));
            below(command, &words, found);
        }
    }
    let mut found = Vec::new();
    below(&Cli::command(), &[], &mut found);
    found
}

#[test]
fn bash_takes_the_completions_and_completes_with_them() {
    let sandbox = Sandbox::without_mock();
    let script = sandbox.volley(["completions", "bash"]).run();
    script.expect(0);
    sandbox.write("volley.bash", &script.stdout);
    // As bash would on "volley led<TAB>": the function that is registered, with the words so far.
    let asked = r#"source volley.bash && complete -p volley &&
        COMP_WORDS=(volley led) COMP_CWORD=1 && _volley volley led volley && echo "${COMPREPLY[@]}""#;
    let shell = Command::new("bash")
        .args(["--norc", "-c", asked])
        .current_dir(sandbox.path("."))
        .output()
        .expect("bash");
    let told = String::from_utf8_lossy(&shell.stdout);
    assert!(
        shell.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&shell.stderr)
    );
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines[0].starts_with("complete ") && lines[0].ends_with("-F _volley volley"),
        "{told}"
    );
    assert_eq!(lines[1], "ledger");
}

#[test]
fn every_shell_has_completions_that_know_every_command() {
    let sandbox = Sandbox::without_mock();
    for shell in ["bash", "zsh", "fish"] {
        let end = sandbox.volley(["completions", shell]).run();
        end.expect(0);
        for (words, _) in commands() {
            let last = words.last().expect("a word");
            assert!(end.stdout.contains(last.as_str()), "{shell}: {words:?}");
        }
    }
    sandbox.volley(["completions", "sh"]).run().expect(2);
}

#[test]
fn the_man_page_names_every_command_and_keeps_the_lines_of_examples() {
    let sandbox = Sandbox::without_mock();
    let end = sandbox.volley(["man"]).run();
    end.expect(0);
    assert!(end.stdout.contains(".TH volley 1"), "{end}");
    for (words, _) in commands().iter().filter(|(words, _)| words.len() == 1) {
        let page = format!("volley\\-{}(1)", words[0].replace('-', "\\-"));
        assert!(end.stdout.contains(&page), "{page}\n{end}");
    }
    let exits = end
        .stdout
        .split(".SH \"EXIT STATUS\"")
        .nth(1)
        .expect("exit codes");
    for exit in Exit::ALL {
        assert!(
            exits.contains(&format!(".TP\n\\fB{}\\fR\n", exit.code())),
            "{exit:?}\n{exits}"
        );
    }
}

#[test]
fn every_command_has_a_man_page_of_its_own() {
    let sandbox = Sandbox::without_mock();
    std::fs::create_dir(sandbox.path("man1")).expect("a folder");
    let end = sandbox.volley(["man", "--directory", "man1"]).run();
    end.expect(0);
    let mut expected: Vec<String> = commands()
        .iter()
        .map(|(words, _)| format!("volley-{}.1", words.join("-")))
        .chain(["volley.1".to_owned()])
        .collect();
    expected.sort_unstable();
    let mut found: Vec<String> = std::fs::read_dir(sandbox.path("man1"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    let send = sandbox.read("man1/volley-send.1");
    let examples = send.split(".SH EXAMPLES").nth(1).expect("examples");
    assert!(
        examples.trim_start().starts_with(".nf\n"),
        "lines are kept as they are\n{examples}"
    );
    assert!(
        examples.contains("volley send spring\\-sale.toml contacts.ndjson\n"),
        "{examples}"
    );
    assert!(send.contains("VOLLEY_LEDGER"), "{send}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let sandbox = Sandbox::without_mock();
    let end = sandbox.volley(["man", "--directory", "nowhere"]).run();
    end.expect(3);
    assert!(end.stderr.contains("nowhere"), "{end}");
}

/// The words of a line as a shell reads them, up to where its output goes. Of quotes the examples have single ones only.
fn words_of(line: &str) -> Vec<OsString> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.trim().chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(character),
        }
    }
    let ours = words.into_iter().take_while(|word| word != "|" && word != ">");
    ours.map(OsString::from).collect()
}

/// The examples of a command's help, each on one line.
fn examples(command: &clap::Command) -> Vec<String> {
    let behind = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let Some(at) = behind.find("Example") else {
        return Vec::new();
    };
    let whole = behind[at..].replace("\\\n", " ");
    whole
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn every_command_s_help_has_examples_that_it_takes() {
    let volley = (Vec::new(), Cli::command());
    for (words, command) in commands().iter().chain([&volley]) {
        let examples = examples(command);
        assert!(!examples.is_empty(), "volley {}: no example", words.join(" "));
        for example in examples {
            let ours = example
                .split_once("| volley")
                .map_or(example.clone(), |(_, ours)| format!("volley{ours}"));
            let typed = words_of(&ours);
            assert!(
                typed[1..].starts_with(&words.iter().map(OsString::from).collect::<Vec<_>>()),
                "{example}"
            );
            if let Err(error) = Cli::read(&typed) {
                panic!("{example}\n{error}");
            }
        }
    }
}

#[test]
fn help_shows_them() {
    let sandbox = Sandbox::without_mock();
    for (words, _) in commands() {
        let end = sandbox.volley(&words).arg("--help").run();
        end.expect(0);
        assert!(
            end.stdout.contains(&format!("  volley {}", words.join(" "))) || end.stdout.contains("| volley"),
            "{end}"
        );
    }
}
