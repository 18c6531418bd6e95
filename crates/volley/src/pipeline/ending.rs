//! The end of a run: the last lines booked, the ledger closed, the summary drawn.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use volley_intake::Finished;
use volley_ledger::{
    BatchId, Conclusion, Holding, Ledger, LedgerError, Opening, RunEnd, RunId, Writer, WriterThread,
};
use volley_model::{Currency, LineCounts, RequestKey};

use super::account::Account;
use super::dispatch::Dispatch;
use super::standing::Loaded;
use super::stop::{Stop, StopReason};
use crate::clock;
use crate::config::Campaign;
use crate::exit::Exit;
use crate::plan::over_long;
use crate::print;
use crate::summary::{Batches, Cost, Lines, Requests, SCHEMA, Settled, Summary, counted, counted_as};

/// What is known at the end, besides the dispatcher's account.
pub(super) struct Ending<'a> {
    pub(super) campaign: &'a Campaign,
    pub(super) loaded: Loaded,
    /// The intake's account; `None` if its thread panicked.
    pub(super) finished: Option<&'a Finished>,
    pub(super) ledger: &'a Path,
    /// Whether others may send the campaign at the same time.
    pub(super) is_shared: bool,
    pub(super) run: RunId,
    pub(super) fail_on_invalid: bool,
    pub(super) begun: Instant,
}

/// What others have to do with a run's account.
struct Others {
    /// Lines of numbers that were in another's doubt, and were sent.
    lines_settled: u64,
    /// Lines of numbers that another held, and gave back unsent.
    lines_freed: u64,
    /// Lines of numbers that another held, and that were refused.
    lines_refused: u64,
    /// The campaign's, at the end.
    batches_in_doubt: u64,
}

impl Ending<'_> {
    /// Books what is left, closes the ledger, and tells.
    pub(super) async fn close<W, C>(
        &self,
        dispatch: Dispatch<W, Writer, C>,
        thread: WriterThread,
    ) -> Summary {
        let Dispatch {
            stop,
            journal: writer,
            account,
            booked,
            unrecorded,
            credit,
            company,
            ..
        } = dispatch;
        let account = account.into_inner();
        let booked = booked.into_inner();
        let totals = self.finished.map_or(booked, |finished| finished.totals);
        let others = self.look_at_others(&writer, &account, &stop).await;
        let lines = Self::lines(&totals, &account, &others);
        let exit = self.exit(&lines, &account, &others, &stop.reasons());
        let end = RunEnd {
            outcome: exit.outcome(lines.pending).to_owned(),
            reason: self.sentence(&stop.reasons(), exit, &account),
            exit_code: exit.code(),
            lines_settled: others.lines_settled,
            lines_freed: others.lines_freed,
            lines_refused: others.lines_refused,
            at: clock::now(),
        };
        let ended = end_run(writer, totals - booked, end).await;
        // Joined whatever became of it: the thread holds the lock that late outcomes need.
        if let Err(error) = ended.and(thread.join()) {
            stop.note(error.into());
        }
        drop(company);
        self.record_late(unrecorded.into_inner());
        let reasons = stop.reasons();
        let exit = self.exit(&lines, &account, &others, &reasons);
        let reason = self.sentence(&reasons, exit, &account);
        tracing::info!(
            outcome = exit.outcome(lines.pending),
            exit_code = exit.code(),
            read = lines.read,
            accepted = lines.accepted,
            in_doubt = lines.in_doubt,
            pending = lines.pending,
            reason,
            "the run ends"
        );
        Summary {
            residual_credit: credit.left().map(|left| left.to_string()),
            ..self.summary(&account, &others, lines, exit, reason)
        }
    }

    /// Outcomes that came after the ledger had failed: once more, over a fresh connection, for the disk may be back;
    /// else to stderr, so that no ticket is lost with the process.
    fn record_late(&self, late: Vec<(RequestKey, Conclusion)>) {
        if late.is_empty() {
            return;
        }
        if self.is_shared {
            // A run that was taken for dead writes nothing more, and a server that came back was written to.
            for (key, conclusion) in late {
                print::unrecorded(&key, &conclusion.outcome);
            }
            return;
        }
        let taken = Ledger::open(self.ledger, Opening::MustExist, clock::now())
            .and_then(|mut ledger| ledger.record_late(self.run, late.clone()));
        for (key, conclusion) in taken.unwrap_or(late) {
            print::unrecorded(&key, &conclusion.outcome);
        }
    }

    /// What became of numbers that other runs held. In a file those are runs of before, and this run knows by itself.
    async fn look_at_others(&self, writer: &Writer, account: &Account, stop: &Stop) -> Others {
        let mut others = Others {
            lines_settled: self.lines_settled(account),
            lines_freed: 0,
            lines_refused: 0,
            batches_in_doubt: self.loaded.batches_in_doubt + account.doubts_taken_up
                - account.settled.len() as u64
                + account.batches_in_doubt,
        };
        if !self.is_shared {
            return others;
        }
        let held = self.finished.map_or(&[][..], |finished| &finished.held);
        let outlook = match writer.look(held.to_vec()).await {
            Ok(outlook) => outlook,
            Err(error) => {
                stop.note(error.into());
                return others;
            }
        };
        let count = |wanted: fn(Holding) -> bool| {
            let found = outlook.held.iter().filter(|held| wanted(held.holding));
            found.count() as u64
        };
        others.lines_settled = count(|holding| holding == Holding::Reached);
        others.lines_refused = count(|holding| holding == Holding::Refused);
        others.lines_freed = held.len().saturating_sub(outlook.held.len()) as u64;
        others.batches_in_doubt = outlook.in_doubt;
        others
    }

    /// This run's lines whose numbers were in an earlier run's doubt that this run has settled.
    fn lines_settled(&self, account: &Account) -> u64 {
        let doubt_lines = self.finished.map(|finished| &finished.doubt_lines);
        let of_batch = |id: &BatchId| doubt_lines?.get(&id.0.unsigned_abs()).copied();
        account.settled.iter().filter_map(of_batch).sum()
    }

    /// What happened to every line. A line that was planned and never landed is pending; one whose number was in an
    /// earlier run's doubt that this run has settled was sent already.
    fn lines(totals: &LineCounts, account: &Account, others: &Others) -> Lines {
        let settled = others.lines_settled;
        let landed = account.accepted + account.refused + account.in_doubt;
        Lines {
            read: totals.read(),
            accepted: account.accepted,
            invalid: totals.invalid,
            duplicate: totals.duplicate,
            suppressed: totals.suppressed,
            already_sent: totals.already_sent + settled,
            refused: totals.refused + account.refused + others.lines_refused,
            in_doubt: totals.in_doubt - settled - others.lines_freed - others.lines_refused
                + account.in_doubt,
            pending: totals.planned - landed + others.lines_freed,
        }
    }

    fn exit(&self, lines: &Lines, account: &Account, others: &Others, reasons: &[StopReason]) -> Exit {
        let all_invalid = lines.read > 0 && lines.invalid == lines.read;
        let refused = account.refused > 0 || all_invalid || (self.fail_on_invalid && lines.invalid > 0);
        let doubts = others.batches_in_doubt > 0 || (self.is_shared && lines.in_doubt > 0);
        reasons
            .iter()
            .map(StopReason::exit)
            .chain(refused.then_some(Exit::Refused))
            .chain(doubts.then_some(Exit::Doubtful))
            .chain((others.lines_freed > 0).then_some(Exit::Locked))
            .fold(Exit::Complete, Exit::or)
    }

    /// The sentence of the reason that decided the exit; else of the first.
    fn sentence(&self, reasons: &[StopReason], exit: Exit, account: &Account) -> Option<String> {
        let decisive = reasons.iter().find(|reason| reason.exit() == exit);
        let Some(decisive) = decisive.or(reasons.first()) else {
            return self.of_lines(exit, account);
        };
        let mut sentence = decisive.sentence();
        // What was in flight has ended by now: only here it is known whether the old text has reached anybody.
        let reached = account.accepted > 0 && !self.campaign.content.is_simulated();
        if *decisive == StopReason::StopMention && reached {
            let others = counted(account.accepted, "other recipient");
            let _ = write!(
                sentence,
                "; {others} got the text as it is in this run, so that a new one needs --accept-changes"
            );
        }
        Some(sentence)
    }

    /// Why a run that nothing has stopped is no success: for the lines of its inputs.
    fn of_lines(&self, exit: Exit, account: &Account) -> Option<String> {
        let invalid = self.finished.map_or(0, |finished| finished.totals.invalid);
        let what = match exit {
            Exit::Refused if account.refused > 0 => {
                format!("the provider refuses {}", counted(account.refused, "recipient"))
            }
            Exit::Refused if self.fail_on_invalid => format!(
                "{} invalid, and --fail-on-invalid wants none",
                counted_as(invalid, "line is", "lines are")
            ),
            Exit::Refused => "every line is invalid".to_owned(),
            Exit::Locked => {
                return Some(
                    "other runs of this campaign held numbers of this input, and gave them back unsent; run it again".to_owned(),
                );
            }
            _ => return None,
        };
        Some(format!("{what}; --rejects FILE writes each with its reason"))
    }

    fn summary(
        &self,
        account: &Account,
        others: &Others,
        lines: Lines,
        exit: Exit,
        reason: Option<String>,
    ) -> Summary {
        let seconds = self.begun.elapsed().as_secs_f64();
        let simulated = self.campaign.content.is_simulated();
        let failed = exit.outcome(lines.pending) == "failed";
        #[expect(clippy::cast_precision_loss, reason = "a speed for a display")]
        let recipients_per_second = if seconds > 0.0 {
            account.accepted as f64 / seconds
        } else {
            0.0
        };
        Summary {
            schema: SCHEMA,
            campaign: self.campaign.name.clone(),
            provider: self.campaign.content.provider().name(),
            outcome: exit.outcome(lines.pending),
            exit_code: exit,
            error: reason.clone().filter(|_| failed),
            reason,
            simulated,
            lines,
            over_long: self.finished.map_or(0, |finished| over_long(&finished.tally)),
            rejected: self.finished.map(rejected).unwrap_or_default(),
            batches: Batches {
                accepted: account.batches_accepted,
                refused: account.batches_refused,
                in_doubt: others.batches_in_doubt,
            },
            settled: Settled {
                batches: account.settled.len() as u64,
                recipients: account.settled_recipients,
            },
            tickets: account.tickets,
            contacts: account.contacts,
            dropped: account.dropped,
            cost: cost(account, simulated, self.campaign.currency),
            residual_credit: None,
            requests: Requests {
                sent: account.requests_sent,
                retried: account.requests_retried,
                throttled: account.requests_throttled,
            },
            limited_by: account.waits.limited_by(),
            seconds: (seconds * 1000.0).round() / 1000.0,
            recipients_per_second: (recipients_per_second * 10.0).round() / 10.0,
        }
    }
}

/// Invalid lines by reason.
pub(crate) fn rejected(finished: &Finished) -> BTreeMap<&'static str, u64> {
    let invalid = finished
        .by_reason
        .iter()
        .filter(|(reason, _)| reason.is_invalid());
    invalid.map(|(reason, count)| (reason.name(), count)).collect()
}

/// The cost is unknown where something was sent, or may have been, and nothing of it has a price.
fn cost(account: &Account, simulated: bool, currency: Currency) -> Cost {
    let priced = account.batches_accepted > account.batches_unpriced
        || account.cost_estimated > volley_model::Amount::ZERO;
    let nothing_sent = account.batches_accepted == 0 && account.batches_in_doubt == 0;
    if simulated || !(priced || nothing_sent) {
        return Cost::unknown(account.batches_unpriced);
    }
    Cost::known(
        account.cost(),
        account.cost_estimated,
        currency,
        account.batches_unpriced,
    )
}

async fn end_run(writer: Writer, rest: LineCounts, end: RunEnd) -> Result<(), LedgerError> {
    if rest.read() > 0 {
        writer.book_lines(rest).await?;
    }
    writer.end_run(end).await
}
