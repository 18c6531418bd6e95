//! Finding the lines: the corpus' bytes with everything but the line ends blank, so that nothing is left to parse.
//!
//! An upper bound: a blank line is looked through to its end, any other one to its first byte.

use benches::Shape;
use divan::counter::BytesCount;

use crate::support;

#[divan::bench(args = support::SHAPES)]
fn blank(bencher: divan::Bencher<'_, '_>, shape: Shape) {
    let bytes = blanked(shape);
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| support::read_through(divan::black_box(&bytes)));
}

pub(crate) fn blanked(shape: Shape) -> Vec<u8> {
    let mut bytes = support::contacts(shape);
    for byte in &mut bytes {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
    bytes
}
