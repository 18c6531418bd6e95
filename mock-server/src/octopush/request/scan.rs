//! Reads a body that is written as nearly all are, in one pass and without a look back.
//!
//! *Input*: UTF-8. *Output*: exactly what `serde_json` makes of the same text, or nothing: then it has to read it. Nothing
//! comes of a key that is unknown or escaped, and of one of the request that is repeated or null; of what is empty; of
//! numbers that are no strings, objects and arrays where a value is due; and of whatever is no JSON.
//! *Bounds*: no allocation but the list of recipients.
//! *Sources*: RFC 8259. Escapes are only found to be well-formed, as `serde_json` does for a value that is kept as it was
//! written: half a surrogate pair is for the check of the field to find.

use super::{Contact, Key, SendRequest};
use crate::octopush::value::{Raw, Value};

/// Bytes of the shortest recipient with a correct number, `{"phone_number":"+123456"},`.
const RECIPIENT_BYTES_MIN: usize = 27;
/// Recipients that room is made for at once: as many as a good request may have.
const RECIPIENTS_ROOM: usize = 500;

/// The request, if it is a plain one.
pub(super) fn request(text: &str) -> Option<SendRequest<'_>> {
    let mut scan = Scan { text, at: 0 };
    let request = scan.request()?;
    scan.blank();
    (scan.at == text.len()).then_some(request)
}

/// A place in a text.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn request(&mut self) -> Option<SendRequest<'a>> {
        let mut request = SendRequest::default();
        self.take(b'{')?;
        loop {
            self.take(b'"')?;
            let Value::Plain(name) = self.string()? else {
                return None;
            };
            self.take(b':')?;
            let known = if name == "recipients" {
                request.recipients.replace(self.recipients()?).is_some()
            } else {
                request.slot(name)?.replace(self.value()??).is_some()
            };
            if known {
                return None;
            }
            if !self.goes_on(b'}')? {
                return Some(request);
            }
        }
    }

    fn recipients(&mut self) -> Option<Vec<Contact<'a>>> {
        let room = (self.text.len() - self.at) / RECIPIENT_BYTES_MIN + 1;
        let mut contacts = Vec::with_capacity(room.min(RECIPIENTS_ROOM));
        self.take(b'[')?;
        loop {
            // Filled in its place: it is too large to be moved there.
            contacts.push(Contact::EMPTY);
            self.contact(contacts.last_mut()?)?;
            if !self.goes_on(b']')? {
                return Some(contacts);
            }
        }
    }

    /// What is read is written where it stays at once: a value that is handed on through memory, written in parts and read
    /// as one, makes a processor wait, and that took two thirds of the reading.
    fn contact(&mut self, contact: &mut Contact<'a>) -> Option<()> {
        self.take(b'{')?;
        loop {
            if let Some(key) = self.dense_key() {
                let slot = contact.slot(key)?;
                match self.short_string() {
                    Some(text) => *slot = Some(Value::Plain(text)),
                    None => *slot = Some(self.string()?),
                }
            } else {
                let key = self.key()?;
                *contact.slot(key)? = self.value()?;
            }
            if !self.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    /// A recipient's key, its colon and the opening quote of a string, without blanks in between: one comparison.
    fn dense_key(&mut self) -> Option<Key> {
        let next = u128::from_le_bytes(*self.text.as_bytes()[self.at..].first_chunk()?);
        let found = DENSE_KEYS.iter().find(|dense| next & dense.mask == dense.word)?;
        self.at += found.length;
        Some(found.key)
    }

    /// A recipient's key with its colon, however they are spaced.
    fn key(&mut self) -> Option<Key> {
        self.take(b'"')?;
        let Value::Plain(name) = self.string()? else {
            return None;
        };
        self.take(b':')?;
        Some(Key::named(name))
    }

    /// A string, `true`, `false` or null.
    fn value(&mut self) -> Option<Raw<'a>> {
        self.blank();
        if self.peek()? == b'"' {
            self.at += 1;
            return self.string().map(Some);
        }
        let rest = &self.text[self.at..];
        let word = ["null", "true", "false"]
            .into_iter()
            .find(|word| rest.starts_with(word))?;
        self.at += word.len();
        Some((word != "null").then_some(Value::Other(&rest[..word.len()])))
    }

    /// The rest of a string behind its opening quote, if it is plain and ends within sixteen bytes, as nearly all do.
    fn short_string(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let next = rest.as_bytes().first_chunk()?;
        let length = first(specials(u128::from_le_bytes(*next)));
        if rest.as_bytes().get(length) != Some(&b'"') {
            return None;
        }
        self.at += length + 1;
        Some(&rest[..length])
    }

    /// The rest of a string behind its opening quote.
    fn string(&mut self) -> Option<Value<'a>> {
        let from = self.at;
        let mut escapes = false;
        loop {
            self.at += special(&self.text.as_bytes()[self.at..])? + 1;
            match self.text.as_bytes()[self.at - 1] {
                b'"' if escapes => return Some(Value::Other(&self.text[from - 1..self.at])),
                b'"' => return Some(Value::Plain(&self.text[from..self.at - 1])),
                b'\\' => self.escape()?,
                _ => return None,
            }
            escapes = true;
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += match rest.first()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
            b'u' if rest.get(1..5)?.iter().all(u8::is_ascii_hexdigit) => 5,
            _ => return None,
        };
        Some(())
    }

    /// Whether a comma follows; else it must be the end.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        let next = self.next()?;
        (next == b',' || next == end).then_some(next == b',')
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// The next byte that is no blank.
    fn next(&mut self) -> Option<u8> {
        let mut next = self.peek()?;
        // Few bodies have blanks, and no character of JSON has a smaller code.
        if next <= b' ' {
            self.blank();
            next = self.peek()?;
        }
        self.at += 1;
        Some(next)
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// How a key of a recipient and the beginning of its string are written without blanks, as a number.
struct DenseKey {
    word: u128,
    mask: u128,
    length: usize,
    key: Key,
}

/// In the order that clients write them in.
const DENSE_KEYS: [DenseKey; 8] = [
    DenseKey::of(br#""phone_number":""#, Key::PhoneNumber),
    DenseKey::of(br#""first_name":""#, Key::Field(0)),
    DenseKey::of(br#""last_name":""#, Key::Field(1)),
    DenseKey::of(br#""param1":""#, Key::Field(2)),
    DenseKey::of(br#""param2":""#, Key::Field(3)),
    DenseKey::of(br#""param3":""#, Key::Field(4)),
    DenseKey::of(br#""param4":""#, Key::Field(5)),
    DenseKey::of(br#""param5":""#, Key::Field(6)),
];

impl DenseKey {
    const fn of(written: &[u8], key: Key) -> Self {
        let mut word = [0; 16];
        let mut mask = [0; 16];
        let mut place = 0;
        while place < written.len() {
            word[place] = written[place];
            mask[place] = 0xff;
            place += 1;
        }
        Self {
            word: u128::from_le_bytes(word),
            mask: u128::from_le_bytes(mask),
            length: written.len(),
            key,
        }
    }
}

/// The place of the first byte that does not stand for itself in a string: a quote, a backslash or a control character.
/// Sixteen bytes at a time: nearly every value ends within them.
fn special(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<16>();
    for (nth, word) in words.iter().enumerate() {
        let marks = specials(u128::from_le_bytes(*word));
        if marks != 0 {
            return Some(nth * 16 + first(marks));
        }
    }
    let place = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    Some(words.len() * 16 + place)
}

/// The place of the lowest mark; 16 without any.
fn first(marks: u128) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Marks the highest bit of each such byte; the lowest mark is always right, those above it may be too many.
fn specials(word: u128) -> u128 {
    const ONES: u128 = u128::from_le_bytes([1; 16]);
    const HIGHEST: u128 = ONES << 7;
    // A byte below n borrows when n is taken from it: its highest bit is set then, where it was not before.
    let below = |word: u128, n: u128| word.wrapping_sub(ONES * n) & !word;
    // With the second bit turned over, the quote is 0x20 and the control characters are still those below it.
    let quote_or_control = below(word ^ (ONES * 0x02), 0x21);
    let backslash = below(word ^ (ONES * u128::from(b'\\')), 1);
    (quote_or_control | backslash) & HIGHEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octopush::request::object;

    /// Both readings of a text; the scan may leave it to the other. Gives whether it did not.
    fn check(text: &str) -> bool {
        let Some(scanned) = request(text) else {
            return false;
        };
        let read: Result<SendRequest<'_>, _> = object(text.as_bytes());
        assert_eq!(Ok(scanned), read, "{text}");
        true
    }

    /// A body as clients write it.
    const BODY: &str = r#"{"recipients":[{"phone_number":"+33612345678","first_name":"Zoë \"Z\"","last_name":"O\u00e9",
        "param1":"Friday 8:45","param2":null,"param3":"","param4":"a\\b\/c","param5":"\ud83d"}, {"phone_number": "+1"}],
        "text":"Hello {first_name} {param1}\n STOP au 30101","type":"sms_premium","purpose":"wholesale","sender":"Acme",
        "send_at":"2026-12-01","with_replies":false,"simulation_mode":true,"request_id":"volley","auto_optimize_text":"True",
        "auto_remove_blacklisted_numbers":false}"#;

    #[test]
    fn a_body_as_clients_write_it_is_scanned() {
        assert!(check(BODY));
        assert!(check(&BODY.replace(['\n', ' '], "")));
        assert!(check(&format!(" \r\n\t{BODY} ")));
        assert!(check(r#"{"text":"first","recipients":[{"param5":"é"}]}"#));
    }

    #[test]
    fn what_is_not_plain_is_left_to_serde() {
        let check = |text: &str| assert_eq!(request(text), None, "{text}");
        check("");
        check("{}");
        check("[]");
        check(r#"{"recipients":[]}"#);
        check(r#"{"recipients":null}"#);
        check(r#"{"recipients":[{}]}"#);
        check(r#"{"recipients":["+33612345678"]}"#);
        check(r#"{"recipients":[{"phone_number":33612345678}]}"#);
        check(r#"{"recipients":[{"phone_number":["+33612345678"]}]}"#);
        check(r#"{"recipients":[{"colour":"red"}]}"#);
        check(r#"{"recipients":[{"param6":"red"}]}"#);
        check(r#"{"recipients":[{"param\u0031":"red"}]}"#);
        check(r#"{"recipients":[{"param1":"red"},]}"#);
        check(r#"{"recipients":[{"param1":"red",}]}"#);
        check(r#"{"text":"a","text":"b"}"#);
        check(r#"{"text":null}"#);
        check(r#"{"recipients":[{"param1":"a"}],"recipients":[{"param1":"a"}]}"#);
        check(r#"{"text":"a","colour":"b"}"#);
        check(r#"{"text":"a"} x"#);
        check(r#"{"text":"a"}{}"#);
        check(r#"{"text":"a"#);
        check(r#"{"text":"a\"#);
        check(r#"{"text":"a\x"}"#);
        check(r#"{"text":"a\u00g0"}"#);
        check(r#"{"text":nul}"#);
        check(r#"{"text":nulls}"#);
        check("{\"text\":\"a\tb\"}");
        check("{\"text\":\"a\"\u{a0}}");
    }

    #[test]
    fn of_a_repeated_key_of_a_recipient_the_last_counts() {
        assert!(check(
            r#"{"recipients":[{"param1":"a","param1":"b"},{"param1":"a","param1":null}]}"#
        ));
    }

    /// Pieces that a change puts somewhere into a body.
    const PIECES: [&str; 36] = [
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\t",
        "\0",
        "\u{1f}",
        "\u{7f}",
        "é",
        "😀",
        "0",
        "-1",
        "1e9",
        "null",
        "true",
        "false",
        "nul",
        "\\u",
        "\\ud83d\\ude00",
        "\\udc00",
        "\\\"",
        "\\x",
        "\"a\":1,",
        "\"param1\":\"a\",",
        "\"param\\u0031\":\"a\",",
        "\"text\":\"a\",",
        "\"recipients\":null,",
        "{},",
        "[[[[",
        "\u{feff}",
    ];

    #[test]
    fn both_readings_agree_on_bodies_that_were_changed_at_random() {
        let mut scanned = 0;
        for seed in 0..20_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut body: Vec<char> = BODY.chars().collect();
            for _ in 0..random.usize(1..4) {
                let from = random.usize(0..=body.len());
                let to = (from + random.usize(0..3) * random.usize(0..12)).min(body.len());
                let piece = PIECES[random.usize(0..PIECES.len())];
                let piece = if random.bool() { piece } else { "" };
                body.splice(from..to, piece.chars());
            }
            scanned += u32::from(check(&String::from_iter(body)));
        }
        assert!(scanned > 1_000, "only {scanned} of them were scanned at all");
    }

    #[test]
    fn special_bytes_are_found_wherever_they_stand() {
        for byte in u8::MIN..=u8::MAX {
            let expected = matches!(byte, b'"' | b'\\') || byte < b' ';
            for length in 1..40 {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    assert_eq!(
                        special(&text),
                        expected.then_some(place),
                        "{byte} at {place} of {length}"
                    );
                    // The neighbours that a borrow could mark wrongly.
                    let mut text = [b'!', b'#', b'[', b']', b' ', 0x7f, 0x80, 0xff].repeat(5);
                    text[place] = byte;
                    assert_eq!(special(&text), expected.then_some(place), "{byte} at {place}");
                }
            }
        }
    }
}
