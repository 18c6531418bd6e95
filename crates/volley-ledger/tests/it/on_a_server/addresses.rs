//! What is said where no ledger can be used: what happened, where, and never a password.

use std::path::{Path, PathBuf};

use test_postgres::{is_there, shared};
use volley_ledger::{Ledger, LedgerError, Opening, Reader, verify};

use crate::stage::{Stage, at};

fn open(path: &Path) -> LedgerError {
    let error = Ledger::open(path, Opening::MustExist, at(0)).unwrap_err();
    assert!(!error.to_string().contains(":pw"), "{error}");
    assert!(!format!("{error:?}").contains(":pw"), "{error:?}");
    error
}

/// A database without a ledger; `None` where there is no server.
fn database() -> Option<Stage> {
    is_there().then(|| Stage::in_database(shared().database()))
}

/// The address with another password, port or database.
fn altered(stage: &Stage, what: &str, to: &str) -> PathBuf {
    let url = stage.path.to_str().unwrap().to_owned();
    assert!(url.contains(what), "{url}");
    url.replace(what, to).into()
}

#[test]
fn a_server_that_is_not_there_may_well_be_there_later() {
    let Some(stage) = database() else { return };
    let port = format!(
        ":{}/",
        stage
            .path
            .to_str()
            .unwrap()
            .rsplit_once(':')
            .unwrap()
            .1
            .split('/')
            .next()
            .unwrap()
    );
    let error = open(&altered(&stage, &port, ":1/"));
    assert!(
        matches!(error, LedgerError::Server { passing: true, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[test]
fn a_wrong_password_or_database_will_not_be_right_later() {
    let Some(stage) = database() else { return };
    let error = open(&altered(&stage, ":pw@", ":pw2@"));
    assert!(
        matches!(error, LedgerError::Server { passing: false, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("password authentication failed"),
        "{error}"
    );
    let error = open(&altered(&stage, "/test_", "/no_"));
    assert!(
        matches!(error, LedgerError::Server { passing: false, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[test]
fn a_database_without_a_ledger_is_told_and_gets_none_by_itself() {
    let Some(stage) = database() else { return };
    let error = open(&stage.path);
    assert!(matches!(error, LedgerError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("volley ledger init"), "{error}");
    let read = Reader::open(&stage.path).unwrap_err();
    assert!(matches!(read, LedgerError::Missing { .. }), "{read:?}");
    let checked = verify(&stage.path).unwrap_err();
    assert!(matches!(checked, LedgerError::Missing { .. }), "{checked:?}");
    Ledger::init(&stage.path, at(0)).unwrap();
    Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
    let twice = Ledger::init(&stage.path, at(0)).unwrap_err();
    assert!(matches!(twice, LedgerError::Exists { .. }), "{twice:?}");
}

#[test]
fn of_many_that_make_the_ledger_at_once_one_does_and_all_have_it() {
    let Some(stage) = database() else { return };
    let path = &stage.path;
    let made = std::thread::scope(|scope| {
        let open = || Ledger::open(path, Opening::MakeIfMissing, at(0)).unwrap().made();
        let opened = [(); 6].map(|()| scope.spawn(open));
        opened
            .map(|opened| u32::from(opened.join().unwrap()))
            .iter()
            .sum::<u32>()
    });
    assert_eq!(made, 1);
    stage.sound();
}

#[test]
fn a_newer_ledger_and_what_is_no_ledger_are_left_alone() {
    let Some(stage) = database() else { return };
    Ledger::init(&stage.path, at(0)).unwrap();
    stage.change("UPDATE ledger SET format = 99");
    let error = open(&stage.path);
    assert!(matches!(error, LedgerError::Newer { found: 99, .. }), "{error:?}");
    stage.change("DELETE FROM ledger");
    let error = open(&stage.path);
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
    let Some(stage) = database() else { return };
    stage
        .database()
        .psql("CREATE SCHEMA volley; CREATE TABLE volley.ball (x int)");
    for error in [
        open(&stage.path),
        Ledger::open(&stage.path, Opening::MakeIfMissing, at(0)).unwrap_err(),
        verify(&stage.path).unwrap_err(),
    ] {
        assert!(matches!(error, LedgerError::Foreign { .. }), "{error:?}");
    }
}
