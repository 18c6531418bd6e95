//! The report's page in a real browser: no errors, nothing fetched, readable at a phone's width, and searched by its script.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::skip::Need;
use crate::support::{Sandbox, number};

/// Put into a copy of the page: does what a reader does, and leaves what is seen in the page's title.
const VISIT: &str = r#"<script>
{
  const visible = (table) => [...table.querySelectorAll("tbody tr")].filter((row) => row.getClientRects().length).length;
  const search = document.querySelector("input[data-search]");
  const table = search.closest(".search").nextElementSibling;
  const before = visible(table);
  search.value = table.querySelector("tbody tr").textContent.slice(0, 12);
  search.dispatchEvent(new Event("input"));
  const root = document.documentElement;
  document.title = JSON.stringify({
    before, after: visible(table), told: search.closest(".search").querySelector("output").textContent,
    fits: root.scrollWidth <= root.clientWidth, width: root.clientWidth,
    dark: getComputedStyle(document.body).backgroundColor,
    unlabelled: [...document.querySelectorAll("input")].filter((input) => !input.labels.length).length,
    headings: [...document.querySelectorAll("h1, h2, h3")].map((heading) => heading.tagName).join(" "),
    unsaid: [...document.querySelectorAll("svg")].filter((svg) => !svg.getAttribute("aria-label")).length,
    captions: document.querySelectorAll("caption").length === document.querySelectorAll("table").length,
  });
}
</script>"#;

/// Opens a page; what its title says then, and what the browser complained of.
fn visit(page: &Path, folder: &Path, flags: &[&str]) -> (Value, String) {
    let end = Command::new("chromium")
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
            "--enable-logging=stderr",
        ])
        // Whatever it would fetch cannot be found.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(flags)
        .arg(format!("file://{}", page.display()))
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .expect("chromium");
    let dom = String::from_utf8_lossy(&end.stdout).into_owned();
    let title = dom
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"));
    let (title, _) = title.unwrap_or_else(|| panic!("{dom}\n{}", String::from_utf8_lossy(&end.stderr)));
    let told = serde_json::from_str(title).unwrap_or_else(|error| panic!("{error}: {title}"));
    let complaints = String::from_utf8_lossy(&end.stderr);
    let complaints = complaints.lines().filter(|line| line.contains("CONSOLE"));
    (told, complaints.collect::<Vec<_>>().join("\n"))
}

/// A ledger with tickets, a refusal in the provider's words, and a doubt.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.prepare(300, 20);
    sandbox.faults(
        r#"{"rules":[{"at":"after_read","do":"status","status":400,"path":"send","times":1,
            "body":"{\"code\":100,\"message\":\"<script>alert(1)</script> +33600000060\"}"}]}"#,
    );
    sandbox.send(&["contacts.ndjson"]).run().expect(5);
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_commit","do":"status","status":500,"path":"send","number":"{}"}}]}}"#,
        number(285)
    ));
    sandbox.send(&["contacts.ndjson"]).run().expect(6);
    sandbox
}

#[test]
fn a_reader_of_any_kind_can_read_the_page() {
    if !Need::Chromium.is_met() {
        return;
    }
    let sandbox = sandbox();
    let end = sandbox
        .volley(["report", "spring", "--html", "report.html"])
        .run();
    assert_eq!(end.code(), 0, "{end}");
    let page = sandbox.read("report.html");
    let copy = sandbox.write(
        "visited.html",
        page.replace("</body>", &format!("{VISIT}</body>")),
    );
    let folder = sandbox.path("");
    let phone = ["--window-size=500,900"];
    let dark = [
        "--window-size=1200,900",
        "--blink-settings=preferredColorScheme=0",
    ];
    let light = [
        "--window-size=1200,900",
        "--blink-settings=preferredColorScheme=1",
    ];
    let mut backs = Vec::new();
    for flags in [&phone[..], &dark, &light] {
        let (told, complaints) = visit(&copy, &folder, flags);
        assert_eq!(complaints, "", "{flags:?}");
        assert_eq!(told["fits"], true, "{flags:?}: {told}");
        assert_eq!(
            (&told["unlabelled"], &told["unsaid"], &told["captions"]),
            (&json!(0), &json!(0), &json!(true))
        );
        assert!(told["before"].as_u64() > told["after"].as_u64(), "{told}");
        assert!(told["told"].as_str().expect("text").ends_with("rows"), "{told}");
        assert!(
            told["headings"].as_str().expect("text").starts_with("H1 H2 H3"),
            "{told}"
        );
        backs.push(told["dark"].clone());
    }
    assert_eq!(
        backs[1..],
        [json!("rgb(13, 17, 23)"), json!("rgb(255, 255, 255)")]
    );
}

#[test]
fn the_page_holds_no_number_and_nothing_of_anybody_elses_making_but_text() {
    let sandbox = sandbox();
    let end = sandbox.volley(["report", "--html", "report.html"]).run();
    assert_eq!(end.code(), 0, "{end}");
    let page = sandbox.read("report.html");
    assert!(!page.contains("+336") && !page.contains("336000000"), "a number");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "the reason, as text"
    );
    assert_eq!(page.matches("<script>").count(), 1);
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Never over the ledger, nor half of one.
    sandbox.volley(["report", "--html", "volley.db"]).run().expect(2);
    sandbox
        .volley(["report", "--html", "missing/report.html"])
        .run()
        .expect(3);
}
