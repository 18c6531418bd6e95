//! What the corpus costs: it must be cheap beside what is measured with it.

use std::io::sink;

use benches::{Corpus, Shape, Spread};
use divan::counter::ItemsCount;

const RECIPIENTS: u64 = 10_000;

fn main() {
    divan::main();
}

#[divan::bench(args = [Shape::Lifelike, Shape::Plain])]
fn write(bencher: divan::Bencher<'_, '_>, shape: Shape) {
    let corpus = Corpus {
        shape,
        ..Corpus::new(1, RECIPIENTS)
    };
    bencher
        .counter(ItemsCount::new(RECIPIENTS))
        .bench(|| corpus.write_to(&mut sink()));
}

#[divan::bench(args = [Spread::Dense, Spread::Mixed, Spread::Sparse])]
fn numbers(bencher: divan::Bencher<'_, '_>, spread: Spread) {
    let numbers = benches::Numbers::new(spread, RECIPIENTS, 1);
    bencher.counter(ItemsCount::new(RECIPIENTS)).bench(|| {
        (0..RECIPIENTS)
            .map(|index| numbers.nth(index).e164())
            .fold(0, u64::wrapping_add)
    });
}
