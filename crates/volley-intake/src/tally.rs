//! Counts beside the account of lines: why lines were not sent to, and what the messages take.

mod country;
mod foreign;

use volley_model::Reason;
use volley_model::segments::{Encoding, Measure};

pub use country::{CountryCount, CountryCounts};
pub use foreign::{ForeignCount, ForeignCounts};

/// All reasons, in the order in which they are shown.
pub(crate) const REASONS: [Reason; 13] = [
    Reason::JsonMalformed,
    Reason::Utf8Invalid,
    Reason::LineTooLong,
    Reason::PhoneNumberMissing,
    Reason::PhoneNumberInvalid,
    Reason::CountryNotAllowed,
    Reason::FieldTooLong,
    Reason::FieldType,
    Reason::PlaceholderMissing,
    Reason::RefusedByProvider,
    Reason::Duplicate,
    Reason::Suppressed,
    Reason::AlreadySent,
];

/// Lines by the reason they were not sent to. Lines in doubt have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReasonCounts([u64; REASONS.len()]);

impl ReasonCounts {
    /// Lines with this reason.
    pub fn get(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        REASONS
            .into_iter()
            .map(|reason| (reason, self.get(reason)))
            .filter(|(_, count)| *count > 0)
    }

    pub(crate) fn add(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }
}

/// What the planned messages take, where units are counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Messages in the GSM alphabet.
    pub gsm7: u64,
    /// Messages in UCS-2.
    pub ucs2: u64,
    /// Messages by their number of segments: the first place counts those of one segment.
    pub by_segments: Vec<u64>,
    /// Segments of all messages.
    pub segments: u64,
    /// What makes messages UCS-2 whose text is not, where that is counted.
    pub foreign: ForeignCounts,
    /// Messages and segments by country, where that is counted.
    pub countries: CountryCounts,
}

impl Tally {
    pub(crate) fn add(&mut self, measure: Measure) {
        match measure.encoding {
            Encoding::Gsm7 => self.gsm7 += 1,
            Encoding::Ucs2 => self.ucs2 += 1,
        }
        self.segments += u64::from(measure.segments);
        let place = usize::try_from(measure.segments.saturating_sub(1)).unwrap_or_default();
        if self.by_segments.len() <= place {
            self.by_segments.resize(place + 1, 0);
        }
        self.by_segments[place] += 1;
    }

    /// Takes out again what was [added](Self::add). The details are left: nothing comes back in a plan.
    pub(crate) fn take_out(&mut self, measure: Measure) {
        match measure.encoding {
            Encoding::Gsm7 => self.gsm7 -= 1,
            Encoding::Ucs2 => self.ucs2 -= 1,
        }
        self.segments -= u64::from(measure.segments);
        let place = usize::try_from(measure.segments.saturating_sub(1)).unwrap_or_default();
        self.by_segments[place] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_place_of_its_own() {
        let mut counts = ReasonCounts::default();
        for (place, reason) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
            counts.add(reason);
        }
        assert!(counts.iter().eq(REASONS.map(|reason| (reason, 1))));
    }
}
