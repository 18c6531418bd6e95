//! Which member of a batch a refusal's text means, for Exotel refuses a whole campaign for one number and names it.
//!
//! Source: "How does the Campaigns API work" (the first invalid number fails the request, and the message names it). How the
//! number is written is not documented: as it was sent, without its plus, with spaces, hyphens, dots or brackets, behind `00`,
//! or as a national number behind `0` are all read (*assumed*).
//! A number that is taken for the one at fault is never called. So whatever leaves a doubt names nobody: a second number,
//! one that is no member, digits that could mean two members.

use volley_model::Msisdn;

/// From this many digits on it is a number: as in [`presentable`](crate::presentable), which masks them.
const DIGITS_MIN: usize = 7;
/// What is longer is no number: 15 digits (ITU-T E.164, 6.2.1) behind `00`.
const DIGITS_MAX: usize = Msisdn::DIGITS_MAX + 2;
/// Calling codes have 1 to 3 digits (ITU-T E.164, 6.2.1).
const CALLING_CODE_MAX: u64 = 999;
/// A longer text, or a number in more pieces, is not searched: the time grows with their product times the members.
const TEXT_BYTES_MAX: usize = 4096;
const PIECES_MAX: usize = 8;

/// The one member that the text means; `None` if it means none, or does not say which. The text is the provider's own: one
/// that was made fit to be shown has no whole number left in it.
pub fn named_member(text: &str, members: &[Msisdn]) -> Option<Msisdn> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let mut named = None;
    for writing in writings(text) {
        if digits_in(&writing) < DIGITS_MIN {
            continue;
        }
        let member = meant(&writing, members)?;
        if named.is_some_and(|known| known != member) {
            return None;
        }
        named = Some(member);
    }
    named
}

/// What stands in a text as one number, in its pieces: words of digits with one or two separators between them. A word
/// with a letter in it is an id or a time.
fn writings(text: &str) -> Vec<Vec<&str>> {
    let in_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut writings = vec![Vec::new()];
    let mut rest = text;
    while !rest.is_empty() {
        let (gap, behind) = rest.split_at(rest.find(in_word).unwrap_or(rest.len()));
        let word_ends = behind.find(|character| !in_word(character));
        let (word, behind) = behind.split_at(word_ends.unwrap_or(behind.len()));
        let is_digits = word.bytes().all(|byte| byte.is_ascii_digit());
        if !joins(gap) || !is_digits {
            writings.push(Vec::new());
        }
        if is_digits && let Some(writing) = writings.last_mut() {
            writing.push(word);
        }
        rest = behind;
    }
    writings
}

/// Whether what is on both sides may be one number. A plus begins another.
fn joins(gap: &str) -> bool {
    let separates = |character| matches!(character, ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/');
    gap.chars().count() <= 2 && gap.chars().all(separates)
}

/// The one member that a writing means, the pieces being one number but for fewer digits before and behind it than would
/// make another.
fn meant(pieces: &[&str], members: &[Msisdn]) -> Option<Msisdn> {
    if pieces.len() > PIECES_MAX {
        return None;
    }
    let mut found = None;
    for from in 0..pieces.len() {
        for to in from + 1..=pieces.len() {
            let (before, behind) = (&pieces[..from], &pieces[to..]);
            for member in spelled(&pieces[from..to].concat(), members) {
                let alone = digits_in(before) < DIGITS_MIN && digits_in(behind) < DIGITS_MIN;
                if !alone || found.is_some_and(|known| known != member) {
                    return None;
                }
                found = Some(member);
            }
        }
    }
    found
}

fn digits_in(pieces: &[&str]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

/// The members that these digits stand for.
fn spelled<'a>(digits: &str, members: &'a [Msisdn]) -> impl Iterator<Item = Msisdn> + use<'a> {
    let is_number = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len());
    let spelling = is_number.then(|| Spelling::of(digits)).flatten();
    let meant = move |member: &Msisdn| spelling.is_some_and(|spelling| spelling.means(*member));
    members.iter().copied().filter(meant)
}

/// How a number is written.
#[derive(Clone, Copy)]
enum Spelling {
    /// With its calling code.
    International(u64),
    /// Without it; `beyond` is ten to the power of its digits.
    National { number: u64, beyond: u64 },
}

impl Spelling {
    fn of(digits: &str) -> Option<Self> {
        let (rest, national) = match (digits.strip_prefix("00"), digits.strip_prefix('0')) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => (digits, false),
        };
        if rest.len() < DIGITS_MIN || rest.starts_with('0') {
            return None;
        }
        let number = rest.parse().ok()?;
        Some(if national {
            let beyond = 10_u64.checked_pow(u32::try_from(rest.len()).ok()?)?;
            Self::National { number, beyond }
        } else {
            Self::International(number)
        })
    }

    fn means(self, member: Msisdn) -> bool {
        match self {
            Self::International(number) => member.get() == number,
            Self::National { number, beyond } => {
                let calling_code = member.get() / beyond;
                member.get() % beyond == number && (1..=CALLING_CODE_MAX).contains(&calling_code)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(digits: &[u64]) -> Vec<Msisdn> {
        digits
            .iter()
            .map(|&digits| Msisdn::new(digits).unwrap())
            .collect()
    }

    /// `expected` is the place of a member.
    fn check(text: &str, members: &[u64], expected: Option<usize>) {
        let members = numbers(members);
        assert_eq!(
            named_member(text, &members),
            expected.map(|at| members[at]),
            "{text}"
        );
    }

    const INDIAN: u64 = 919_812_345_678;
    const OTHER: u64 = 919_812_345_679;
    /// The same national number as the first, in Iran's plan and in Italy's.
    const IRANIAN: u64 = 989_812_345_678;

    #[test]
    fn a_member_is_found_however_it_is_written() {
        for text in [
            "+919812345678",
            "Invalid PhoneNumber 919812345678",
            "number 00919812345678 is invalid",
            "'09812345678'",
            "+91 98123 45678 is not valid.",
            "+91-98123-45678",
            "(098123) 45678",
            "+91.9812345678. The rest was not checked.",
            "from[3]=+919812345678",
            "1002 919812345678",
            "+919812345678: 919812345678 is no number",
            "+91\u{a0}98123\u{a0}45678",
        ] {
            check(text, &[OTHER, INDIAN], Some(1));
        }
    }

    #[test]
    fn what_is_not_certainly_one_member_is_none() {
        for text in [
            "",
            "Invalid parameter",
            // No member.
            "+919812345670",
            // Two members, or a member and a stranger.
            "+919812345678, +919812345679",
            "919812345678 919812345679",
            "+919812345678 or +919812345670",
            "919812345678 9812 345670",
            "+919812345678 from 08041234567",
            // Too much or too little of it.
            "9812345678",
            "919812345678000000",
            "9198123456780",
            "+91*****5678",
            // Parts of other words.
            "c919812345678",
            "id_919812345678",
            "919812345678T00",
            "٩١٩٨١٢٣٤٥٦٧٨",
            "+0919812345678",
            "000919812345678",
        ] {
            check(text, &[OTHER, INDIAN], None);
        }
        check(&format!("{}+919812345678", " ".repeat(5000)), &[INDIAN], None);
        check(&"1 ".repeat(9), &[INDIAN], None);
    }

    #[test]
    fn a_national_number_that_two_members_share_is_nobody_s() {
        check("09812345678", &[INDIAN], Some(0));
        check("09812345678", &[INDIAN, OTHER], Some(0));
        check("09812345678", &[INDIAN, IRANIAN], None);
        check("919812345678", &[INDIAN, IRANIAN], Some(0));
        // Italy keeps the zero behind its calling code.
        check("0698123456", &[390_698_123_456], Some(0));
        // Four digits before the national number are no calling code.
        check("02345678", &[19_812_345_678], None);
    }

    proptest! {
        #[test]
        fn the_number_as_it_was_sent_is_found_and_its_neighbour_is_not(number in 1_000_000_u64..=999_999_999_999_999) {
            let members = numbers(&[number]);
            let text = |number: u64| format!("Invalid parameter: the number +{number} is not valid");
            prop_assert_eq!(named_member(&text(number), &members), Some(members[0]));
            prop_assert_eq!(named_member(&text(number - 1), &members), None);
        }

        #[test]
        fn no_text_names_who_is_not_in_it(text in "[0-9+(). a/-]{0,40}", numbers_ in proptest::collection::vec(1_000_000_u64..99_999_999, 1..4)) {
            let members = numbers(&numbers_);
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            if let Some(member) = named_member(&text, &members) {
                let last = (member.get() % 10_000_000).to_string();
                prop_assert!(digits.contains(&last), "{} in {}", last, text);
            }
        }
    }
}
