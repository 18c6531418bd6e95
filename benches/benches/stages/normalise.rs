//! Written numbers to E.164: those that need no look at the library, and those of the corpus in all their spellings.

use benches::{Corpus, HomeRegion, Numbers, Shape, Spread};
use divan::counter::ItemsCount;
use volley_intake::{Normalizer, NumberRule, Region};

use crate::support;

#[divan::bench(args = [Spread::Dense, Spread::Mixed, Spread::Sparse])]
fn e164(bencher: divan::Bencher<'_, '_>, spread: Spread) {
    normalise(bencher, &e164_written(spread));
}

#[divan::bench]
fn spellings(bencher: divan::Bencher<'_, '_>) {
    normalise(bencher, &spelled());
}

pub(crate) fn e164_written(spread: Spread) -> Vec<String> {
    let numbers = Numbers::new(spread, support::RECIPIENTS as u64, 1);
    (0..numbers.count())
        .map(|index| format!("+{}", numbers.nth(index).e164()))
        .collect()
}

/// As people write them: with spaces, dots, hyphens, trunk prefixes, 00.
pub(crate) fn spelled() -> Vec<String> {
    let corpus = Corpus {
        shape: Shape::Lifelike,
        home: HomeRegion::France,
        duplicates_percent: 0,
        invalid_percent: 0,
        ..Corpus::new(1, support::RECIPIENTS as u64)
    };
    let bytes = corpus.to_bytes().expect("few recipients");
    bytes
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter_map(|record| Some(record.get("phone_number")?.as_str()?.to_owned()))
        .collect()
}

fn normalise(bencher: divan::Bencher<'_, '_>, written: &[String]) {
    let normalizer = Normalizer::new(Region::named("FR"), NumberRule::default(), None);
    bencher.counter(ItemsCount::new(written.len())).bench(|| {
        let valid = written
            .iter()
            .filter(|text| normalizer.normalize(divan::black_box(text)).is_ok())
            .count();
        assert_eq!(valid, written.len());
    });
}
