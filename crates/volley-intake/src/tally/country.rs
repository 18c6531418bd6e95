//! Messages and segments by country, as far as a number's calling code tells it.
//!
//! A code that several countries share stands for all of them: which of them a number is in only the library knows, and
//! asking it for each number would take longer than all else.

use volley_model::Msisdn;

use crate::normalize::{CALLING_CODES, code_place};

/// What goes to numbers of one calling code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryCount {
    /// ISO 3166 alpha-2, such as `FR`; `+1` where several countries share the code or none has it, and `other` where there
    /// is no such code.
    pub country: String,
    /// Messages.
    pub messages: u64,
    /// Their segments.
    pub segments: u64,
}

/// Messages and segments by calling code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CountryCounts {
    /// By the code's place, from 1; the first is for numbers without one. Empty until the first number.
    counts: Vec<Count>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    messages: u64,
    segments: u64,
}

impl CountryCounts {
    pub(crate) fn add(&mut self, number: Msisdn, segments: u32) {
        if self.counts.is_empty() {
            self.counts.resize(CALLING_CODES.len() + 1, Count::default());
        }
        let place = code_place(number).map_or(0, |place| place + 1);
        let count = &mut self.counts[place];
        count.messages += 1;
        count.segments += u64::from(segments);
    }

    /// Those with messages, the most first.
    pub fn by_messages(&self) -> Vec<CountryCount> {
        let mut found: Vec<CountryCount> = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| count.messages > 0)
            .map(|(place, count)| CountryCount {
                country: name(place),
                messages: count.messages,
                segments: count.segments,
            })
            .collect();
        found.sort_by(|one, other| {
            let rank = |count: &CountryCount| (std::cmp::Reverse(count.messages), count.country.clone());
            rank(one).cmp(&rank(other))
        });
        found
    }
}

fn name(place: usize) -> String {
    match place.checked_sub(1).map(|place| CALLING_CODES[place]) {
        None => "other".to_owned(),
        Some(code) if code.region.is_empty() => format!("+{}", code.code),
        Some(code) => code.region.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_for_their_calling_code_and_the_most_come_first() {
        let mut counts = CountryCounts::default();
        assert_eq!(counts.by_messages(), []);
        for (number, segments) in [
            (33_612_345_678, 1),
            (33_612_345_679, 2),
            (12_125_550_100, 3),
            (447_911_123_456, 1),
            (447_911_123_457, 1),
            (447_911_123_458, 1),
            (999, 1),
        ] {
            counts.add(Msisdn::new(number).unwrap(), segments);
        }
        let found: Vec<_> = counts
            .by_messages()
            .into_iter()
            .map(|count| (count.country, count.messages, count.segments))
            .collect();
        let of = |country: &str, messages, segments| (country.to_owned(), messages, segments);
        assert_eq!(
            found,
            [of("+44", 3, 3), of("FR", 2, 3), of("+1", 1, 3), of("other", 1, 1)]
        );
    }
}
