//! The links of the README and of `docs/`: each leads to a file that is there, and to a heading of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::documents;
use crate::support::workspace_root;

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    let mut pages = vec![];
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        pages.push(workspace_root().join(name));
    }
    for entry in fs::read_dir(documents()).expect("the folder") {
        pages.push(entry.expect("an entry").path());
    }
    let mut seen = 0;
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        for link in links(&text) {
            seen += 1;
            expect_target(&page, link);
        }
    }
    assert!(seen > 40, "{seen} links");
}

/// What stands in `](…)`, but for other hosts.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1);
    let links = links.filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
    links.filter(|link| !link.contains("://"))
}

#[track_caller]
fn expect_target(page: &Path, link: &str) {
    let shown = page.display();
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        page.parent().expect("a folder").join(PathBuf::from(file))
    };
    assert!(target.exists(), "{shown}: {link}");
    if !heading.is_empty() {
        let text = fs::read_to_string(&target).expect("a page");
        assert!(anchors(&text).any(|anchor| anchor == heading), "{shown}: {link}");
    }
}

/// Headings as they are linked to: in small letters, blanks as hyphens, without what is neither letter, digit nor hyphen.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let heading = line
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .replace(' ', "-");
        heading.replace(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'), "")
    })
}
