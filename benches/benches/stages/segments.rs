//! Counting segments: of each recipient's text with its fields filled in.

use divan::counter::ItemsCount;
use volley_provider::octopush::Message;

use crate::support;

#[divan::bench(args = support::NAMES)]
fn measure(bencher: divan::Bencher<'_, '_>, name: &str) {
    let Message { template, .. } = support::message();
    let fields = support::fields(name);
    let recipients = support::recipients(&fields);
    bencher.counter(ItemsCount::new(recipients.len())).bench(|| {
        recipients
            .iter()
            .map(|recipient| template.measure(divan::black_box(recipient)).segments)
            .sum::<u32>()
    });
}
