//! What several stages are measured with: contacts, a campaign's message, one batch of it.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use benches::{Corpus, Numbers, Shape, Spread};
use volley_intake::{Intake, IntakeConfig, NumberBook, Progress, Region, Rejects};
use volley_model::{Excerpt, Field, Msisdn, PlannedBatch, Recipient, SealedBatch, Template};
use volley_provider::octopush::{Encoder, Kind, Message, Purpose, Sealer, Sender};

/// Distinct numbers of a file: enough for ten batches, and little work for CI.
pub(crate) const RECIPIENTS: usize = 5_000;
/// Octopush's most.
pub(crate) const BATCH_SIZE: usize = 500;

/// Both shapes of a file.
pub(crate) const SHAPES: [Shape; 2] = [Shape::Lifelike, Shape::Plain];

/// First names: the most common kind, one with accents, one with what JSON escapes and GSM-7 lacks.
pub(crate) const NAMES: [&str; 3] = ["Axelle", "Zoé-Françoise", "Łukasz \"Łu\" 🌸"];

/// The lines of a file.
pub(crate) fn contacts(shape: Shape) -> Vec<u8> {
    let corpus = Corpus {
        shape,
        ..Corpus::new(1, RECIPIENTS as u64)
    };
    corpus.to_bytes().expect("few recipients")
}

/// A message as shops send it.
pub(crate) fn message() -> Message {
    let text = "Hello {first_name|there}, 20% off everything this week at Acme. STOP au 30101";
    Message {
        template: Template::parse(text).expect("a text"),
        kind: Kind::SmsPremium,
        purpose: Purpose::Wholesale,
        sender: Sender::new("Acme").expect("a sender"),
        send_at: None,
        with_replies: false,
        simulation_mode: false,
        auto_optimize_text: true,
        auto_remove_blacklisted_numbers: false,
    }
}

/// The fields of somebody of that name.
pub(crate) fn fields(name: &str) -> [Excerpt<'_>; Field::COUNT] {
    let mut fields = [Excerpt::EMPTY; Field::COUNT];
    fields[Field::FirstName.index()] = name.into();
    fields
}

/// The recipients of one batch, all with these fields.
pub(crate) fn recipients<'a>(fields: &'a [Excerpt<'a>; Field::COUNT]) -> Vec<Recipient<'a>> {
    let numbers = Numbers::new(Spread::Mixed, BATCH_SIZE as u64, 1);
    (0..numbers.count())
        .map(|index| Recipient {
            number: Msisdn::new(numbers.nth(index).e164()).expect("a number"),
            fields,
            verbatim: !fields.iter().any(|text| text.as_str().contains(['"', '\\'])),
        })
        .collect()
}

/// Reads bytes through the intake, as `volley send` does; returns how many recipients are in its batches.
pub(crate) fn read_through(bytes: &[u8]) -> usize {
    let mut planned = 0;
    batches(bytes, &mut |batch| planned += batch.members.len());
    planned
}

/// The first batch of the corpus.
pub(crate) fn planned() -> PlannedBatch {
    let mut first = None;
    batches(&contacts(Shape::Lifelike), &mut |batch| {
        first.get_or_insert(batch);
    });
    first.expect("more than one batch")
}

/// The same, with its key.
pub(crate) fn sealed() -> SealedBatch {
    Sealer::new("account", "spring", false, HashMap::new()).seal(planned())
}

fn batches(bytes: &[u8], take: &mut dyn FnMut(PlannedBatch)) {
    let config = IntakeConfig {
        default_region: Region::named("FR"),
        ..IntakeConfig::new(NonZeroUsize::new(BATCH_SIZE).expect("not zero"))
    };
    let encoder = Box::new(Encoder::new(&message()));
    let mut intake = Intake::new(config, encoder, NumberBook::new(), Rejects::none());
    let mut sink = |batch| {
        take(batch);
        ControlFlow::Continue(())
    };
    let mut input = bytes;
    intake
        .read("contacts", &mut input, &mut sink, &Progress::default())
        .expect("bytes in memory can be read");
    intake.finish(&mut sink);
}
