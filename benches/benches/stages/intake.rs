//! The whole intake: bytes to sealed batches, over the corpus.

use benches::Shape;
use divan::counter::{BytesCount, ItemsCount};

use crate::support;

#[divan::bench(args = support::SHAPES)]
fn whole(bencher: divan::Bencher<'_, '_>, shape: Shape) {
    let bytes = support::contacts(shape);
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .counter(ItemsCount::new(support::RECIPIENTS))
        .bench(|| {
            let planned = support::read_through(divan::black_box(&bytes));
            assert_eq!(planned, support::RECIPIENTS);
        });
}
