//! Cuts recipients into batches, by count only, and writes their bodies as they come.
//!
//! A batch also takes the counts of the lines read since the one before, so that the account of lines adds up at
//! every batch. Until the share of invalid lines has been judged, batches are held here and not given out.
//! Bounds: one open batch, and while holding what 10,000 lines make.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use volley_model::segments::Encoding;
use volley_model::{BodyBuffer, BodyEncoder, BodyPool, LineCounts, Msisdn, Place, PlannedBatch, Recipient};

use crate::{IntakeConfig, Tally};

/// A body grows a little from one batch to the next; an eighth more than the last one saves the copy.
const SPARE_SHARE: usize = 8;

pub(crate) type Sink<'s> = &'s mut dyn FnMut(PlannedBatch) -> ControlFlow<()>;

pub(crate) struct Batcher {
    encoder: Box<dyn BodyEncoder>,
    size: usize,
    counts_units: bool,
    counts_details: bool,
    members: Vec<Msisdn>,
    /// Where the members' lines stand; `None` where nobody wants to know.
    places: Option<Vec<Place>>,
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
            self.members.reserve_exact(self.size);
            self.body = self.pool.take();
            self.body
                .reserve_exact(self.body_bytes + self.body_bytes / SPARE_SHARE);
            self.encoder.begin(&mut self.body);
        }
        self.members.push(recipient.number);
        if let Some(places) = &mut self.places {
            places.push(place);
        }
        self.encoder.push(&mut self.body, recipient);
        if self.counts_units {
            let measure = self.encoder.measure(recipient);
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
    }

    pub(crate) fn is_full(&self) -> bool {
        self.members.len() >= self.size
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
        });
    }

    /// From now on batches are given out.
    pub(crate) fn release(&mut self) {
        self.holds = false;
    }

    /// Gives out what is cut, unless it is held, until the sink has enough.
    pub(crate) fn give_out(&mut self, sink: Sink<'_>) -> ControlFlow<()> {
        while !self.holds
            && let Some(batch) = self.cut.pop_front()
        {
            sink(batch)?;
        }
        ControlFlow::Continue(())
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
