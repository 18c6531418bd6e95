//! The characters that make messages UCS-2: in the text, in the defaults of its placeholders, in recipients' fields.
//!
//! Output: entries for scripts, and a few sentences for people. Bounds: [`SENTENCES_MAX`] sentences for each place; the
//! entries are all there are of the text, and as many of the fields as the intake counts one by one.

use serde::Serialize;
use volley_intake::{ForeignCount, ForeignCounts};
use volley_model::Template;
use volley_model::segments::{Foreign, Meter, replacement};
use volley_provider::octopush::Message;

use super::Messages;
use crate::summary::{counted, grouped};

/// The first few are enough to see what happened: mending them shows the next.
const SENTENCES_MAX: usize = 3;

/// A character outside GSM-7, where it stands, and what may stand in for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct ForeignCharacter {
    pub character: char,
    pub code_point: String,
    /// `text`, or the field's name.
    #[serde(rename = "in")]
    pub place: &'static str,
    #[serde(flatten)]
    pub found: Found,
    /// What to write instead, which may be nothing; null where GSM-7 has nothing like it.
    pub replacement: Option<&'static str>,
}

/// How often a character was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub enum Found {
    InText {
        /// Its first place in the text as written, defaults included, counted in characters from 1.
        position: usize,
        count: usize,
        /// Whether it stands in defaults only: then it is in the messages that get one.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        in_default: bool,
    },
    InField {
        /// Messages that it makes UCS-2.
        messages: u64,
    },
}

/// All that were found: those of the text by their places, then those of fields by the messages they are in.
pub(super) fn entries(template: &Template, counts: &ForeignCounts) -> Vec<ForeignCharacter> {
    let in_text = |foreign: Foreign| {
        let found = Found::InText {
            position: foreign.position,
            count: foreign.count,
            in_default: !template.wire().contains(foreign.character),
        };
        entry(foreign.character, "text", found)
    };
    let in_field = |count: ForeignCount| {
        let messages = count.messages;
        entry(count.character, count.field.name(), Found::InField { messages })
    };
    let of_text = template.foreign().into_iter().map(in_text);
    of_text
        .chain(counts.most_frequent_first().into_iter().map(in_field))
        .collect()
}

fn entry(character: char, place: &'static str, found: Found) -> ForeignCharacter {
    ForeignCharacter {
        character,
        code_point: format!("U+{:04X}", u32::from(character)),
        place,
        found,
        replacement: replacement(character),
    }
}

/// What people should know of a text alone: its characters, and its length where placeholders leave no choice.
pub(crate) fn text_sentences(message: &Message) -> Vec<String> {
    let messages = Messages {
        not_gsm7: entries(&message.template, &ForeignCounts::default()),
        ..Messages::default()
    };
    let mut sentences = sentences(&messages);
    let segments = Meter::of(message.template.wire()).segments;
    if segments > Message::SEGMENTS_MAX {
        sentences.push(format!("the text takes {segments} segments, and each is charged"));
    }
    sentences
}

/// What people should know of them: a few sentences on the text, a few on fields.
pub(super) fn sentences(messages: &Messages) -> Vec<String> {
    let (of_text, of_fields): (Vec<_>, Vec<_>) = messages
        .not_gsm7
        .iter()
        .partition(|entry| matches!(entry.found, Found::InText { .. }));
    let mut sentences = Vec::new();
    for entries in [of_text, of_fields] {
        sentences.extend(entries.iter().take(SENTENCES_MAX).map(|entry| entry.sentence()));
        if let Some(more) = entries.len().checked_sub(SENTENCES_MAX).filter(|more| *more > 0) {
            sentences.push(format!(
                "{} of that kind; --json lists them",
                counted(more as u64, "more character")
            ));
        }
    }
    sentences
}

impl ForeignCharacter {
    fn sentence(&self) -> String {
        let shown = self.shown();
        let remedy = match self.replacement {
            Some("") => "leave it out".to_owned(),
            Some(" ") => "write a plain space instead".to_owned(),
            Some("\n") => "write a plain line end instead".to_owned(),
            Some(replacement) => format!("write {replacement} instead"),
            None => "GSM-7 has nothing like it".to_owned(),
        };
        match self.found {
            Found::InText {
                position,
                count,
                in_default,
            } => {
                let what = if in_default {
                    "a message with a default in it"
                } else {
                    "the text"
                };
                let more = match count {
                    1 => String::new(),
                    _ => format!(" (and {} more)", grouped(count as u64 - 1)),
                };
                format!(
                    "{what} is UCS-2 (70 characters a segment instead of 160) because of {shown} at character \
                     {position}{more}; {remedy}"
                )
            }
            Found::InField { messages } => format!(
                "{} UCS-2 because of {shown} in {}; {remedy}",
                if messages == 1 {
                    "1 message is".to_owned()
                } else {
                    format!("{} messages are", grouped(messages))
                },
                self.place
            ),
        }
    }

    /// The character and its code point; the code point alone where the character is not seen, or does something to a
    /// terminal.
    fn shown(&self) -> String {
        let seen = self.character.escape_debug().count() == 1 && !self.character.is_whitespace();
        if seen {
            format!("{} ({})", self.character, self.code_point)
        } else {
            self.code_point.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let messages = Messages {
            not_gsm7: entries(&Template::parse(text).unwrap(), &ForeignCounts::default()),
            ..Messages::default()
        };
        sentences(&messages)
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(said(text), expected, "{text}");
    }

    #[test]
    fn the_text_s_characters_are_named_with_place_and_remedy() {
        check("It's here", &[]);
        check(
            "Today’s sale",
            &[
                "the text is UCS-2 (70 characters a segment instead of 160) because of ’ (U+2019) at character 6; write ' \
               instead",
            ],
        );
        check(
            "Salé ê ê 😀\u{a0}",
            &[
                "the text is UCS-2 (70 characters a segment instead of 160) because of ê (U+00EA) at character 6 (and 1 \
                 more); write e instead",
                "the text is UCS-2 (70 characters a segment instead of 160) because of 😀 (U+1F600) at character 10; \
                 GSM-7 has nothing like it",
                "the text is UCS-2 (70 characters a segment instead of 160) because of U+00A0 at character 11; write a \
                 plain space instead",
            ],
        );
        check(
            "{first_name|tête}",
            &[
                "a message with a default in it is UCS-2 (70 characters a segment instead of 160) because of ê (U+00EA) \
               at character 14; write e instead",
            ],
        );
    }

    #[test]
    fn the_first_three_have_a_sentence_and_the_others_are_counted() {
        assert_eq!(said("êôî").len(), 3);
        assert_eq!(
            said("êôîû")[3],
            "1 more character of that kind; --json lists them"
        );
    }

    #[test]
    fn what_would_disturb_a_terminal_is_shown_as_its_code_point_alone() {
        let shown = |character| entry(character, "param1", Found::InField { messages: 1 }).shown();
        for character in ['\u{202e}', '\u{200b}', '\u{1b}', '\u{301}', '\u{2003}'] {
            assert!(shown(character).starts_with("U+"), "{character:?}");
        }
        assert_eq!(shown('ê'), "ê (U+00EA)");
    }
}
