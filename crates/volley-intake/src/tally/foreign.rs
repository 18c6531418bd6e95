//! Which characters of recipients' fields make messages UCS-2, and how many messages each.
//!
//! Bounds: [`FOREIGN_MAX`] characters of fields have a count of their own, the first to come; the others have one together.

use volley_model::Field;

/// Enough for the accents of any Latin script; a file in another script would list its whole alphabet.
const FOREIGN_MAX: usize = 32;

/// A character outside GSM-7 in a field, and the messages it makes UCS-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignCount {
    /// The field, or the default that stands in for it.
    pub field: Field,
    /// The character.
    pub character: char,
    /// Messages with the character in that field.
    pub messages: u64,
}

/// The characters of fields that make messages UCS-2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForeignCounts {
    counts: Vec<ForeignCount>,
    rest: u64,
}

impl ForeignCounts {
    /// Those with a count of their own, the most frequent first.
    pub fn most_frequent_first(&self) -> Vec<ForeignCount> {
        let mut counts = self.counts.clone();
        counts.sort_by_key(|count| std::cmp::Reverse(count.messages));
        counts
    }

    /// The sum of the counts that the others would have: a message with two of them is in it twice.
    pub fn rest(&self) -> u64 {
        self.rest
    }

    /// Counts a message that has this character in this field.
    pub(crate) fn add(&mut self, field: Field, character: char) {
        let same = |count: &&mut ForeignCount| count.field == field && count.character == character;
        if let Some(known) = self.counts.iter_mut().find(same) {
            known.messages += 1;
        } else if self.counts.len() < FOREIGN_MAX {
            self.counts.push(ForeignCount {
                field,
                character,
                messages: 1,
            });
        } else {
            self.rest += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_counts_by_field_and_the_most_frequent_comes_first() {
        let mut counts = ForeignCounts::default();
        counts.add(Field::FirstName, 'ê');
        counts.add(Field::LastName, 'ê');
        counts.add(Field::LastName, 'ê');
        let told: Vec<_> = counts
            .most_frequent_first()
            .into_iter()
            .map(|count| (count.field, count.character, count.messages))
            .collect();
        assert_eq!(told, [(Field::LastName, 'ê', 2), (Field::FirstName, 'ê', 1)]);
        assert_eq!(counts.rest(), 0);
    }

    #[test]
    fn the_33rd_character_goes_to_the_rest_and_the_32nd_does_not() {
        let mut counts = ForeignCounts::default();
        let alphabet = || ('а'..).take(FOREIGN_MAX);
        alphabet().for_each(|character| counts.add(Field::Param1, character));
        assert_eq!(
            (counts.most_frequent_first().len(), counts.rest()),
            (FOREIGN_MAX, 0)
        );
        counts.add(Field::Param1, '中');
        counts.add(Field::Param1, 'а');
        assert_eq!(
            (counts.most_frequent_first().len(), counts.rest()),
            (FOREIGN_MAX, 1)
        );
        assert_eq!(counts.most_frequent_first()[0].messages, 2);
    }
}
