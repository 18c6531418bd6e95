//! The way of a line: read, understood, judged, counted, and if it may be sent to, put into a batch.
//!
//! A line is first invalid, then suppressed, then a duplicate, then what earlier runs made of its number, else
//! planned; the first that holds is its count. The number of an invalid line does not count as seen.

mod again;
mod desk;
mod examine;

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::ControlFlow;

use volley_model::{BodyEncoder, LineCounts, Msisdn, PlannedBatch};

use crate::batcher::Sink;
use crate::lines::{Filled, LineBuffer};
use crate::outlet::OneWay;
use crate::source::{Meter, Source, Tap};
use crate::{Example, IntakeConfig, NumberBook, Outlet, Progress, ReasonCounts, Rejects, Returned, Tally};
use desk::Desk;

/// Reads inputs and cuts batches, which run over the borders of inputs.
pub struct Intake {
    buffer: LineBuffer,
    desk: Desk,
    /// Bytes of the inputs before.
    bytes: u64,
    /// Inputs begun.
    inputs: u32,
}

/// Why an input's reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// Everything was read.
    Ended,
    /// The sink said so.
    Stopped,
    /// [`IntakeConfig::recipients_max`] recipients are planned, and there is at least one line more.
    RecipientsMax,
    /// More lines were invalid than [`IntakeConfig::max_invalid`] allows.
    TooManyInvalid(TooManyInvalid),
}

/// What is left once nothing more is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Full batches.
    Full,
    /// The last one too.
    All,
}

/// The counts by which there were too many invalid lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyInvalid {
    /// Invalid lines.
    pub invalid: u64,
    /// Lines read.
    pub read: u64,
}

/// Why an input could not be read to its end, or a rejection not be written. What was read before it stands.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The input failed.
    #[error("read {input} behind line {line}")]
    Io {
        /// What the input is called.
        input: String,
        /// The last line read whole; 0 for none.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// What the input's bytes hold cannot be decompressed, or ends too early.
    #[error("decompress {input} as {compression} behind line {line}")]
    Decompress {
        /// What the input is called.
        input: String,
        /// gzip or zstd.
        compression: &'static str,
        /// The last line read whole; 0 for none.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A rejection could not be written.
    #[error("write the rejected lines")]
    Rejects {
        /// Why.
        source: io::Error,
    },
}

/// The account at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Lines in no batch given out. Those `planned` among them are pending: the intake was stopped before their batch.
    pub behind: LineCounts,
    /// All lines read: those of the batches given out, and `behind`.
    pub totals: LineCounts,
    /// What the planned messages take.
    pub tally: Tally,
    /// Lines not sent to, by reason.
    pub by_reason: ReasonCounts,
    /// Lines counted as in doubt, by the batch their number is in.
    pub doubt_lines: HashMap<u64, u64>,
    /// Their numbers, where another run has them, which goes on: what becomes of each is known later.
    pub held: Vec<Msisdn>,
    /// The first line that was rejected for each reason, where [`Rejects::first_of_each`] was asked for.
    pub examples: Vec<Example>,
    /// Set where too many lines were invalid: judged at the end if there were too few to judge earlier.
    pub too_many_invalid: Option<TooManyInvalid>,
}

impl Intake {
    /// With what is known of numbers, and where rejections go.
    pub fn new(
        config: IntakeConfig,
        encoder: Box<dyn BodyEncoder>,
        book: NumberBook,
        rejects: Rejects,
    ) -> Self {
        Self {
            buffer: LineBuffer::new(),
            desk: Desk::new(config, encoder, book, rejects),
            bytes: 0,
            inputs: 0,
        }
    }

    /// Reads one input to its end, or until something ends the reading; then only [`finish`](Self::finish) is left.
    ///
    /// `name` is what the input is called in rejections; its lines are counted from 1. The sink gets each batch as
    /// soon as it is cut, and may say stop.
    ///
    /// # Errors
    /// See [`IntakeError`]; what was read before it stays.
    pub fn read(
        &mut self,
        name: &str,
        input: &mut dyn Read,
        sink: &mut dyn FnMut(PlannedBatch) -> ControlFlow<()>,
        progress: &Progress,
    ) -> Result<ReadEnd, IntakeError> {
        self.read_into(name, input, &mut OneWay(sink), progress)
    }

    /// As [`read`](Self::read), where batches may come back: those that do are taken apart before the next is given out.
    ///
    /// # Errors
    /// See [`IntakeError`]; what was read before it stays.
    pub fn read_into(
        &mut self,
        name: &str,
        input: &mut dyn Read,
        outlet: &mut dyn Outlet,
        progress: &Progress,
    ) -> Result<ReadEnd, IntakeError> {
        let meter = Meter::default();
        let name = self.desk.begin_input(name);
        let name = Named {
            name: &name,
            nth: self.inputs,
        };
        self.inputs += 1;
        let end = self.read_lines(name, Tap { input, meter: &meter }, outlet, progress);
        self.bytes += meter.bytes.get();
        progress.publish_bytes(self.bytes);
        self.desk.publish(progress);
        end
    }

    fn read_lines(
        &mut self,
        input: Named<'_>,
        tap: Tap<'_>,
        sink: Sink<'_>,
        progress: &Progress,
    ) -> Result<ReadEnd, IntakeError> {
        let meter = tap.meter;
        self.buffer.begin();
        let mut source = Source::open(tap).map_err(|source| self.broken(input.name, source, meter, None))?;
        loop {
            progress.publish_bytes(self.bytes + meter.bytes.get());
            self.desk.publish(progress);
            if let ControlFlow::Break(end) = self.desk.take_lines(&mut self.buffer, input, sink, progress)? {
                return Ok(end);
            }
            let filled = self
                .buffer
                .fill(&mut source)
                .map_err(|error| self.broken(input.name, error, meter, source.compression()))?;
            if filled == Filled::End {
                return Ok(ReadEnd::Ended);
            }
        }
    }

    fn broken(
        &self,
        name: &str,
        source: io::Error,
        meter: &Meter,
        compression: Option<&'static str>,
    ) -> IntakeError {
        let (input, line) = (name.to_owned(), self.buffer.number());
        match compression {
            Some(compression) if !meter.failed.get() => IntakeError::Decompress {
                input,
                compression,
                line,
                source,
            },
            _ => IntakeError::Io { input, line, source },
        }
    }

    /// Gives out what nothing more is read for: the full batches, and with [`Rest::All`] the last one too. Nothing after a
    /// stop, nor if too many lines were invalid: then it breaks.
    ///
    /// # Errors
    /// [`IntakeError::Rejects`], where a batch came back.
    pub fn give_out(
        &mut self,
        rest: Rest,
        outlet: &mut dyn Outlet,
        progress: &Progress,
    ) -> Result<ControlFlow<()>, IntakeError> {
        self.desk.give_out_rest(rest, outlet, progress)
    }

    /// Takes a batch apart that came back: the lines of the numbers that others hold count as what those made of them, and
    /// the other recipients go into the open batch, which may become full, and is cut then. Whether a number was met stays.
    ///
    /// # Errors
    /// [`IntakeError::Rejects`]. The account stands all the same.
    pub fn take_back(&mut self, returned: Returned, progress: &Progress) -> Result<(), IntakeError> {
        self.desk.take_back(returned, progress)
    }

    /// Cuts the last batch and closes the account, which stands whatever becomes of the rejects: after it,
    /// [`flush_rejects`](Self::flush_rejects). After a stop nothing more is given out.
    pub fn finish(&mut self, sink: &mut dyn FnMut(PlannedBatch) -> ControlFlow<()>) -> Finished {
        self.desk.finish(&mut OneWay(sink))
    }

    /// Writes the last rejections out.
    ///
    /// # Errors
    /// [`IntakeError::Rejects`].
    pub fn flush_rejects(&mut self) -> Result<(), IntakeError> {
        self.desk.flush_rejects()
    }
}

/// An input, as rejections name it, and which it is.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a str,
    nth: u32,
}
