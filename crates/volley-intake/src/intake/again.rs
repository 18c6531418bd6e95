//! Batches that come back, since other runs of the campaign hold some of their numbers: taken apart, and counted again.
//!
//! A line moves from `planned` to what somebody else made of its number, in the totals and in the batch that takes the rest.
//! Not here: what was met. The number came in this run's inputs, whoever holds it.

use std::collections::HashMap;

use volley_model::{LineCounts, Msisdn, Part, Reason};

use super::IntakeError;
use super::desk::{Desk, Outcome, Rejecting, outcome_of};
use crate::{Progress, Returned, Standing};

impl Desk {
    /// Takes a batch apart: whoever stays goes into the open batch, which is cut as often as it becomes full.
    ///
    /// Should a rejection not be written, the account is right all the same, and the rejections behind it are lacking.
    pub(super) fn take_back(&mut self, returned: Returned, progress: &Progress) -> Result<(), IntakeError> {
        let Returned {
            members,
            body,
            parts,
            lines,
            held,
        } = returned;
        assert_eq!(
            members.len(),
            parts.len(),
            "a batch comes back only where its parts are kept"
        );
        let body = (*body).as_ref();
        let held: HashMap<Msisdn, Standing> = held.into_iter().collect();
        // Its other lines go with the batch that is cut next; a planned one goes with its recipient's.
        *self.batcher.lines() += LineCounts { planned: 0, ..lines };
        let mut written = Ok(());
        for (number, part) in members.into_iter().zip(&parts) {
            let standing = held.get(&number).copied().unwrap_or(Standing::Free);
            let outcome = outcome_of(standing);
            *outcome.count_in(self.batcher.lines()) += 1;
            if let Outcome::Planned = outcome {
                self.batcher.push_again(number, part, body);
                if self.batcher.is_full() {
                    self.batcher.cut();
                }
                continue;
            }
            self.totals.planned -= 1;
            *outcome.count_in(&mut self.totals) += 1;
            self.batcher.drop_again(part);
            self.note_why(outcome);
            if let Outcome::InDoubt(batch) = outcome {
                progress.publish_doubtful(batch);
                self.held.push(number);
            }
            written = written.and_then(|()| self.reject_held(number, part, outcome));
        }
        self.publish(progress);
        written
    }

    fn reject_held(&mut self, number: Msisdn, part: &Part, outcome: Outcome) -> Result<(), IntakeError> {
        let Outcome::Rejected(reason) = outcome else {
            return Ok(());
        };
        let input = usize::try_from(part.place.input).ok();
        let mut rejection = Rejecting {
            rejects: &mut self.rejects,
            number: part.place.line,
            input: input.and_then(|nth| self.inputs.get(nth)).map_or("", |name| name),
        };
        let value = number.e164();
        rejection
            .of(reason, value.as_bytes(), || by_another_run(reason).to_owned())
            .map(|_| ())
            .map_err(|source| IntakeError::Rejects { source })
    }
}

/// What a line says whose number another run holds.
fn by_another_run(reason: Reason) -> &'static str {
    match reason {
        Reason::AlreadySent => "reached by another run",
        _ => "refused by the provider in another run",
    }
}
