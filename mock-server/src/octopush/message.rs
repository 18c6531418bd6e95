//! The text of a campaign: its placeholders, its STOP mention, and its length for one recipient.
//!
//! *Sources*: placeholders `{first_name} {last_name} {param1}` to `{param5}`, and STOP: "Schedule SMS sending",
//! "Transactional SMS". That an absent value becomes empty is *assumed*.

use super::request::{Contact, FIELDS};
use super::segments::Measure;
use super::value::Value;

/// A text cut at its placeholders.
pub(super) struct Message<'a> {
    pieces: Vec<Piece<'a>>,
    /// Those of them that are filled in, as indices into [`FIELDS`].
    fields: Vec<usize>,
    literal: Measure,
    /// Segments of every recipient, if there are no placeholders.
    constant: Option<u64>,
}

enum Piece<'a> {
    Literal(&'a str),
    /// Index into [`FIELDS`].
    Field(usize),
}

impl<'a> Message<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let mut pieces = Vec::new();
        let mut fields = Vec::new();
        let mut literal_from = 0;
        for (open, _) in text.match_indices('{') {
            let Some((field, close)) = placeholder(text, open) else {
                continue;
            };
            pieces.push(Piece::Literal(&text[literal_from..open]));
            pieces.push(Piece::Field(field));
            fields.push(field);
            literal_from = close;
        }
        pieces.push(Piece::Literal(&text[literal_from..]));
        let mut literal = Measure::default();
        for piece in &pieces {
            if let Piece::Literal(text) = piece {
                literal = literal.plus(Measure::of(text));
            }
        }
        let constant = (pieces.len() == 1).then(|| literal.segments(text.chars()));
        Self {
            pieces,
            fields,
            literal,
            constant,
        }
    }

    /// SMS needed for this recipient, with the placeholders filled in.
    pub(super) fn segments(&self, contact: &Contact<'_>) -> u64 {
        if let Some(segments) = self.constant {
            return segments;
        }
        let mut measure = self.literal;
        for field in &self.fields {
            measure = measure.plus(match contact.fields[*field] {
                None => Measure::default(),
                Some(Value::Plain(text)) => Measure::of(text),
                Some(Value::Other(_)) => Measure::of(&contact.value(*field)),
            });
        }
        measure.segments(self.characters(contact))
    }

    fn characters(&self, contact: &Contact<'_>) -> impl Iterator<Item = char> {
        self.pieces.iter().flat_map(|piece| {
            let text = match piece {
                Piece::Literal(text) => (*text).into(),
                Piece::Field(field) => contact.value(*field),
            };
            text.chars().collect::<Vec<char>>()
        })
    }
}

/// The field named at `open`, and the place behind its closing brace.
fn placeholder(text: &str, open: usize) -> Option<(usize, usize)> {
    let rest = &text[open + 1..];
    let name = &rest[..rest.find('}')?];
    let field = FIELDS.iter().position(|field| *field == name)?;
    Some((field, open + name.len() + 2))
}

/// Whether the text tells how to opt out: `STOP`, then `au`, `at` or `to`, then `XXXXX` or five digits.
pub(super) fn mentions_stop(text: &str) -> bool {
    text.match_indices("STOP ").any(|(place, word)| {
        let rest = &text[place + word.len()..];
        let Some(code) = ["au ", "at ", "to "]
            .iter()
            .find_map(|word| rest.strip_prefix(word))
        else {
            return false;
        };
        code.starts_with("XXXXX") || five_digits(code)
    })
}

fn five_digits(code: &str) -> bool {
    code.bytes().take_while(u8::is_ascii_digit).count() == 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stop_mention_has_five_digits_or_five_x() {
        let check = |text: &str, expected: bool| assert_eq!(mentions_stop(text), expected, "{text}");
        check("This is a Premium SMS with stop mention. STOP at XXXXX", true);
        check("This is a Premium SMS with STOP mention. STOP to 30101", true);
        check("Hello STOP au 30101.", true);
        check("Hello STOP au 3010", false);
        check("Hello STOP au 301011", false);
        check("Hello stop au 30101", false);
        check("Hello STOP Au 30101", false);
        check("Hello STOP 30101", false);
        check("Hello STOP", false);
        check("STOP it. STOP au XXXXX", true);
        check("STOP au XXXX", false);
    }

    fn segments(text: &str, contact: &str) -> u64 {
        let contact: Contact<'_> = serde_json::from_str(contact).expect("a contact");
        Message::parse(text).segments(&contact)
    }

    #[test]
    fn placeholders_are_filled_in_before_counting() {
        let text = format!("{}{{first_name}}", "a".repeat(157));
        let check =
            |contact: &str, expected: u64| assert_eq!(segments(&text, contact), expected, "{contact}");
        check(r#"{"first_name":"Bob"}"#, 1);
        check(r#"{"first_name":"Anna"}"#, 2);
        check(r#"{"first_name":"Zoë"}"#, 3);
        check(r#"{"first_name":"Zo\u00eb"}"#, 3);
        check(r#"{"first_name":123}"#, 1);
        check(r#"{"first_name":1234}"#, 2);
        check(r#"{"first_name":null}"#, 1);
        check("{}", 1);
    }

    #[test]
    fn other_braces_are_text() {
        let filled = r#"{"first_name":"","param1":"x"}"#;
        // Each brace takes two septets: 4 + 4 letters + 152 = 160.
        assert_eq!(segments(&format!("{{name}}{}", "a".repeat(152)), filled), 1);
        assert_eq!(segments(&format!("{{name}}{}", "a".repeat(153)), filled), 2);
        assert_eq!(segments(&format!("{{{{param1}}}}{}", "a".repeat(155)), filled), 1);
        assert_eq!(segments(&format!("{{{{param1}}}}{}", "a".repeat(156)), filled), 2);
        assert_eq!(segments("{param1", filled), 1);
    }

    #[test]
    fn a_pair_is_not_split_across_a_placeholder() {
        let text = format!("{}{{param1}}{}", "a".repeat(152), "a".repeat(152));
        assert_eq!(segments(&text, r#"{"param1":"€"}"#), 3);
        assert_eq!(segments(&text, r#"{"param1":"bb"}"#), 2);
    }
}
