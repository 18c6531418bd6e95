//! The rules that the workspace itself keeps: who imports whom, what stands in the README, what CI runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use volley::exit::Exit;

use crate::support::workspace_root;

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(workspace_root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("the workspace's metadata")
}

fn package<'a>(metadata: &'a Metadata, name: &str) -> &'a Package {
    let found = metadata.packages.iter().find(|package| package.name == name);
    found.unwrap_or_else(|| panic!("no package {name}"))
}

/// The names of what a package is built from.
fn built_from(package: &Package) -> BTreeSet<&str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
        .collect()
}

#[test]
fn crates_import_only_whom_the_architecture_lets_them() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let check = |name: &str, expected: &[&str]| {
        let imported: Vec<&str> = built_from(package(&metadata, name))
            .intersection(&ours)
            .copied()
            .collect();
        assert_eq!(imported, expected, "{name}");
    };
    check("volley-model", &[]);
    check("volley-intake", &["volley-model"]);
    check("volley-provider", &["volley-model"]);
    check("volley-transport", &["volley-model"]);
    check("volley-ledger", &["volley-model"]);
    check(
        "volley",
        &[
            "mock-server",
            "volley-intake",
            "volley-ledger",
            "volley-model",
            "volley-provider",
            "volley-transport",
        ],
    );
    check("mock-server", &[]);
    check("test-postgres", &[]);
    // Volley and the mock are run as programs there: what measures them is built from neither.
    check("load-tests", &["benches", "test-postgres"]);
    // What starts a PostgreSQL is in no program that users run.
    for package in metadata
        .packages
        .iter()
        .filter(|package| package.name != "load-tests")
    {
        assert!(!built_from(package).contains("test-postgres"), "{}", package.name);
    }
    // Client and mock meet at the wire only, in the mock's tests too; and the corpus holds both to account.
    for name in ["mock-server", "benches"] {
        for dependency in &package(&metadata, name).dependencies {
            let product = dependency.name.starts_with("volley");
            let measured = name == "benches" && dependency.kind == DependencyKind::Development;
            assert!(!product || measured, "{name} imports {}", dependency.name);
        }
    }
}

#[test]
fn what_is_pure_never_awaits() {
    let metadata = metadata();
    for name in ["volley-model", "volley-intake", "volley-provider"] {
        let built_from = built_from(package(&metadata, name));
        for runtime in ["tokio", "futures", "hyper", "hyper-util", "mio", "rusqlite"] {
            assert!(!built_from.contains(runtime), "{name} imports {runtime}");
        }
    }
    assert!(!built_from(package(&metadata, "volley-transport")).contains("serde_json"));
    let ledger = built_from(package(&metadata, "volley-ledger"));
    assert!(!ledger.contains("http") && !ledger.contains("hyper"));
}

#[test]
fn the_given_packages_have_a_real_role() {
    let metadata = metadata();
    for (name, marks) in [
        ("tokio", ["tokio::", "tokio::"]),
        ("hyper", ["hyper::", "hyper::"]),
        ("hyper-util", ["hyper_util::", "hyper_util::"]),
        ("rustls", ["rustls::", "rustls::"]),
        ("serde", ["use serde::", "serde::Deserialize"]),
        ("simd-json", ["simd_json::", "simd_json::"]),
        ("governor", ["use governor::", "governor::"]),
        ("futures", ["use futures::", "futures::"]),
        ("mimalloc", ["mimalloc::MiMalloc", "mimalloc::"]),
        ("axum", ["use axum::", "axum::"]),
    ] {
        let users: Vec<&Package> = metadata
            .packages
            .iter()
            .filter(|package| built_from(package).contains(name))
            .filter(|package| {
                let sources = sources(&folder(package).join("src"));
                sources.iter().any(|source| {
                    let text = fs::read_to_string(source).expect("a source file");
                    marks.iter().any(|mark| text.contains(mark))
                })
            })
            .collect();
        assert!(!users.is_empty(), "{name} is no direct dependency with a role");
    }
}

fn folder(package: &Package) -> PathBuf {
    package.manifest_path.parent().expect("a folder").into()
}

/// All Rust files under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn source_files_keep_the_rules_of_the_house() {
    let metadata = metadata();
    let mut seen = 0;
    for path in metadata
        .packages
        .iter()
        .flat_map(|package| sources(&folder(package)))
    {
        let text = fs::read_to_string(&path).expect("a source file");
        let shown = path.display();
        assert!(
            !path.ends_with("mod.rs"),
            "{shown}: foo.rs and foo/, never mod.rs"
        );
        // The tests of a module, where they have a file of their own, are told by that module's header.
        let tests = path.ends_with("tests.rs");
        assert!(
            tests || text.starts_with("//!"),
            "{shown}: opens with what it is for"
        );
        // Put together, so that this file does not find itself.
        for banned in [concat!("#[", "allow("), concat!("#[", "ignore")] {
            assert!(!text.contains(banned), "{shown}: {banned}");
        }
        seen += 1;
    }
    assert!(seen > 100, "{seen} files");
}

fn read(name: &str) -> String {
    fs::read_to_string(workspace_root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_readme_s_table_of_exit_codes_is_the_binary_s() {
    let readme = read("README.md");
    let rows = readme
        .lines()
        .skip_while(|line| !line.starts_with("| code | meaning"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let codes: Vec<u8> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap_or_default().split(','))
        .map(|code| {
            let code = code.trim().trim_matches('`');
            code.parse().unwrap_or_else(|error| panic!("{code:?}: {error}"))
        })
        .collect();
    assert_eq!(codes, Exit::ALL.map(Exit::code));
}

#[test]
fn ci_runs_the_readme_s_test_command() {
    let readme = read("README.md");
    let ci = read(".ci/run");
    let commands: Vec<&str> = readme
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("cargo test"))
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .collect();
    assert!(!commands.is_empty(), "the README has a test command");
    for command in commands {
        let step = format!("step {command}");
        assert!(ci.lines().any(|line| line == step), "CI does not run `{command}`");
    }
}

#[test]
fn the_readme_s_first_command_names_files_that_are_there() {
    let readme = read("README.md");
    let rehearse =
        "cargo run --release -- rehearse examples/appointment-reminder.toml examples/contacts.ndjson";
    assert!(readme.contains(rehearse));
    for name in rehearse.split(' ').filter(|part| part.starts_with("examples/")) {
        assert!(workspace_root().join(name).is_file(), "{name}");
    }
    let binary = read("crates/volley/Cargo.toml");
    assert!(
        binary.contains("default-run = \"volley\""),
        "cargo run finds the binary"
    );
}

#[test]
fn the_document_on_octopush_has_every_code_as_it_is_told() {
    let document = fs::read_to_string(workspace_root().join("docs/octopush.md")).expect("the document");
    let told: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    let codes: Vec<String> = volley_provider::octopush::codes()
        .iter()
        .map(|code| {
            let (class, meaning, remedy) = (code.class.name(), code.meaning, code.remedy);
            format!(
                "| {} | `{}` | {class} | {meaning} | {remedy} |",
                code.number, code.name
            )
        })
        .collect();
    for (told, code) in told.iter().zip(&codes) {
        assert_eq!(told, code);
    }
    assert_eq!(told.len(), codes.len());
}

#[test]
fn the_table_of_octopush_s_pages_names_tests_that_are_there() {
    let document = read("docs/octopush.md");
    let (_, pages) = document.split_once("## Page by page").expect("the chapter");
    let (pages, _) = pages.split_once("\n## ").expect("a chapter behind it");
    let rows: Vec<&str> = pages
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let (ours, mocks) = row.rsplit_once("mock: ").unwrap_or((row, ""));
        let files = |text: &str, folder: &str| -> Vec<PathBuf> {
            text.split('`')
                .map(|name| match name {
                    "octopush_body.rs" => workspace_root()
                        .join("crates/volley-provider/tests/it")
                        .join(name),
                    name => workspace_root().join(folder).join(name),
                })
                .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
                .collect()
        };
        let named = [
            files(ours, "crates/volley/tests/it"),
            files(mocks, "mock-server/tests/it"),
        ]
        .concat();
        assert!(!named.is_empty(), "{row}");
        for file in named {
            assert!(file.is_file(), "{}: {row}", file.display());
        }
    }
}
