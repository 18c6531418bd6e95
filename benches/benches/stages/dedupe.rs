//! Remembering numbers: consecutive ones of one country, and such as lie far from each other.

use benches::{Numbers, Spread};
use divan::counter::ItemsCount;
use volley_intake::NumberBook;
use volley_model::Msisdn;

use crate::support;

#[divan::bench(args = [Spread::Dense, Spread::Mixed, Spread::Sparse])]
fn reach(bencher: divan::Bencher<'_, '_>, spread: Spread) {
    let numbers = Numbers::new(spread, support::RECIPIENTS as u64, 1);
    let numbers: Vec<Msisdn> = (0..numbers.count())
        .filter_map(|index| Msisdn::new(numbers.nth(index).e164()).ok())
        .collect();
    bencher.counter(ItemsCount::new(numbers.len())).bench(|| {
        let mut book = NumberBook::new();
        for number in &numbers {
            book.reach(*number);
        }
        book
    });
}
