//! Writing recipients into the body of their batch, and sealing it.

use std::collections::HashMap;

use divan::counter::{BytesCount, ItemsCount};
use volley_model::{BodyEncoder, PlannedBatch, Recipient};
use volley_provider::octopush::{Encoder, Sealer};

use crate::support;

#[divan::bench(args = support::NAMES)]
fn push(bencher: divan::Bencher<'_, '_>, name: &str) {
    let mut encoder = Encoder::new(&support::message());
    let fields = support::fields(name);
    let recipients = support::recipients(&fields);
    let mut body = Vec::with_capacity(encoder.size_hint(recipients.len()));
    fill(&mut encoder, &recipients, &mut body);
    bencher
        .counter(BytesCount::of_slice(&body))
        .counter(ItemsCount::new(recipients.len()))
        .bench_local(|| {
            body.clear();
            fill(&mut encoder, divan::black_box(&recipients), &mut body);
        });
}

#[divan::bench]
fn seal(bencher: divan::Bencher<'_, '_>) {
    let sealer = Sealer::new("account", "spring", false, HashMap::new());
    let batch = support::planned();
    bencher
        .counter(BytesCount::of_slice(&batch.body))
        .counter(ItemsCount::new(batch.members.len()))
        .with_inputs(|| -> PlannedBatch { batch.clone() })
        .bench_values(|batch| sealer.seal(batch));
}

pub(crate) fn fill(encoder: &mut Encoder, recipients: &[Recipient<'_>], body: &mut Vec<u8>) {
    encoder.begin(body);
    for recipient in recipients {
        encoder.push(body, recipient);
    }
    encoder.end(body);
}
