//! An input's bytes, decompressed if their first bytes say so.
//!
//! gzip (several members, as `cat a.gz b.gz` makes them) and zstd (several frames, skippable ones too) are told by
//! magic bytes, never by name.
//! Bounds: one block of each layer is held; zstd's window is at most 128 MiB, its own limit without `--long`.
//! Sources: RFC 1952, 2.3.1; RFC 8878, 3.1.

use std::cell::Cell;
use std::io::{self, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// Bytes asked of the input at once under a decoder.
const BLOCK_BYTES: usize = 64 * 1024;
/// log2 of zstd's largest window: 128 MiB, what the library takes by itself.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
const MAGIC_BYTES: usize = 4;

/// What the input itself did, apart from what a decoder makes of it.
#[derive(Default)]
pub(crate) struct Meter {
    /// Bytes read from the input, compressed as they are.
    pub(crate) bytes: Cell<u64>,
    /// Whether the input failed, rather than a decoder.
    pub(crate) failed: Cell<bool>,
}

/// The input, counted.
pub(crate) struct Tap<'a> {
    pub(crate) input: &'a mut dyn Read,
    pub(crate) meter: &'a Meter,
}

impl Read for Tap<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let result = self.input.read(out);
        match &result {
            Ok(count) => self
                .meter
                .bytes
                .set(self.meter.bytes.get() + u64::try_from(*count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.meter.failed.set(true),
        }
        result
    }
}

type Bytes<'a> = Chain<Cursor<Vec<u8>>, Tap<'a>>;

/// The lines' bytes.
pub(crate) enum Source<'a> {
    Plain(Bytes<'a>),
    Gzip(Box<MultiGzDecoder<BufReader<Bytes<'a>>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Bytes<'a>>>),
}

impl<'a> Source<'a> {
    /// Looks at the first bytes.
    pub(crate) fn open(mut tap: Tap<'a>) -> io::Result<Self> {
        let mut head = Vec::with_capacity(MAGIC_BYTES);
        tap.by_ref()
            .take(u64::try_from(MAGIC_BYTES).unwrap_or_default())
            .read_to_end(&mut head)?;
        let gzip = head.starts_with(&[0x1f, 0x8b, 0x08]);
        let zstd = head == [0x28, 0xb5, 0x2f, 0xfd]
            || matches!(head[..], [first, 0x2a, 0x4d, 0x18] if first & 0xf0 == 0x50);
        let bytes = Cursor::new(head).chain(tap);
        if gzip {
            let blocks = BufReader::with_capacity(BLOCK_BYTES, bytes);
            return Ok(Self::Gzip(Box::new(MultiGzDecoder::new(blocks))));
        }
        if zstd {
            let blocks = BufReader::with_capacity(BLOCK_BYTES, bytes);
            let mut decoder = zstd::stream::read::Decoder::with_buffer(blocks)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            return Ok(Self::Zstd(decoder));
        }
        Ok(Self::Plain(bytes))
    }

    /// The compression's name.
    pub(crate) fn compression(&self) -> Option<&'static str> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip(_) => Some("gzip"),
            Self::Zstd(_) => Some("zstd"),
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.read(out),
            Self::Gzip(decoder) => decoder.read(out),
            Self::Zstd(decoder) => decoder.read(out),
        }
    }
}
