//! Cuts recipients into batches, by count only, and writes their bodies as they come.
//!
//! A batch also takes the counts of the lines read since the one before, so that the account of lines adds up at
//! every batch. A batch that comes back is taken apart: whoever stays moves into the open one. Until the share of invalid lines has been judged, batches are held here and not given out.
//! Bounds: one open batch, and while holding what 10,000 lines make.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use volley_model::segments::{Encoding, Measure};
use volley_model::{
    BodyBuffer, BodyEncoder, BodyPool, LineCounts, Msisdn, Part, Place, PlannedBatch, Recipient,
};

use crate::{IntakeConfig, Outlet, Returned, Tally};

/// A body grows a little from one batch to the next; an eighth more than the last one saves the copy.
const SPARE_SHARE: usize = 8;

pub(crate) type Sink<'s> = &'s mut dyn Outlet;

pub(crate) struct Batcher {
    encoder: Box<dyn BodyEncoder>,
    size: usize,
    counts_units: bool,
    counts_details: bool,
    members: Vec<Msisdn>,
    /// Where the members' lines stand; `None` where nobody wants to know.
    places: Option<Vec<Place>>,
    /// What it takes to take the batch apart again; `None` where it never has to be.
    parts: Option<Vec<Part>>,
    pool: BodyPool,
    body: BodyBuffer,
    body_bytes: usize,
    units: u64,
    lines: LineCounts,
    tally: Tally,
    cut: VecDeque<PlannedBatch>,
    holds: bool,
}

impl Batcher {
    pub(crate) fn new(encoder: Box<dyn BodyEncoder>, config: &IntakeConfig) -> Self {
        Self {
            encoder,
            size: config.batch_size.get(),
            counts_units: config.count_units,
            counts_details: config.count_details,
            members: Vec::new(),
            places: config.keep_places.then(Vec::new),
            parts: config.keep_parts.then(Vec::new),
            pool: BodyPool::default(),
            body: BodyBuffer::default(),
            body_bytes: 0,
            units: 0,
            lines: LineCounts::default(),
            tally: Tally::default(),
            cut: VecDeque::new(),
            holds: config.max_invalid.is_some(),
        }
    }

    /// The lines since the last cut.
    pub(crate) fn lines(&mut self) -> &mut LineCounts {
        &mut self.lines
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    /// Takes a recipient, whose line stands there, into the open batch.
    pub(crate) fn push(&mut self, recipient: &Recipient<'_>, place: Place) {
        if self.members.is_empty() {
            self.open();
        }
        self.members.push(recipient.number);
        if let Some(places) = &mut self.places {
            places.push(place);
        }
        let from = self.body.len();
        self.encoder.push(&mut self.body, recipient);
        let measure = self.counts_units.then(|| self.encoder.measure(recipient));
        if let Some(measure) = measure {
            self.units += u64::from(measure.segments);
            self.tally.add(measure);
            if self.counts_details {
                self.tally.countries.add(recipient.number, measure.segments);
            }
            if self.counts_details && measure.encoding == Encoding::Ucs2 {
                let foreign = &mut self.tally.foreign;
                self.encoder
                    .foreign_in_fields(recipient, &mut |field, character| foreign.add(field, character));
            }
        }
        if self.parts.is_some() {
            self.keep_part(from, measure, place);
        }
    }

    fn open(&mut self) {
        self.members.reserve_exact(self.size);
        self.body = self.pool.take();
        self.body
            .reserve_exact(self.body_bytes + self.body_bytes / SPARE_SHARE);
        self.encoder.begin(&mut self.body);
    }

    /// Of the recipient whose bytes are the body's last.
    #[inline(never)]
    fn keep_part(&mut self, from: usize, measure: Option<Measure>, place: Place) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (from, to) = (offset(from), offset(self.body.len()));
        if let Some(parts) = &mut self.parts {
            parts.push(Part {
                from,
                to,
                measure,
                place,
            });
        }
    }

    /// Takes a recipient of a batch that came back into the open batch. The tally has it already.
    pub(crate) fn push_again(&mut self, number: Msisdn, part: &Part, body: &[u8]) {
        if self.members.is_empty() {
            self.open();
        }
        self.members.push(number);
        if let Some(places) = &mut self.places {
            places.push(part.place);
        }
        let from = self.body.len();
        self.encoder.push_again(&mut self.body, written(body, part));
        self.keep_part(from, part.measure, part.place);
        self.units += part.measure.map_or(0, |measure| u64::from(measure.segments));
    }

    /// A recipient of a batch that came back is not sent to after all.
    pub(crate) fn drop_again(&mut self, part: &Part) {
        if let Some(measure) = part.measure {
            self.tally.take_out(measure);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.members.len() >= self.size
    }

    /// Whether nobody is in the open batch.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Closes the open batch, if anybody is in it.
    pub(crate) fn cut(&mut self) {
        if self.members.is_empty() {
            return;
        }
        self.encoder.end(&mut self.body);
        self.body_bytes = self.body.len();
        self.cut.push_back(PlannedBatch {
            members: std::mem::take(&mut self.members),
            body: std::mem::take(&mut self.body),
            units: std::mem::take(&mut self.units),
            lines: std::mem::take(&mut self.lines),
            places: self.places.as_mut().map(std::mem::take).unwrap_or_default(),
            parts: self.parts.as_mut().map(std::mem::take).unwrap_or_default(),
        });
    }

    /// From now on batches are given out.
    pub(crate) fn release(&mut self) {
        self.holds = false;
    }

    /// Gives out what is cut, unless it is held, until the sink has enough, or one comes back at once.
    pub(crate) fn give_out(&mut self, sink: Sink<'_>) -> ControlFlow<(), Option<Returned>> {
        while !self.holds
            && let Some(batch) = self.cut.pop_front()
        {
            if let Some(returned) = sink.take(batch)? {
                return ControlFlow::Continue(Some(returned));
            }
        }
        ControlFlow::Continue(None)
    }

    /// The lines of everything that was not given out.
    pub(crate) fn behind(&self) -> LineCounts {
        let mut behind = self.lines;
        for batch in &self.cut {
            behind += batch.lines;
        }
        behind
    }
}

/// A recipient's bytes in the body of its batch.
fn written<'body>(body: &'body [u8], part: &Part) -> &'body [u8] {
    let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    &body[at(part.from)..at(part.to)]
}
