//! The queries of `docs/ledger.md` on the ledger of the guide's campaign: by SQLite as a library, by its shell, and by the Python that
//! analysts use.
//!
//! Both must say the same. What only the shell knows, exact decimals, is asked of it alone; where shell or Python
//! are missing, that is said, and the rest is checked.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::blocks::{Document, Fence};
use super::session::as_told;
use crate::skip::{self, Need};
use crate::support::Sandbox;

/// DuckDB's reader of SQLite, from its package: `INSTALL sqlite` would fetch it.
const INSTALL: &str = r#"
import duckdb, importlib.util, pathlib
spec = importlib.util.find_spec("duckdb_extension_sqlite_scanner")
scanner = next(pathlib.Path(spec.submodule_search_locations[0]).glob("extensions/*/*.duckdb_extension"))
duckdb.sql(f"INSTALL '{scanner}'")
"#;

/// Runs all of them.
pub(super) fn run(sandbox: &Sandbox, document: &mut Document) {
    let fences: Vec<Fence> = document.fences().cloned().collect();
    let shell = Need::Sqlite3.is_met();
    let python = Need::DataTools.is_met();
    for fence in fences {
        let output = match fence.info.as_str() {
            "sql" => queried(sandbox, &fence.body, shell),
            "python" if python => Some(asked(sandbox, &fence.body)),
            "sh" if shell => Some(by_shell(sandbox, &fence.body)),
            _ => None,
        };
        if let Some(output) = output {
            document.printed(fence.place, as_told(sandbox, &output));
        }
    }
}

/// What a query answers, in the columns of SQLite's shell; nothing where only a shell that is not there could tell.
fn queried(sandbox: &Sandbox, query: &str, shell: bool) -> Option<String> {
    let ours = (!query.contains("decimal_sum(")).then(|| in_columns(sandbox, query));
    if !shell {
        return ours;
    }
    let end = sandbox
        .program(
            "sqlite3",
            ["-readonly", "-bail", "-header", "-column", "volley.db", query],
        )
        .run();
    assert_eq!((end.code(), &*end.stderr), (0, ""), "{query}{end}");
    let shells = trimmed(&end.stdout);
    if let Some(ours) = ours {
        assert_eq!(ours, shells, "{query}");
    }
    Some(shells)
}

/// A line of the shell that reads the ledger.
fn by_shell(sandbox: &Sandbox, lines: &str) -> String {
    let end = sandbox.program("sh", ["-euc", lines]).run();
    assert_eq!((end.code(), &*end.stderr), (0, ""), "{lines}{end}");
    end.stdout
}

/// What a script in Python prints.
fn asked(sandbox: &Sandbox, script: &str) -> String {
    let script = format!("{INSTALL}{script}");
    let end = sandbox
        .program(skip::python(), ["-c", &script])
        .env("HOME", sandbox.path(""))
        .run();
    assert_eq!(end.code(), 0, "{script}{end}");
    end.stdout
}

/// A header, a rule, and a line for each row; a column is as wide as its widest cell.
fn in_columns(sandbox: &Sandbox, query: &str) -> String {
    let ledger = sandbox.path("volley.db");
    let ledger = Connection::open_with_flags(ledger, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("SQLite");
    let mut statement = ledger
        .prepare(query)
        .unwrap_or_else(|error| panic!("{error}: {query}"));
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut table = vec![names];
    let mut rows = statement.query([]).expect("a query");
    while let Some(row) = rows.next().expect("a row") {
        let columns = 0..table[0].len();
        table.push(
            columns
                .map(|column| shown(row.get_ref(column).expect("a cell")))
                .collect(),
        );
    }
    // The shell prints no header over nothing.
    if table.len() == 1 {
        return String::new();
    }
    let widths: Vec<usize> = (0..table[0].len())
        .map(|column| {
            let cells = table.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        })
        .collect();
    table.insert(1, widths.iter().map(|width| "-".repeat(*width)).collect());
    let line = |row: &Vec<String>| -> String {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    trimmed(&table.iter().map(line).collect::<String>())
}

fn shown(cell: ValueRef<'_>) -> String {
    match cell {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(_) => panic!("a query for people shows no bytes"),
    }
}

/// Without the blanks that fill up the last column.
fn trimmed(table: &str) -> String {
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}
