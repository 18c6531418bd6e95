//! Inputs that break off, outputs that fail: what was read before stands.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use volley_intake::{Intake, IntakeError, NumberBook, Progress, Rejects, Skipped};

use crate::account::check_account;
use crate::encoder::{Plain, config, run};
use crate::inputs::{gzip, numbered, zstd};

struct Breaks;

impl Read for Breaks {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn an_input_that_breaks_off_leaves_what_was_read() {
    let text = numbered(0..10);
    // Half a line before the break: nobody knows what it would have said.
    let input = text
        .as_bytes()
        .chain(&b"{\"phone_number\":\"+3361"[..])
        .chain(Breaks);
    let run = run(config(4), NumberBook::new(), vec![Box::new(input)], usize::MAX);
    check_account(&run);
    assert_eq!(run.finished.totals.read(), 10);
    assert_eq!(run.batches.len(), 3);
    let Err(error) = &run.ends[0] else {
        panic!("{:?}", run.ends)
    };
    assert!(
        matches!(error, IntakeError::Io { input, line: 10, .. } if input == "input 0"),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "read input 0 behind line 10");
}

#[test]
fn a_compressed_input_that_is_cut_leaves_what_was_read() {
    let text = numbered(0..40_000);
    for (packed, name) in [(gzip(text.as_bytes()), "gzip"), (zstd(text.as_bytes()), "zstd")] {
        let half = &packed[..packed.len() / 2];
        let cut = run(config(100), NumberBook::new(), vec![Box::new(half)], usize::MAX);
        check_account(&cut);
        let planned = cut.finished.totals.planned;
        assert!((1000..39_000).contains(&planned), "{planned}");
        assert!(
            matches!(&cut.ends[0], Err(IntakeError::Decompress { compression, line, .. })
                if *compression == name && *line == planned),
            "{:?}",
            cut.ends
        );
        // The same bytes, but it is the input that fails.
        let broken = run(
            config(100),
            NumberBook::new(),
            vec![Box::new(half.chain(Breaks))],
            usize::MAX,
        );
        assert!(
            matches!(&broken.ends[0], Err(IntakeError::Io { .. })),
            "{:?}",
            broken.ends
        );
        let mut garbled = packed.clone();
        let middle = packed.len() / 2;
        garbled[middle..middle + 64].fill(0xaa);
        let garbled = run(
            config(100),
            NumberBook::new(),
            vec![Box::new(garbled.as_slice())],
            usize::MAX,
        );
        check_account(&garbled);
        assert!(
            matches!(&garbled.ends[0], Err(IntakeError::Decompress { .. })),
            "{:?}",
            garbled.ends
        );
    }
}

struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn rejections_that_cannot_be_written_end_the_reading() {
    let rejects = Rejects::to(Box::new(Full), Skipped::Left);
    let mut intake = Intake::new(config(10), Box::new(Plain), NumberBook::new(), rejects);
    let text = "x\n".repeat(10_000);
    let read = intake.read(
        "input",
        &mut text.as_bytes(),
        &mut |_| ControlFlow::Continue(()),
        &Progress::default(),
    );
    assert!(matches!(read, Err(IntakeError::Rejects { .. })), "{read:?}");
}
