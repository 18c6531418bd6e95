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
use super::seal::KEY_PART_BYTES;
use crate::json_string::{push_json_string, push_json_text};

const HEAD: &[u8] = br#"{"recipients":["#;
const RECIPIENT: &[u8; 17] = br#"{"phone_number":""#;
/// What a recipient takes beside its fields' texts and their keys: `{"phone_number":"+` 15 digits `"},`.
const RECIPIENT_BYTES: usize = 37;
/// A guess at a field's key and text; a wrong one costs a growing buffer, nothing else.
const FIELD_BYTES: usize = 28;

/// Encodes the recipients of one message.
pub struct Encoder {
    template: Template,
    tail: Vec<u8>,
    first: bool,
    fields_used: usize,
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
            template: message.template.clone(),
            tail: tail(message),
            first: true,
        }
    }

    /// How many bytes to reserve for a body of so many recipients, its request id included.
    pub fn size_hint(&self, recipients: usize) -> usize {
        let recipient_bytes = RECIPIENT_BYTES + self.fields_used * FIELD_BYTES;
        HEAD.len() + recipients * recipient_bytes + self.tail.len() + KEY_PART_BYTES
    }

    /// A recipient's field, or its default, if there is one: its key up to the text's first byte, and the text. The key's
    /// length is known where this is compiled, which saves a call for each of a dozen bytes.
    #[inline]
    fn push_field<const KEY_BYTES: usize>(
        &self,
        body: &mut Vec<u8>,
        key: &[u8; KEY_BYTES],
        recipient: &Recipient<'_>,
        field: Field,
    ) {
        if let Some(own) = recipient.field(field)
            && recipient.verbatim
        {
            body.extend_from_slice(key);
            own.append_to(body);
        } else if let Some(text) = self.template.value(recipient, field) {
            body.extend_from_slice(key);
            push_json_text(body, text);
        } else {
            return;
        }
        body.push(b'"');
    }
}

impl BodyEncoder for Encoder {
    fn begin(&mut self, body: &mut Vec<u8>) {
        self.first = true;
        body.extend_from_slice(HEAD);
    }

    fn push(&mut self, body: &mut Vec<u8>, recipient: &Recipient<'_>) {
        if !self.first {
            body.push(b',');
        }
        self.first = false;
        body.extend_from_slice(RECIPIENT);
        recipient.number.write_e164(body);
        body.push(b'"');
        self.push_field(body, br#","first_name":""#, recipient, Field::FirstName);
        self.push_field(body, br#","last_name":""#, recipient, Field::LastName);
        self.push_field(body, br#","param1":""#, recipient, Field::Param1);
        self.push_field(body, br#","param2":""#, recipient, Field::Param2);
        self.push_field(body, br#","param3":""#, recipient, Field::Param3);
        self.push_field(body, br#","param4":""#, recipient, Field::Param4);
        self.push_field(body, br#","param5":""#, recipient, Field::Param5);
        body.push(b'}');
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
