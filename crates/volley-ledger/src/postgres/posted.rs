//! Statements that were sent and not waited for: a transaction is as many ways to the server and back as there are answers that
//! it must have before it can go on, and not one for each of its rows.
//!
//! ```text
//!  post ─► post ─► post ─► ask ══ one way ══► the server does them in their order ══► answers, in theirs
//! ```
//! Whoever waits for an answer waits for those before it, too, and is told of the first that failed. What is posted behind one that
//! failed is not done either: PostgreSQL sees to that within a transaction, up to its ROLLBACK; so does the session, whose COMMIT
//! would otherwise be answered like any other.
//! Bounds: those of one transaction; an answer is a few bytes.
//! Source: PostgreSQL 15's manual, "Frontend/Backend Protocol", "Pipelining".

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Error;

/// How many rows a statement changed, once that is known.
type Answer = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + Send>>;

/// What a statement must have done, besides without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    None,
    /// It changed one row. The server knows nothing of it: it must be seen before COMMIT is sent.
    OneRow,
}

/// See the module.
#[derive(Default)]
pub(super) struct Posted {
    waiting: RefCell<Vec<(Answer, Demand)>>,
    /// One failed, and its transaction is not over.
    has_failed: Cell<bool>,
}

impl Posted {
    /// Sends a statement: the first poll of its future does.
    pub(super) fn add(
        &self,
        answer: impl Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'static,
        demand: Demand,
    ) -> Result<(), Error> {
        let mut answer: Answer = Box::pin(answer);
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        match answer.as_mut().poll(&mut nobody) {
            Poll::Pending => self.waiting.borrow_mut().push((answer, demand)),
            // The connection is gone, or a value does not fit.
            Poll::Ready(Err(error)) => return Err(self.failed(error.into())),
            Poll::Ready(Ok(_)) => {}
        }
        Ok(())
    }

    /// What was sent so far, to be waited for.
    pub(super) fn take(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let waiting = self.waiting.take();
        async move {
            for (answer, demand) in waiting {
                let rows = answer.await?;
                if demand == Demand::OneRow && rows != 1 {
                    return Err(Error::NotOneRow);
                }
            }
            Ok(())
        }
    }

    /// Whether COMMIT must wait.
    pub(super) fn demands(&self) -> bool {
        self.waiting
            .borrow()
            .iter()
            .any(|(_, demand)| *demand == Demand::OneRow)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.get()
    }

    pub(super) fn failed(&self, error: Error) -> Error {
        self.has_failed.set(true);
        error
    }

    /// The transaction is given up.
    pub(super) fn forget(&self) {
        self.waiting.take();
        self.has_failed.set(false);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Address, Patience, Session, Use};
    use super::*;

    /// A session with a database that has a table `number`, without 7.
    fn session(database: &test_postgres::Database) -> Session {
        database
            .psql("CREATE SCHEMA volley; CREATE TABLE volley.number (n bigint PRIMARY KEY CHECK (n <> 7))");
        let address = Address::parse(Path::new(&database.url())).unwrap();
        Session::connect(&address, Use::Write, Patience::endless()).unwrap()
    }

    fn begin(session: &Session) {
        session.prepare("BEGIN").unwrap().post(&[]).unwrap();
    }

    fn insert(session: &Session, n: i64) {
        let mut insert = session.prepare("INSERT INTO number VALUES (?1)").unwrap();
        insert.post(&[&n]).unwrap();
    }

    fn numbers(database: &test_postgres::Database) -> String {
        database.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM volley.number")
    }

    fn check(run: impl FnOnce(&Session, &test_postgres::Database)) {
        if test_postgres::is_there() {
            let database = test_postgres::shared().database();
            run(&session(&database), &database);
        }
    }

    #[test]
    fn what_was_posted_is_there_for_whoever_asks_behind_it_and_durable_with_the_commit() {
        check(|session, database| {
            begin(session);
            insert(session, 1);
            insert(session, 2);
            assert_eq!(session.column("SELECT count(*) FROM number", &[]).unwrap(), [2]);
            insert(session, 3);
            session.commit().unwrap();
            assert_eq!(numbers(database), "1 2 3");
        });
    }

    #[test]
    fn of_one_that_fails_whoever_waits_next_is_told_and_nothing_is_committed() {
        check(|session, database| {
            for ask in [
                |session: &Session| session.column("SELECT 1", &[]).map(drop),
                Session::settle,
                Session::commit,
            ] {
                begin(session);
                insert(session, 1);
                insert(session, 7);
                insert(session, 2);
                let told = ask(session).unwrap_err();
                assert!(told.is_of_constraint("number_n_check"), "{told}");
                // PostgreSQL answers a COMMIT here like any other.
                assert!(matches!(session.commit(), Err(Error::HasFailed)));
                let mut more = session.prepare("INSERT INTO number VALUES (?1)");
                assert!(more.as_mut().map_or(true, |more| more.post(&[&3]).is_err()));
                session.roll_back().unwrap();
                assert_eq!(numbers(database), "");
            }
            begin(session);
            insert(session, 4);
            session.commit().unwrap();
            assert_eq!(numbers(database), "4");
        });
    }

    #[test]
    fn one_that_must_change_one_row_and_does_not_keeps_the_rest_from_being_committed() {
        check(|session, database| {
            begin(session);
            insert(session, 1);
            let mut update = session
                .prepare("UPDATE number SET n = n + 10 WHERE n = ?1")
                .unwrap();
            update.post_for_one(&[&1]).unwrap();
            session.commit().unwrap();
            begin(session);
            update.post_for_one(&[&1]).unwrap();
            insert(session, 2);
            let told = session.commit().unwrap_err();
            assert!(told.is_not_one_row(), "{told}");
            session.roll_back().unwrap();
            assert_eq!(numbers(database), "11");
        });
    }
}
