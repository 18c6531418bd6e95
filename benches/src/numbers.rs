//! Distinct phone numbers by index, in any order, with no set held in memory.
//!
//! Input: an index below the number of recipients. Output: a [`Number`], another one for each index.
//! Bounds: [`RECIPIENTS_MAX`] indices; every list of blocks holds more numbers than that.
//! Sources: the blocks are mobile ranges that libphonenumber calls valid from the first number to the last; a test
//! asks the library about both ends of each and about thousands between. Nobody is to be contacted at them.

/// The most recipients a corpus can have.
pub const RECIPIENTS_MAX: u64 = 100_000_000;

/// How a corpus' numbers lie in the space of all numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// One country (France), and in it consecutive numbers, in shuffled order.
    Dense,
    /// Ten countries, more than half of the numbers in France: what a campaign looks like.
    Mixed,
    /// All over the world, the numbers far from each other: hardly two share a page of 4,096.
    Sparse,
}

/// A phone number, before anyone spelled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// ISO 3166 alpha-2 code of its country.
    pub country: &'static str,
    /// The country's calling code.
    pub calling_code: u64,
    /// The national significant number; none of the corpus begins with a zero.
    pub national: u64,
}

impl Number {
    /// All digits after the plus as one integer.
    pub fn e164(self) -> u64 {
        let digits = self.national.ilog10() + 1;
        self.calling_code * 10_u64.pow(digits) + self.national
    }
}

/// A run of consecutive national numbers.
#[derive(Debug, Clone, Copy)]
struct Block {
    country: &'static str,
    calling_code: u64,
    first: u64,
    count: u64,
}

impl Block {
    const fn new(country: &'static str, calling_code: u64, first: u64, millions: u64) -> Self {
        Self {
            country,
            calling_code,
            first,
            count: millions * 1_000_000,
        }
    }

    fn number(self, offset: u64) -> Number {
        Number {
            country: self.country,
            calling_code: self.calling_code,
            national: self.first + offset,
        }
    }
}

const DENSE: &[Block] = &[
    Block::new("FR", 33, 600_000_000, 30),
    Block::new("FR", 33, 640_000_000, 50),
    Block::new("FR", 33, 730_000_000, 70),
];

const MIXED: &[Block] = &[
    Block::new("FR", 33, 600_000_000, 30),
    Block::new("FR", 33, 640_000_000, 50),
    Block::new("FR", 33, 760_000_000, 10),
    Block::new("BE", 32, 470_000_000, 10),
    Block::new("DE", 49, 1_700_000_000, 5),
    Block::new("DE", 49, 15_110_000_000, 5),
    Block::new("GB", 44, 7_460_000_000, 10),
    Block::new("ES", 34, 600_000_000, 6),
    Block::new("IT", 39, 3_280_000_000, 6),
    Block::new("CH", 41, 760_000_000, 6),
    Block::new("US", 1, 2_122_000_000, 4),
    Block::new("IN", 91, 9_800_000_000, 4),
    Block::new("PL", 48, 500_000_000, 4),
];

const SPARSE: &[Block] = &[
    Block::new("FR", 33, 600_000_000, 30),
    Block::new("FR", 33, 640_000_000, 50),
    Block::new("FR", 33, 730_000_000, 70),
    Block::new("BE", 32, 470_000_000, 30),
    Block::new("DE", 49, 1_700_000_000, 100),
    Block::new("DE", 49, 15_100_000_000, 100),
    Block::new("GB", 44, 7_460_000_000, 40),
    Block::new("ES", 34, 600_000_000, 100),
    Block::new("IT", 39, 3_200_000_000, 800),
    Block::new("CH", 41, 760_000_000, 40),
    Block::new("PL", 48, 500_000_000, 20),
    Block::new("US", 1, 2_022_000_000, 8),
    Block::new("US", 1, 2_122_000_000, 8),
    Block::new("US", 1, 3_052_000_000, 8),
    Block::new("US", 1, 3_122_000_000, 8),
    Block::new("US", 1, 4_152_000_000, 8),
    Block::new("US", 1, 5_122_000_000, 8),
    Block::new("US", 1, 6_172_000_000, 8),
    Block::new("US", 1, 7_132_000_000, 8),
    Block::new("US", 1, 8_182_000_000, 8),
    Block::new("US", 1, 9_172_000_000, 8),
    Block::new("IN", 91, 9_800_000_000, 200),
    Block::new("CN", 86, 13_000_000_000, 1_000),
    Block::new("CN", 86, 18_000_000_000, 1_000),
    Block::new("BR", 55, 11_960_000_000, 40),
    Block::new("BR", 55, 21_960_000_000, 40),
    Block::new("EG", 20, 1_000_000_000, 100),
    Block::new("NG", 234, 8_030_000_000, 10),
    Block::new("KE", 254, 710_000_000, 10),
    Block::new("ZA", 27, 820_000_000, 10),
    Block::new("AU", 61, 410_000_000, 10),
];

/// Lies outside of every spread: a campaign that allows the countries of its corpus does not allow this one.
const NOT_ALLOWED: Block = Block::new("JP", 81, 9_010_000_000, 10);

/// The distinct numbers of one corpus.
#[derive(Debug, Clone)]
pub struct Numbers {
    blocks: &'static [Block],
    /// For each block, how many numbers the blocks before it hold.
    starts: Vec<u64>,
    /// Indices are spread over `0..modulus` by `index × stride + offset`, a bijection as long as stride and modulus
    /// have no common divisor.
    modulus: u64,
    stride: u64,
    offset: u64,
    recipients: u64,
}

impl Numbers {
    /// The numbers of `recipients` recipients, at most [`RECIPIENTS_MAX`].
    pub fn new(spread: Spread, recipients: u64, seed: u64) -> Self {
        assert!(recipients <= RECIPIENTS_MAX, "the corpus checks its size first");
        let blocks = match spread {
            Spread::Dense => DENSE,
            Spread::Mixed => MIXED,
            Spread::Sparse => SPARSE,
        };
        let mut starts = Vec::with_capacity(blocks.len());
        let mut capacity = 0;
        for block in blocks {
            starts.push(capacity);
            capacity += block.count;
        }
        // Dense numbers fill the first blocks without a gap; the others are strewn over all that there are.
        let modulus = if spread == Spread::Dense {
            recipients.max(1)
        } else {
            capacity
        };
        let offset = fastrand::Rng::with_seed(seed).u64(0..modulus);
        Self {
            blocks,
            starts,
            modulus,
            stride: golden_stride(modulus),
            offset,
            recipients,
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.recipients
    }

    /// The number at an index below [`Numbers::count`].
    pub fn nth(&self, index: u64) -> Number {
        assert!(
            index < self.recipients,
            "index {index} of {} numbers",
            self.recipients
        );
        // index < 10^8 and stride < 10^10: the product stays in 64 bits.
        let place = (index * self.stride + self.offset) % self.modulus;
        let block = self.starts.partition_point(|&start| start <= place) - 1;
        self.blocks[block].number(place - self.starts[block])
    }
}

/// A number of a country that is in no corpus.
pub(crate) fn not_allowed(random: &mut fastrand::Rng) -> Number {
    NOT_ALLOWED.number(random.u64(0..NOT_ALLOWED.count))
}

/// The stride at the golden section of `modulus`, or the next that shares no divisor with it: it keeps the
/// numbers of a file of any size far apart. The section is taken in full width: from a short decimal
/// fraction (0.618) the numbers fell into 500 dense heaps.
fn golden_stride(modulus: u64) -> u64 {
    const GOLDEN_SECTION_OF_2_64: u128 = 0x9e37_79b9_7f4a_7c15;
    let section = (u128::from(modulus) * GOLDEN_SECTION_OF_2_64) >> 64;
    let mut stride = u64::try_from(section).unwrap_or_default().max(1);
    while greatest_common_divisor(stride, modulus) != 1 {
        stride += 1;
    }
    stride
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use rlibphonenumber::PhoneNumber;

    fn is_valid(number: Number) -> bool {
        let parsed: PhoneNumber = format!("+{}", number.e164()).parse().expect("it parses");
        let region = parsed.get_region_code().map(|region| format!("{region:?}"));
        parsed.is_valid() && region.as_deref() == Some(number.country)
    }

    #[test]
    fn every_block_is_valid_from_its_first_number_to_its_last() {
        let mut wrong = Vec::new();
        for block in [DENSE, MIXED, SPARSE].concat().into_iter().chain([NOT_ALLOWED]) {
            // Even steps, and as many as there are combinations of three leading digits.
            let steps = (0..997)
                .map(|step| block.count / 997 * step)
                .chain([block.count - 1]);
            wrong.extend(
                steps
                    .map(|offset| block.number(offset))
                    .filter(|&number| !is_valid(number))
                    .take(3),
            );
        }
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn the_neighbours_of_the_blocks_show_that_the_library_looks() {
        for (calling_code, national) in [
            (33, 639_000_000),
            (32, 440_000_000),
            (44, 7_453_000_000),
            (1, 2_121_999_999),
        ] {
            assert!(
                !is_valid(Number {
                    country: "FR",
                    calling_code,
                    national
                }),
                "{national}"
            );
        }
    }

    #[test]
    fn every_spread_holds_the_most_recipients_a_corpus_can_have() {
        for blocks in [DENSE, MIXED, SPARSE] {
            let capacity: u64 = blocks.iter().map(|block| block.count).sum();
            assert!(capacity >= RECIPIENTS_MAX, "{capacity}");
            // The bound under which `nth` multiplies.
            assert!(capacity < u64::MAX / RECIPIENTS_MAX, "{capacity}");
        }
    }

    #[test]
    fn no_two_blocks_of_a_spread_share_a_number() {
        for blocks in [DENSE, MIXED, SPARSE] {
            let mut ranges: Vec<(u64, u64)> = blocks
                .iter()
                .map(|block| (block.number(0).e164(), block.number(block.count - 1).e164()))
                .collect();
            ranges.sort_unstable();
            for pair in ranges.windows(2) {
                assert!(pair[0].1 < pair[1].0, "{pair:?}");
            }
            for (block, digits) in blocks.iter().map(|block| (block, block.first.ilog10())) {
                assert_eq!(
                    (block.first + block.count - 1).ilog10(),
                    digits,
                    "one length: {block:?}"
                );
            }
        }
    }

    #[test]
    fn a_million_numbers_are_a_million_distinct_ones_in_each_spread() {
        for spread in [Spread::Dense, Spread::Mixed, Spread::Sparse] {
            let numbers = Numbers::new(spread, 1_000_000, 7);
            let mut all: Vec<u64> = (0..numbers.count())
                .map(|index| numbers.nth(index).e164())
                .collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 1_000_000, "{spread:?}");
        }
    }

    #[test]
    fn stride_and_modulus_have_no_common_divisor_up_to_the_largest_corpus() {
        for recipients in [1, 2, 3, 10, 618, 1_000, 999_999, 10_000_000, RECIPIENTS_MAX] {
            for spread in [Spread::Dense, Spread::Mixed, Spread::Sparse] {
                let numbers = Numbers::new(spread, recipients, 1);
                assert_eq!(
                    greatest_common_divisor(numbers.stride, numbers.modulus),
                    1,
                    "{numbers:?}"
                );
            }
        }
    }

    #[test]
    fn dense_numbers_have_no_gap() {
        let numbers = Numbers::new(Spread::Dense, 1_000, 3);
        let mut all: Vec<u64> = (0..1_000).map(|index| numbers.nth(index).e164()).collect();
        assert!(!all.is_sorted(), "a file is not sorted by number");
        all.sort_unstable();
        assert_eq!((all[0], all[999]), (33_600_000_000, 33_600_000_999));
    }

    #[test]
    fn sparse_numbers_hardly_share_a_page_and_dense_ones_fill_theirs() {
        let pages = |spread| {
            let numbers = Numbers::new(spread, 100_000, 5);
            let mut pages: Vec<u64> = (0..numbers.count())
                .map(|index| numbers.nth(index).e164() >> 12)
                .collect();
            pages.sort_unstable();
            pages.dedup();
            pages.len()
        };
        // 4,096 numbers a page: drawn at random, 100,000 of 3.9 billion numbers would touch 95,000 pages.
        assert!(pages(Spread::Sparse) > 90_000, "{}", pages(Spread::Sparse));
        assert!(pages(Spread::Dense) <= 26, "{}", pages(Spread::Dense));
    }
}
