//! The same input makes the same batches, however its bytes arrive.

use std::io::{self, Read};

use proptest::prelude::*;
use volley_intake::NumberBook;

use crate::encoder::{Run, config, run};

/// Gives its bytes in pieces of random sizes, and is interrupted now and then.
struct Pieces<'a> {
    bytes: &'a [u8],
    random: fastrand::Rng,
    largest: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.random.u8(..16) == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = self
            .bytes
            .len()
            .min(out.len())
            .min(self.random.usize(1..=self.largest));
        out[..most].copy_from_slice(&self.bytes[..most]);
        self.bytes = &self.bytes[most..];
        Ok(most)
    }
}

fn lines(seed: u64, count: usize, fill: usize) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count).fold(String::new(), |text, _| {
        let most = if random.u8(..20) == 0 { fill } else { 40 };
        let filler = "x".repeat(random.usize(..most));
        let end = ["\n", "\r\n", "\n\n", "\n \n"][random.usize(..4)];
        let number = random.u32(..500);
        text + &format!("{{\"phone_number\":\"+3361234{number:04}\",\"x\":\"{filler}\"}}{end}")
    })
}

fn run_pieces(bytes: &[u8], seed: u64, largest: usize) -> Run {
    let pieces = Pieces {
        bytes,
        random: fastrand::Rng::with_seed(seed),
        largest,
    };
    run(config(7), NumberBook::new(), vec![Box::new(pieces)], usize::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn batches_do_not_depend_on_the_chunks(seed: u64, count in 0..300usize, largest in prop_oneof![1..100usize, 1..300_000usize]) {
        // Now and then a line longer than the longest, and one over the end of the buffer.
        let text = lines(seed, count, 90_000);
        let whole = run(config(7), NumberBook::new(), vec![Box::new(text.as_bytes())], usize::MAX);
        let pieces = run_pieces(text.as_bytes(), seed, largest);
        prop_assert_eq!(&pieces.batches, &whole.batches);
        prop_assert_eq!(&pieces.rejections, &whole.rejections);
        prop_assert_eq!(&pieces.finished, &whole.finished);
    }
}

#[test]
fn batches_run_over_the_borders_of_inputs() {
    let text = lines(3, 200, 50);
    let (first, second) = text.split_at(text.match_indices('\n').nth(77).unwrap().0 + 1);
    let one = run(
        config(7),
        NumberBook::new(),
        vec![Box::new(text.as_bytes())],
        usize::MAX,
    );
    let two = run(
        config(7),
        NumberBook::new(),
        vec![Box::new(first.as_bytes()), Box::new(second.as_bytes())],
        usize::MAX,
    );
    assert_eq!(one.batches, two.batches);
    assert_eq!(one.finished, two.finished);
    assert!(one.batches.len() > 10);
}
