//! A document's command lines in one shell: files are written and blocks are run in the order in which they stand there.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::blocks::Document;
use crate::support::Sandbox;

/// Where the documents say that the mock listens.
const MOCK: &str = "127.0.0.1:9100";

/// The folder that the documents say they are in.
const FOLDER: &str = "/home/you/campaigns";

/// Between the outputs of two blocks.
const MARK: &str = "=== end of block";

/// Runs all of them; each must end with 0, those that tell an exit code included, since they print it.
pub(super) fn run(sandbox: &Sandbox, document: &mut Document) {
    run_at(sandbox, document, &[]);
}

/// The same where the document names more places than the mock's: what it says, and what is there in the sandbox.
pub(super) fn run_at(sandbox: &Sandbox, document: &mut Document, places_there: &[(&str, &str)]) {
    place_mock_server(sandbox);
    let mut script = String::from("set -eu\nexec 2>&1\nPATH=$PWD/bin:$PATH\n");
    let mut places = Vec::new();
    for fence in document.fences() {
        match fence.info.split_once(' ') {
            None if fence.info == "sh" => {
                places.push(fence.place);
                // What was put into the background there has printed its line before the next block begins.
                writeln!(
                    script,
                    "{}wait\nprintf '{MARK} %s\\n' {}",
                    fence.body, fence.place
                )
                .expect("memory");
            }
            Some(("toml" | "json", name)) => {
                writeln!(script, "cat > {name} <<'END OF FILE'\n{}END OF FILE", fence.body).expect("memory");
            }
            _ => {}
        }
    }
    assert!(!places.is_empty(), "no command line");
    let mut script = script.replace(MOCK, &address(sandbox));
    for (told, there) in places_there {
        assert!(script.contains(told), "{told}");
        script = script.replace(told, there);
    }
    let end = sandbox.program("sh", ["-c", &script]).run();
    assert_eq!(end.code(), 0, "{end}");
    let mut said = end.stdout.as_str();
    for place in places {
        let mark = format!("{MARK} {place}\n");
        let (output, rest) = said.split_once(&mark).unwrap_or_else(|| panic!("no {mark}{end}"));
        let mut output = as_told(sandbox, output);
        for (told, there) in places_there {
            output = output.replace(there, told);
        }
        document.printed(place, output);
        said = rest;
    }
}

/// An output with the documents' folder and port in place of the sandbox's.
pub(super) fn as_told(sandbox: &Sandbox, output: &str) -> String {
    let folder = sandbox.path("");
    let folder = folder.to_str().expect("a path in UTF-8").trim_end_matches('/');
    output.replace(folder, FOLDER).replace(&address(sandbox), MOCK)
}

fn address(sandbox: &Sandbox) -> String {
    let url = sandbox.mock().base_url();
    url.strip_prefix("http://").expect("cleartext").to_owned()
}

/// A `mock-server` that says what the program says: the mock is there already, in the process of the test.
fn place_mock_server(sandbox: &Sandbox) {
    let address = address(sandbox);
    let program = format!(
        "#!/bin/sh\n[ \"$*\" = \"--listen {address}\" ] || exit 2\necho \"listening on http://{address}\"\n"
    );
    fs::create_dir(sandbox.path("bin")).expect("a folder");
    let path = sandbox.write("bin/mock-server", program);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a file of our own");
}
