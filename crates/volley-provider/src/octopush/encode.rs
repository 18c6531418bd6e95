//! Writes the body of `POST /sms-campaign/send` into the batch's buffer, one recipient after another.
//!
//! Input: the message, and recipients as the intake reads them. Output: the body up to, and without, its closing
//! brace; [`Sealer`](super::Sealer) adds the request id and closes it.
//! Bounds: nothing is allocated for a recipient but what the buffer itself grows by; constant parts are prepared once.
//! Not here: how many recipients make a batch.

use std::fmt;

use volley_model::segments::Measure;
use volley_model::{BodyEncoder, Field, Recipient, Template};

use super::Message;
use super::draft::{self, Draft};
use super::seal::KEY_PART_BYTES;
use crate::json_string::{push_json_string, push_json_text};

const HEAD: &[u8] = br#"{"recipients":["#;
/// What stands before a recipient's number; before the first one's without the comma.
const RECIPIENT: &[u8; 18] = br#",{"phone_number":""#;
/// What a recipient takes beside its fields' texts and their keys: `{"phone_number":"+` 15 digits `"},`.
const RECIPIENT_BYTES: usize = 37;
/// The longest key with what stands around it, `,"first_name":"`, rounded up.
pub(super) const OPENING_BYTES: usize = 16;
/// A guess at a field's key and text; a wrong one costs a growing buffer, nothing else.
const FIELD_BYTES: usize = 28;

/// Encodes the recipients of one message.
pub struct Encoder {
    template: Template,
    pairs: [Pair; Field::COUNT],
    tail: Vec<u8>,
    first: bool,
    fields_used: usize,
    draft: Draft,
}

/// A field's pair in a body.
struct Pair {
    field: Field,
    /// The key up to the text's first byte, and how many bytes that is: `,"first_name":"`.
    opening: [u8; OPENING_BYTES],
    length: usize,
    /// The whole pair of whoever lacks the field, where there is a default.
    default: Vec<u8>,
}

impl Pair {
    fn new(field: Field, template: &Template) -> Self {
        let text = format!(",\"{}\":\"", field.name());
        let mut opening = [0; OPENING_BYTES];
        opening[..text.len()].copy_from_slice(text.as_bytes());
        let mut default = Vec::new();
        if let Some(said) = template.default(field) {
            default.extend_from_slice(text.as_bytes());
            push_json_text(&mut default, said);
            default.push(b'"');
        }
        Self {
            field,
            opening,
            length: text.len(),
            default,
        }
    }
}

impl Encoder {
    /// Prepares the parts that are the same in every body. The message is taken as checked; see [`Message::check`].
    pub fn new(message: &Message) -> Self {
        let wire = message.template.wire();
        Self {
            fields_used: Field::ALL
                .into_iter()
                .filter(|field| wire.contains(&format!("{{{}}}", field.name())))
                .count(),
            pairs: Field::ALL.map(|field| Pair::new(field, &message.template)),
            template: message.template.clone(),
            tail: tail(message),
            first: true,
            draft: Draft::new(),
        }
    }

    /// How many bytes to reserve for a body of so many recipients, its request id included.
    pub fn size_hint(&self, recipients: usize) -> usize {
        let recipient_bytes = RECIPIENT_BYTES + self.fields_used * FIELD_BYTES;
        HEAD.len() + recipients * recipient_bytes + self.tail.len() + KEY_PART_BYTES
    }

    /// A recipient whose texts stand in the body as they are.
    fn push_verbatim(&mut self, body: &mut Vec<u8>, recipient: &Recipient<'_>) {
        let draft = &mut self.draft;
        draft.clear();
        draft.put(RECIPIENT, RECIPIENT.len());
        draft.put_number(recipient.number);
        draft.put_byte(b'"');
        for (pair, text) in self.pairs.iter().zip(recipient.fields) {
            if !text.is_empty() {
                draft.put(&pair.opening, pair.length);
                draft.put_text(*text);
                draft.put_byte(b'"');
            } else if !pair.default.is_empty() {
                draft.put_slice(&pair.default);
            }
        }
        draft.put_byte(b'}');
        body.extend_from_slice(&draft.bytes()[usize::from(self.first)..]);
    }

    /// Any recipient.
    fn push_escaped(&self, body: &mut Vec<u8>, recipient: &Recipient<'_>) {
        body.extend_from_slice(&RECIPIENT[usize::from(self.first)..]);
        recipient.number.write_e164(body);
        body.push(b'"');
        for pair in &self.pairs {
            if let Some(text) = recipient.field(pair.field) {
                body.extend_from_slice(&pair.opening[..pair.length]);
                push_json_text(body, text.as_str());
                body.push(b'"');
            } else {
                body.extend_from_slice(&pair.default);
            }
        }
        body.push(b'}');
    }
}

impl BodyEncoder for Encoder {
    fn begin(&mut self, body: &mut Vec<u8>) {
        self.first = true;
        body.extend_from_slice(HEAD);
    }

    fn push(&mut self, body: &mut Vec<u8>, recipient: &Recipient<'_>) {
        let texts: usize = recipient.fields.iter().map(|text| text.len()).sum();
        if recipient.verbatim && texts <= draft::TEXTS_MAX {
            self.push_verbatim(body, recipient);
        } else {
            self.push_escaped(body, recipient);
        }
        self.first = false;
    }

    fn push_again(&mut self, body: &mut Vec<u8>, written: &[u8]) {
        let bare = written.strip_prefix(b",").unwrap_or(written);
        if !self.first {
            body.push(b',');
        }
        body.extend_from_slice(bare);
        self.first = false;
    }

    fn end(&mut self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.tail);
    }

    fn measure(&self, recipient: &Recipient<'_>) -> Measure {
        self.template.measure(recipient)
    }

    fn foreign_in_fields(&self, recipient: &Recipient<'_>, found: &mut dyn FnMut(Field, char)) {
        self.template.foreign_in_fields(recipient, found);
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Encoder").finish_non_exhaustive()
    }
}

/// Everything behind the recipients, without the closing brace.
fn tail(message: &Message) -> Vec<u8> {
    let mut tail = b"]".to_vec();
    push_message(&mut tail, message, message.kind.name());
    tail
}

/// Everything that a message says of itself, each member behind a comma; `kind` is its `type`. A flag at the
/// provider's default is left out.
pub(super) fn push_message(body: &mut Vec<u8>, message: &Message, kind: &str) {
    push_pair(body, "text", message.template.wire());
    push_pair(body, "type", kind);
    push_pair(body, "purpose", message.purpose.name());
    push_pair(body, "sender", message.sender.as_str());
    if let Some(send_at) = &message.send_at {
        push_pair(body, "send_at", send_at.as_str());
    }
    if message.with_replies {
        body.extend_from_slice(br#","with_replies":true"#);
    }
    if message.simulation_mode {
        body.extend_from_slice(br#","simulation_mode":true"#);
    }
    // "Schedule SMS sending": with false the text is not optimised. The English "Transactional SMS" says that it will be,
    // where the French one has "ne sera pas": false keeps the text.
    if !message.auto_optimize_text {
        body.extend_from_slice(br#","auto_optimize_text":false"#);
    }
    if message.auto_remove_blacklisted_numbers {
        body.extend_from_slice(br#","auto_remove_blacklisted_numbers":true"#);
    }
}

fn push_pair(tail: &mut Vec<u8>, key: &str, text: &str) {
    tail.push(b',');
    push_json_string(tail, key);
    tail.push(b':');
    push_json_string(tail, text);
}
