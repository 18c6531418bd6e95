//! What happens to the ledger between the runs: the operator's words, and prices.

use std::time::Duration;

use volley_ledger::BatchId;
use volley_model::BatchState;

use super::super::provider::Provider;
use super::Books;

/// What an operator may say of a doubt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Word {
    Sent,
    NotSent,
    Abandon,
}

impl Books {
    /// The operator's word on a doubt; a number that is said not to be reached may be reached once more.
    pub(crate) fn declare(&mut self, id: BatchId, word: Word, provider: &mut Provider) {
        let row = self.row(id);
        row.body = None;
        row.state = match word {
            Word::Sent => BatchState::DeclaredSent,
            Word::Abandon => BatchState::Abandoned,
            Word::NotSent => {
                for number in &row.numbers {
                    *provider.pardoned.entry(*number).or_default() += 1;
                }
                BatchState::DeclaredNotSent
            }
        };
    }

    /// The operator's word on all that listings lacked for so long, and who they are. No number is pardoned for it: that it
    /// was not sent has to be true.
    pub(crate) fn free_absent(&mut self, absent_for: Duration, provider: &Provider) {
        for doubt in self.doubts() {
            if doubt.state == BatchState::InDoubt && doubt.was_absent_for(absent_for) {
                self.hits.freed += 1;
                self.free(doubt.batch, provider);
            }
        }
    }

    /// It was not sent, and the operator is right.
    pub(crate) fn free(&mut self, id: BatchId, provider: &Provider) {
        let row = self.row(id);
        assert!(
            !provider.has_or_will(&row.key),
            "lookups: {} is freed as absent, and the provider has it",
            row.key
        );
        row.body = None;
        row.state = BatchState::DeclaredNotSent;
    }

    /// The prices of calls, as far as the provider tells them by now.
    pub(crate) fn price(&mut self, provider: &Provider) {
        for row in &mut self.rows {
            if row.state == BatchState::Accepted && row.cost.is_none() {
                row.cost = provider.orders[&row.key].cost;
                self.hits.priced += u64::from(row.cost.is_some());
            }
        }
        self.check_budget();
    }
}
