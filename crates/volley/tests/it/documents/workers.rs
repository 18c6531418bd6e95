//! `docs/workers.md`: its server is a PostgreSQL of the test that asks for TLS, at an address of loopback.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use test_postgres::{Database, Server};

use super::blocks::Document;
use super::session;
use crate::support::Sandbox;
use crate::transport::authority::Authority;

const HOST: &str = "127.0.0.1";

#[test]
fn many_workers_are_as_they_are_told() {
    if !test_postgres::is_there() {
        return;
    }
    let authority = Authority::new();
    let identity = authority.server(HOST, 4_000);
    let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).expect("PEM is text");
    let server = Server::start_tls(&text(&identity.certificates_pem), &text(&identity.key_pem));
    let database = server.database();
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("etc")).expect("a folder");
    sandbox.write("etc/ledger-ca.pem", authority.pem());
    let password = sandbox.write("etc/ledger-password", format!("{HOST}:*:*:volley:pw\n"));
    // psql takes no file that others could read.
    fs::set_permissions(password, fs::Permissions::from_mode(0o600)).expect("a file of our own");
    let there = place(&database, &server);
    let etc = format!("{}/", sandbox.path("etc").display());
    let mut document = Document::read("workers.md");
    let places = [
        ("db.example.org:5432/volley", there.as_str()),
        ("/etc/volley/", etc.as_str()),
    ];
    session::run_at(&sandbox, &mut document, &places);
    document.check();
    let seen = sandbox.mock().stats().together;
    assert_eq!((seen.distinct_recipients, seen.max_per_recipient), (400, 1));
    // The command lines speak of one more: a run over the whole input, which sent nothing.
    assert_eq!(seen.requests, 4);
    ask_the_ledger_s_queries(&database);
}

/// `docs/ledger.md` says that its queries run on a server as they stand.
fn ask_the_ledger_s_queries(database: &Database) {
    let document = Document::read("ledger.md");
    let mut refused = Vec::new();
    assert!(document.bodies("sql").count() > 10);
    for query in document.bodies("sql") {
        let asked = database.try_psql(&format!("SET search_path = volley; {query}"));
        if let Err(error) = asked {
            refused.push(format!("{query}{error}"));
        }
    }
    assert!(refused.is_empty(), "{}", refused.concat());
}

/// The database, as it stands in its URL.
fn place(database: &Database, server: &Server) -> String {
    format!("{HOST}:{}/{}", server.port(), database.name())
}
