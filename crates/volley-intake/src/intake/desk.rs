//! Where lines are judged: a few are read ahead, then each is judged in its turn.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use volley_model::{BodyEncoder, LineCounts, Msisdn, Place, Reason};

use super::examine::Examiner;
use super::{Finished, IntakeError, Named, ReadEnd, Rest, TooManyInvalid};
use crate::batcher::{Batcher, Sink};
use crate::lines::{LINE_BYTES_MAX, Line, LineBuffer};
use crate::numbers::FETCHED_MAX;
use crate::record::{Record, RecordReader};
use crate::{
    IntakeConfig, InvalidLimit, Normalizer, NumberBook, NumberRule, Progress, ReasonCounts, Rejection,
    Rejects, Standing,
};

/// Lines read before the first of them is judged: enough that the waiting for the memory overlaps, few enough that they
/// are still in the processor's first cache when they are judged.
const LINES_AHEAD: usize = FETCHED_MAX;

/// Where lines are judged.
pub(super) struct Desk {
    config: IntakeConfig,
    records: RecordReader,
    examiner: Examiner,
    book: NumberBook,
    pub(super) rejects: Rejects,
    pub(super) batcher: Batcher,
    /// What the inputs so far are called.
    pub(super) inputs: Vec<Arc<str>>,
    pub(super) totals: LineCounts,
    /// Lines read: the sum of `totals`.
    read: u64,
    pub(super) by_reason: ReasonCounts,
    pub(super) doubt_lines: HashMap<u64, u64>,
    /// The numbers of those lines whose batch another run has, which goes on.
    pub(super) held: Vec<Msisdn>,
    /// Set once the reading has ended early; batches not given out then never are.
    ended: Option<ReadEnd>,
}

/// What a glance at a line tells, before it is judged.
struct Glance<'block> {
    /// Whether the record is the line's; else a glance does not tell it.
    is_told: bool,
    record: Record<'block>,
    /// Where it can be told at once.
    number: Option<Msisdn>,
}

impl Glance<'_> {
    const NONE: Self = Self {
        is_told: false,
        record: Record::EMPTY,
        number: None,
    };
}

/// What became of a line.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Planned,
    InDoubt(u64),
    Rejected(Reason),
}

impl Desk {
    pub(super) fn new(
        config: IntakeConfig,
        encoder: Box<dyn BodyEncoder>,
        book: NumberBook,
        rejects: Rejects,
    ) -> Self {
        let normalizer = Normalizer::new(
            config.default_region,
            config.numbers,
            config.allowed_countries.clone(),
        );
        Self {
            records: RecordReader::new(),
            examiner: Examiner::new(normalizer, config.required),
            batcher: Batcher::new(encoder, &config),
            config,
            book,
            rejects,
            inputs: Vec::new(),
            totals: LineCounts::default(),
            read: 0,
            by_reason: ReasonCounts::default(),
            doubt_lines: HashMap::new(),
            held: Vec::new(),
            ended: None,
        }
    }

    /// Takes note of an input's name.
    pub(super) fn begin_input(&mut self, name: &str) -> Arc<str> {
        let name = Arc::from(name);
        self.inputs.push(Arc::clone(&name));
        name
    }

    /// Takes all lines that the buffer holds whole, a few at a time.
    pub(super) fn take_lines(
        &mut self,
        buffer: &mut LineBuffer,
        input: Named<'_>,
        sink: Sink<'_>,
        progress: &Progress,
    ) -> Result<ControlFlow<ReadEnd>, IntakeError> {
        loop {
            let number = buffer.number();
            let lines = buffer.next_lines(LINES_AHEAD);
            if lines.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            let mut seen = [const { Glance::NONE }; LINES_AHEAD];
            self.look_ahead(&lines, &mut seen);
            for ((number, line), glance) in (number + 1..).zip(lines).zip(&seen) {
                if is_blank(line) {
                    continue;
                }
                if let Some(end) = self.ended.or_else(|| self.end_before_line()) {
                    self.ended = Some(end);
                    return Ok(ControlFlow::Break(end));
                }
                let outcome = self
                    .judge(number, input, line, glance)
                    .map_err(|source| IntakeError::Rejects { source })?;
                self.count(&outcome);
                if let Outcome::InDoubt(batch) = outcome {
                    progress.publish_doubtful(batch);
                }
                if let Some(end) = self.after_line(&outcome, sink, progress)? {
                    self.ended = Some(end);
                    return Ok(ControlFlow::Break(end));
                }
            }
        }
    }

    /// Reads what can be read without judging: records of the common shape, and their numbers. What is known of those is
    /// then fetched for all at once: one after another, each would wait for the memory.
    fn look_ahead<'block>(&mut self, lines: &[Line<'block>], seen: &mut [Glance<'block>; LINES_AHEAD]) {
        let names = &self.config.names;
        for (line, glance) in lines.iter().zip(&mut *seen) {
            if let Line::Text(line) = line {
                glance.is_told = self.records.glance(*line, names, &mut glance.record).is_some();
            }
            if glance.is_told {
                glance.number = self.examiner.number_at_a_glance(&glance.record);
            }
        }
        self.book.fetch(seen.iter().filter_map(|glance| glance.number));
    }

    /// Shows all lines so far.
    pub(super) fn publish(&self, progress: &Progress) {
        progress.publish(&self.totals, &self.by_reason);
    }

    pub(super) fn flush_rejects(&mut self) -> Result<(), IntakeError> {
        self.rejects
            .flush()
            .map_err(|source| IntakeError::Rejects { source })
    }

    fn end_before_line(&self) -> Option<ReadEnd> {
        let most = self.config.recipients_max?;
        (self.totals.planned >= most).then_some(ReadEnd::RecipientsMax)
    }

    /// What becomes of a line; if it is planned, it is in the open batch then.
    fn judge(
        &mut self,
        number: u64,
        input: Named<'_>,
        line: Line<'_>,
        glance: &Glance<'_>,
    ) -> io::Result<Outcome> {
        let names = &self.config.names;
        let mut rejection = Rejecting {
            rejects: &mut self.rejects,
            number,
            input: input.name,
        };
        let line = match line {
            Line::Text(line) => line.as_str().as_bytes(),
            Line::Bytes(line) => line,
            Line::TooLong(head) => {
                return rejection.of(Reason::LineTooLong, head, || {
                    format!("longer than {LINE_BYTES_MAX} bytes")
                });
            }
        };
        let thorough;
        let record = if glance.is_told {
            &glance.record
        } else {
            thorough = match self.records.read(line, names) {
                Ok(record) => record,
                Err(fault) => return rejection.of(fault.reason(), line, || fault.detail(names)),
            };
            &thorough
        };
        let unescaped;
        let texts = if let Some(texts) = record.texts() {
            texts
        } else {
            unescaped = record.unescaped_texts();
            &unescaped
        };
        let recipient = match self.examiner.examine(record, texts, glance.number) {
            Ok(recipient) => recipient,
            Err(fault) => {
                let value = fault.value().map_or(line, str::as_bytes);
                return rejection.of(fault.reason(), value, || fault.detail(names));
            }
        };
        let reason = match outcome_of(standing(&mut self.book, recipient.number, self.config.numbers)) {
            Outcome::Planned => {
                let place = Place {
                    input: input.nth,
                    line: number,
                };
                self.batcher.push(&recipient, place);
                return Ok(Outcome::Planned);
            }
            Outcome::InDoubt(batch) => return Ok(Outcome::InDoubt(batch)),
            Outcome::Rejected(reason) => reason,
        };
        rejection.of(reason, texts[0].as_str().as_bytes(), || {
            skipped(reason).to_owned()
        })
    }

    fn count(&mut self, outcome: &Outcome) {
        self.read += 1;
        for counts in [&mut self.totals, self.batcher.lines()] {
            *outcome.count_in(counts) += 1;
        }
        self.note_why(*outcome);
    }

    /// Counts why a line is not sent to, if it is not.
    pub(super) fn note_why(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Planned => {}
            Outcome::InDoubt(batch) => *self.doubt_lines.entry(batch).or_default() += 1,
            Outcome::Rejected(reason) => self.by_reason.add(reason),
        }
    }

    /// Cuts and gives out what is due, and says whether the reading ends here.
    fn after_line(
        &mut self,
        outcome: &Outcome,
        sink: Sink<'_>,
        progress: &Progress,
    ) -> Result<Option<ReadEnd>, IntakeError> {
        if self.batcher.is_full() {
            self.batcher.cut();
            // Before the sink, which may hold the reading up for as long as the provider takes.
            self.publish(progress);
            while let Some(returned) = sink.returned() {
                self.take_back(returned, progress)?;
            }
        }
        let first_judgement = self.batcher.holds() && self.read >= InvalidLimit::JUDGED_FROM_LINES;
        let worse = matches!(outcome, Outcome::Rejected(reason) if reason.is_invalid());
        if (first_judgement || (worse && !self.batcher.holds()))
            && let Some(too_many) = self.too_many_invalid()
        {
            return Ok(Some(ReadEnd::TooManyInvalid(too_many)));
        }
        if first_judgement {
            self.batcher.release();
        }
        loop {
            match self.batcher.give_out(sink) {
                ControlFlow::Continue(None) => return Ok(None),
                ControlFlow::Continue(Some(returned)) => self.take_back(returned, progress)?,
                ControlFlow::Break(()) => return Ok(Some(ReadEnd::Stopped)),
            }
        }
    }

    /// Gives out what nothing more is read for.
    pub(super) fn give_out_rest(
        &mut self,
        rest: Rest,
        sink: Sink<'_>,
        progress: &Progress,
    ) -> Result<ControlFlow<()>, IntakeError> {
        if self.is_over() {
            return Ok(ControlFlow::Break(()));
        }
        self.batcher.release();
        loop {
            match self.batcher.give_out(sink) {
                // The last one may come back itself, and then what is left of it is the last.
                ControlFlow::Continue(None) if rest == Rest::All && !self.batcher.is_empty() => {
                    self.batcher.cut();
                }
                ControlFlow::Continue(None) => return Ok(ControlFlow::Continue(())),
                ControlFlow::Continue(Some(returned)) => self.take_back(returned, progress)?,
                ControlFlow::Break(()) => {
                    self.ended = Some(ReadEnd::Stopped);
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }

    /// Whether nothing more may be given out.
    fn is_over(&self) -> bool {
        self.ended == Some(ReadEnd::Stopped) || self.too_many_at_the_end().is_some()
    }

    /// Judged at the end, if there were too few lines to judge earlier.
    fn too_many_at_the_end(&self) -> Option<TooManyInvalid> {
        match self.ended {
            Some(ReadEnd::TooManyInvalid(too_many)) => Some(too_many),
            Some(ReadEnd::Stopped) => None,
            _ => self.too_many_invalid(),
        }
    }

    fn too_many_invalid(&self) -> Option<TooManyInvalid> {
        let (invalid, read) = (self.totals.invalid, self.read);
        self.config
            .max_invalid?
            .is_exceeded(invalid, read)
            .then_some(TooManyInvalid { invalid, read })
    }

    pub(super) fn finish(&mut self, sink: Sink<'_>) -> Finished {
        let too_many_invalid = self.too_many_at_the_end();
        if !self.is_over() {
            self.batcher.cut();
            self.batcher.release();
            if self.batcher.give_out(sink).is_break() {
                self.ended = Some(ReadEnd::Stopped);
            }
        }
        Finished {
            behind: self.batcher.behind(),
            totals: self.totals,
            tally: self.batcher.tally().clone(),
            by_reason: self.by_reason,
            doubt_lines: self.doubt_lines.clone(),
            held: self.held.clone(),
            examples: self.rejects.examples().to_vec(),
            too_many_invalid,
        }
    }
}

impl Outcome {
    /// Where a line of this outcome counts.
    pub(super) fn count_in(self, counts: &mut LineCounts) -> &mut u64 {
        match self {
            Self::Planned => &mut counts.planned,
            Self::InDoubt(_) => &mut counts.in_doubt,
            Self::Rejected(Reason::Suppressed) => &mut counts.suppressed,
            Self::Rejected(Reason::Duplicate) => &mut counts.duplicate,
            Self::Rejected(Reason::AlreadySent) => &mut counts.already_sent,
            Self::Rejected(Reason::RefusedByProvider) => &mut counts.refused,
            Self::Rejected(_) => &mut counts.invalid,
        }
    }
}

/// What a number that is met may expect. One that is taken as it is written is suppressed as what it dials, too.
fn standing(book: &mut NumberBook, number: Msisdn, rule: NumberRule) -> Standing {
    let dialled = || Normalizer::reading(number).is_some_and(|dialled| book.is_suppressed(dialled));
    if rule == NumberRule::Any && dialled() {
        return Standing::Suppressed;
    }
    book.meet(number)
}

/// What becomes of the line of a number of this standing.
pub(super) fn outcome_of(standing: Standing) -> Outcome {
    Outcome::Rejected(match standing {
        Standing::Free => return Outcome::Planned,
        Standing::InDoubt(batch) => return Outcome::InDoubt(batch),
        Standing::Suppressed => Reason::Suppressed,
        Standing::Duplicate => Reason::Duplicate,
        Standing::AlreadySent => Reason::AlreadySent,
        Standing::Refused => Reason::RefusedByProvider,
    })
}

fn is_blank(line: Line<'_>) -> bool {
    matches!(line, Line::Text(line) if line.as_str().trim_ascii().is_empty())
}

/// Where one line is rejected.
pub(super) struct Rejecting<'a> {
    pub(super) rejects: &'a mut Rejects,
    pub(super) number: u64,
    pub(super) input: &'a str,
}

impl Rejecting<'_> {
    /// Counts it as rejected, and asks for the detail only if somebody reads it.
    pub(super) fn of(
        &mut self,
        reason: Reason,
        value: &[u8],
        detail: impl FnOnce() -> String,
    ) -> io::Result<Outcome> {
        if self.rejects.wants(reason) {
            self.rejects.add(&Rejection {
                line: self.number,
                input: self.input,
                reason,
                detail: &detail(),
                value,
            })?;
        }
        Ok(Outcome::Rejected(reason))
    }
}

/// What a line says that is skipped for what happened before.
fn skipped(reason: Reason) -> &'static str {
    match reason {
        Reason::Suppressed => "must not be contacted",
        Reason::Duplicate => "the number came earlier in this run",
        Reason::AlreadySent => "reached by an earlier run",
        _ => "refused by the provider in an earlier run",
    }
}
