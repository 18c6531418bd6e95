//! Campaigns on lists, recorded by several at once.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use volley_ledger::{Ledger, Opening};

use super::list_campaigns::draft;
use super::server_stage;
use crate::stage::at;

#[test]
fn drafts_that_are_recorded_at_once_get_an_id_each() {
    const AT_ONCE: usize = 8;
    const EACH: usize = 5;
    let Some(stage) = server_stage() else { return };
    let ready = Barrier::new(AT_ONCE);
    let ids: BTreeSet<_> = thread::scope(|scope| {
        let record = |nth: usize| {
            let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
            ready.wait();
            let mut record = |draft_nth: usize| {
                let ticket = format!("list_{nth}_{draft_nth}");
                ledger.record_draft(&draft(&ticket)).unwrap().id
            };
            (0..EACH).map(&mut record).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|nth| scope.spawn(move || record(nth))).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), AT_ONCE * EACH);
    stage.sound();
}
