//! A body encoder for tests, and a run that keeps everything the intake gives out.

use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use volley_intake::{
    Finished, Intake, IntakeConfig, IntakeError, NumberBook, Progress, ReadEnd, Rejects, Skipped,
};
use volley_model::segments::{Encoding, Measure, Meter, foreign};
use volley_model::{BodyEncoder, Excerpt, Field, PlannedBatch, Recipient};

/// Writes a recipient a line: the number, then the fields it has.
pub(crate) struct Plain;

impl BodyEncoder for Plain {
    fn begin(&mut self, body: &mut Vec<u8>) {
        body.extend_from_slice(b"<\n");
    }

    fn push(&mut self, body: &mut Vec<u8>, recipient: &Recipient<'_>) {
        recipient.number.write_e164(body);
        for field in Field::ALL {
            if let Some(text) = recipient.field(field) {
                body.extend_from_slice(format!(" {}={}", field.name(), text.as_str()).as_bytes());
            }
        }
        body.push(b'\n');
    }

    fn push_again(&mut self, body: &mut Vec<u8>, written: &[u8]) {
        body.extend_from_slice(written);
    }

    fn end(&mut self, body: &mut Vec<u8>) {
        body.push(b'>');
    }

    fn measure(&self, recipient: &Recipient<'_>) -> Measure {
        Meter::of(recipient.field(Field::Param1).map_or("", Excerpt::as_str))
    }

    fn foreign_in_fields(&self, recipient: &Recipient<'_>, found: &mut dyn FnMut(Field, char)) {
        assert_eq!(self.measure(recipient).encoding, Encoding::Ucs2, "asked in vain");
        for foreign in foreign(recipient.field(Field::Param1).map_or("", Excerpt::as_str)) {
            found(Field::Param1, foreign.character);
        }
    }
}

/// Rejections, shared with the intake that writes them.
#[derive(Clone, Default)]
pub(crate) struct Kept(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The defaults, with batches of `size`.
pub(crate) fn config(size: usize) -> IntakeConfig {
    IntakeConfig::new(NonZeroUsize::new(size).unwrap())
}

/// What a run gave out.
pub(crate) struct Run {
    pub(crate) batches: Vec<PlannedBatch>,
    pub(crate) ends: Vec<Result<ReadEnd, IntakeError>>,
    pub(crate) finished: Finished,
    /// One a line, skipped ones included.
    pub(crate) rejections: Vec<serde_json::Value>,
    pub(crate) progress: Progress,
}

impl Run {
    /// The bodies of all batches, one after another.
    pub(crate) fn bodies(&self) -> String {
        self.batches
            .iter()
            .map(|batch| std::str::from_utf8(&batch.body).unwrap())
            .collect()
    }

    /// `line reason` of each rejection.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.rejections
            .iter()
            .map(|rejection| format!("{} {}", rejection["line"], rejection["reason"].as_str().unwrap()))
            .collect()
    }
}

/// Reads the inputs, until the first that does not end by itself; the sink takes `most` batches.
pub(crate) fn run(
    config: IntakeConfig,
    book: NumberBook,
    inputs: Vec<Box<dyn Read + '_>>,
    most: usize,
) -> Run {
    let kept = Kept::default();
    let rejects = Rejects::to(Box::new(kept.clone()), Skipped::Included);
    let mut intake = Intake::new(config, Box::new(Plain), book, rejects);
    let mut batches = Vec::new();
    let mut sink = |batch| {
        batches.push(batch);
        if batches.len() == most {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let progress = Progress::default();
    let mut ends = Vec::new();
    for (place, mut input) in inputs.into_iter().enumerate() {
        let end = intake.read(&format!("input {place}"), &mut input, &mut sink, &progress);
        let goes_on = matches!(end, Ok(ReadEnd::Ended));
        ends.push(end);
        if !goes_on {
            break;
        }
    }
    let finished = intake.finish(&mut sink);
    intake.flush_rejects().unwrap();
    let text = kept.0.lock().unwrap();
    Run {
        batches,
        ends,
        finished,
        rejections: text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect(),
        progress,
    }
}

/// One input with the defaults, in batches of 500.
pub(crate) fn run_text(text: impl AsRef<[u8]>) -> Run {
    run(
        config(500),
        NumberBook::new(),
        vec![Box::new(text.as_ref())],
        usize::MAX,
    )
}
