//! The message of a campaign, checked against what Octopush's pages ask.
//!
//! Sources: "Schedule SMS sending" (text 1–1224 characters, types, purposes, flags), "Transactional SMS" (senders with
//! spaces, defaults). Not here: which recipients a STOP mention is needed for; see
//! [`Msisdn::is_french`](volley_model::Msisdn::is_french).

use std::fmt;

use jiff::Timestamp;
use volley_model::Template;

/// What is sent, apart from the recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the provider's own flags, each on its own"
)]
pub struct Message {
    /// The text.
    pub template: Template,
    /// `type` on the wire.
    pub kind: Kind,
    /// `purpose` on the wire.
    pub purpose: Purpose,
    /// Who it comes from.
    pub sender: Sender,
    /// When it goes out; `None`: at once.
    pub send_at: Option<SendAt>,
    /// Whether a short number takes the sender's place so that recipients can reply.
    pub with_replies: bool,
    /// Whether the provider only pretends.
    pub simulation_mode: bool,
    /// Whether the provider may simplify the text; its own default is yes.
    pub auto_optimize_text: bool,
    /// Whether the provider drops numbers that opted out, at 0.01 € a request.
    pub auto_remove_blacklisted_numbers: bool,
}

impl Message {
    /// The most characters (Unicode scalars) of a text, placeholders as written.
    pub const TEXT_CHARS_MAX: usize = 1224;
    /// The most segments that such a text has as long as it is GSM-7 and its placeholders are empty: 1224 / 153. What
    /// becomes of a longer message no page says.
    pub const SEGMENTS_MAX: u32 = 8;
    /// A STOP mention as French recipients know it; the short number is that of the examples on "Send SMS to contacts" and
    /// "Transactional SMS".
    pub const STOP_MENTION: &str = "STOP au 30101";

    /// Checks what the fields' types cannot: the length of the text as it stands on the wire.
    ///
    /// # Errors
    /// [`MessageError::TextEmpty`], [`MessageError::TextTooLong`].
    pub fn check(&self) -> Result<(), MessageError> {
        let text = self.template.wire();
        let characters = text.chars().count();
        if text.trim().is_empty() {
            return Err(MessageError::TextEmpty);
        }
        if characters > Self::TEXT_CHARS_MAX {
            return Err(MessageError::TextTooLong { characters });
        }
        Ok(())
    }

    /// Whether this is premium marketing without a STOP mention: refused with code 121 where a recipient's country
    /// asks for one (certain for France; the caller knows the numbers).
    pub fn lacks_stop_mention(&self) -> bool {
        self.kind == Kind::SmsPremium
            && self.purpose == Purpose::Wholesale
            && !has_stop_mention(self.template.wire())
    }
}

/// `STOP au 30101`, `STOP at XXXXX`, …: case and all, as the pages write it.
fn has_stop_mention(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(3).any(|mention| {
        let short_number = mention[2].len() == 5 && mention[2].bytes().all(|byte| byte.is_ascii_digit());
        mention[0] == "STOP"
            && matches!(mention[1], "au" | "at" | "to")
            && (short_number || mention[2] == "XXXXX")
    })
}

/// The quality of the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Own sender, receipts.
    SmsPremium,
    /// Cheaper, fewer countries.
    SmsLowCost,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::SmsPremium, Self::SmsLowCost];

    /// The name on the wire and in the campaign file.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmsPremium => "sms_premium",
            Self::SmsLowCost => "sms_low_cost",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What the message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Marketing.
    Wholesale,
    /// Transactional only; the provider fines misuse.
    Alert,
}

impl Purpose {
    /// What has to be known of [`Alert`](Self::Alert) by whoever sends with it ("Transactional SMS").
    pub const ALERT_WARNING: &str = "non-commercial messages only; they are sent day and night, and advertising sent this way is \
                                     fined under the provider's terms";

    /// Both.
    pub const ALL: [Self; 2] = [Self::Wholesale, Self::Alert];

    /// The name on the wire and in the campaign file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wholesale => "wholesale",
            Self::Alert => "alert",
        }
    }

    /// The purpose of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

/// A sender: 3 to 11 ASCII letters, digits and spaces, not spaces alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sender(String);

impl Sender {
    /// Checks a sender.
    ///
    /// # Errors
    /// [`MessageError::SenderLength`], [`MessageError::SenderCharacter`].
    pub fn new(text: &str) -> Result<Self, MessageError> {
        let allowed = |character: &char| character.is_ascii_alphanumeric() || *character == ' ';
        if let Some(character) = text.chars().find(|character| !allowed(character)) {
            return Err(MessageError::SenderCharacter { character });
        }
        if !(3..=11).contains(&text.len()) || text.trim().is_empty() {
            return Err(MessageError::SenderLength);
        }
        Ok(Self(text.to_owned()))
    }

    /// The sender's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The instant of a scheduled sending, with the offset it was written with. The pages' example:
/// `2018-10-03T07:42:39-07:00`; a time without an offset would be read as Central European, and is refused here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SendAt {
    text: String,
    instant: Timestamp,
}

impl SendAt {
    /// Reads `YYYY-MM-DDTHH:MM:SS` followed by `+HH:MM`, `-HH:MM` or `Z`, and nothing looser: the bytes go to the
    /// provider.
    ///
    /// # Errors
    /// [`MessageError::SendAt`].
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        let refused = || MessageError::SendAt {
            text: text.to_owned(),
        };
        let text_with_offset = match text.strip_suffix('Z') {
            Some(local) => format!("{local}+00:00"),
            None => text.to_owned(),
        };
        let shape = text_with_offset.bytes().enumerate().map(|(at, byte)| match byte {
            b'0'..=b'9' => b'9',
            b'+' if at == 19 => b'-',
            other => other,
        });
        if !shape.eq(*b"9999-99-99T99:99:99-99:99") {
            return Err(refused());
        }
        let instant = text_with_offset.parse().map_err(|_| refused())?;
        Ok(Self {
            text: text_with_offset,
            instant,
        })
    }

    /// The text for the wire.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The instant, for whoever has a clock to compare it with.
    pub fn instant(&self) -> Timestamp {
        self.instant
    }
}

impl fmt::Display for SendAt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Why a message cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No text, or spaces only.
    #[error("the text is empty; Octopush takes 1 to 1224 characters")]
    TextEmpty,
    /// Too long.
    #[error("the text has {characters} characters; Octopush takes at most 1224")]
    TextTooLong {
        /// How many it has.
        characters: usize,
    },
    /// Too short, too long or blank.
    #[error("the sender must have 3 to 11 characters, not all of them spaces")]
    SenderLength,
    /// A character that Octopush does not take in a sender.
    #[error("the sender has the character {character:?}; only ASCII letters, digits and spaces are allowed")]
    SenderCharacter {
        /// The first such character.
        character: char,
    },
    /// No date, time and offset.
    #[error("{text:?} is no date and time with offset, such as 2026-12-01T09:00:00+01:00")]
    SendAt {
        /// What was given.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, kind: Kind, purpose: Purpose) -> Message {
        Message {
            template: Template::parse(text).unwrap(),
            kind,
            purpose,
            sender: Sender::new("Acme").unwrap(),
            send_at: None,
            with_replies: false,
            simulation_mode: false,
            auto_optimize_text: true,
            auto_remove_blacklisted_numbers: false,
        }
    }

    #[test]
    fn a_text_has_1_to_1224_characters_on_the_wire() {
        let check = |text: &str, expected: Result<(), MessageError>| {
            assert_eq!(
                message(text, Kind::SmsPremium, Purpose::Alert).check(),
                expected,
                "{text}"
            );
        };
        check("a", Ok(()));
        check("", Err(MessageError::TextEmpty));
        check(" \n", Err(MessageError::TextEmpty));
        check(&"é".repeat(1224), Ok(()));
        check(
            &"é".repeat(1225),
            Err(MessageError::TextTooLong { characters: 1225 }),
        );
        // Defaults are ours and do not count: 1216 + "{param1}".
        check(
            &format!("{}{{param1|{}}}", "a".repeat(1216), "b".repeat(50)),
            Ok(()),
        );
        check(
            &format!("{}{{param1|}}", "a".repeat(1217)),
            Err(MessageError::TextTooLong { characters: 1225 }),
        );
    }

    #[test]
    fn a_sender_has_3_to_11_letters_digits_and_spaces() {
        for sender in ["abc", "Company X", "12345678901"] {
            assert_eq!(Sender::new(sender).unwrap().as_str(), sender);
        }
        for sender in ["", "ab", "123456789012", "   "] {
            assert_eq!(Sender::new(sender), Err(MessageError::SenderLength), "{sender}");
        }
        for (sender, character) in [
            ("Café", 'é'),
            ("A-cme", '-'),
            ("Acme\n", '\n'),
            ("ab\u{a0}c", '\u{a0}'),
        ] {
            assert_eq!(
                Sender::new(sender),
                Err(MessageError::SenderCharacter { character })
            );
        }
    }

    #[test]
    fn a_sending_time_has_a_date_a_time_and_an_offset() {
        let check = |text: &str, wire: &str, seconds: i64| {
            let send_at = SendAt::parse(text).unwrap();
            assert_eq!((send_at.as_str(), send_at.instant().as_second()), (wire, seconds));
        };
        check("1970-01-01T01:00:10+01:00", "1970-01-01T01:00:10+01:00", 10);
        check("1969-12-31T17:00:10-07:00", "1969-12-31T17:00:10-07:00", 10);
        check("1970-01-01T00:00:10Z", "1970-01-01T00:00:10+00:00", 10);
        for text in [
            "",
            "Z",
            "2026-12-01",
            "2026-12-01T09:00:00",
            "2026-12-01 09:00:00+01:00",
            "2026-12-01T09:00:00+0100",
            "2026-12-01T09:00:00.5+01:00",
            "2026-12-01T09:00:00+01:00[Europe/Paris]",
            "2026-13-01T09:00:00+01:00",
            "2026-02-30T09:00:00+01:00",
            "2026-12-01T25:00:00+01:00",
            "2026+12+01T09:00:00+01:00",
            "２026-12-01T09:00:00+01:00",
        ] {
            assert!(
                matches!(SendAt::parse(text), Err(MessageError::SendAt { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn premium_marketing_without_a_stop_mention_is_noticed() {
        let lacks = |text: &str| message(text, Kind::SmsPremium, Purpose::Wholesale).lacks_stop_mention();
        for text in [
            Message::STOP_MENTION,
            "Sale. STOP au 30101",
            "STOP at XXXXX.",
            "Sale [STOP to 36105]",
            "STOP  au\n30101",
        ] {
            assert!(!lacks(text), "{text}");
        }
        for text in [
            "Sale",
            "stop au 30101",
            "STOP 30101",
            "STOP au 3010",
            "STOP au 301012",
            "NONSTOP au 30101",
            "STOP au XXXX",
        ] {
            assert!(lacks(text), "{text}");
        }
        assert!(!message("Sale", Kind::SmsPremium, Purpose::Alert).lacks_stop_mention());
        assert!(!message("Sale", Kind::SmsLowCost, Purpose::Wholesale).lacks_stop_mention());
    }

    #[test]
    fn names_are_those_of_the_wire() {
        assert_eq!(Kind::named("sms_premium"), Some(Kind::SmsPremium));
        assert_eq!(Kind::named("sms_low_cost"), Some(Kind::SmsLowCost));
        assert_eq!(Kind::named("SMS_PREMIUM"), None);
        assert_eq!(Purpose::named("wholesale"), Some(Purpose::Wholesale));
        assert_eq!(Purpose::named("alert"), Some(Purpose::Alert));
        assert_eq!(Purpose::named("marketing"), None);
    }
}
