//! Writes the body of `POST /campaigns` into the batch's buffer, one number after another.
//!
//! Input: the message, and recipients as the intake reads them, of whom only the number counts. Output: the body up to, and
//! without, the campaign's name and what closes it; [`Sealer`](super::Sealer) adds those.
//! Bounds: nothing is allocated for a recipient but what the buffer itself grows by; constant parts are prepared once.
//! Sources: "create campaign" and "update campaign details" for the fields. Their prose calls `from` a comma-separated list,
//! and tables show `'true'` as text; the samples have an object `campaigns`, arrays, and booleans, which is what we send.
//! Not here: how many recipients make a batch.

use std::fmt;

use volley_model::segments::{Encoding, Measure};
use volley_model::{BodyEncoder, Msisdn, Recipient};

use super::message::{Retries, RetryStatus, Schedule, TYPE, VoiceMessage};
use super::seal::KEY_PART_BYTES;
use crate::json_string::push_json_string;

const HEAD: &[u8] = br#"{"campaigns":[{"from":["#;
/// What a recipient takes: `"+` 15 digits `",`.
const RECIPIENT_BYTES: usize = 19;

/// Encodes the recipients of one message.
pub struct Encoder {
    tail: Vec<u8>,
    first: bool,
}

impl Encoder {
    /// Prepares the parts that are the same in every body.
    pub fn new(message: &VoiceMessage) -> Self {
        let mut tail = b"]".to_vec();
        push_message(&mut tail, message);
        Self { tail, first: true }
    }

    /// How many bytes to reserve for a body of so many recipients, its name included.
    pub fn size_hint(&self, recipients: usize) -> usize {
        HEAD.len() + recipients * RECIPIENT_BYTES + self.tail.len() + KEY_PART_BYTES
    }

    /// The body for some of a batch's members: what is left of it once a number of it was refused. Byte for byte what
    /// the same recipients would have got in a batch of their own.
    pub fn child_body(&self, members: &[Msisdn]) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.size_hint(members.len()));
        body.extend_from_slice(HEAD);
        for (at, &member) in members.iter().enumerate() {
            push_number(&mut body, at == 0, member);
        }
        body.extend_from_slice(&self.tail);
        body
    }
}

impl BodyEncoder for Encoder {
    fn begin(&mut self, body: &mut Vec<u8>) {
        self.first = true;
        body.extend_from_slice(HEAD);
    }

    fn push(&mut self, body: &mut Vec<u8>, recipient: &Recipient<'_>) {
        push_number(body, self.first, recipient.number);
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

    /// One unit a recipient: a call, which has no segments and no alphabet. Retries are not counted in; see
    /// [`VoiceMessage::calls_max_per_recipient`].
    fn measure(&self, _recipient: &Recipient<'_>) -> Measure {
        Measure {
            encoding: Encoding::Gsm7,
            units: 1,
            segments: 1,
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Encoder").finish_non_exhaustive()
    }
}

fn push_number(body: &mut Vec<u8>, first: bool, number: Msisdn) {
    body.extend_from_slice(if first { b"\"" } else { b",\"" });
    number.write_e164(body);
    body.push(b'"');
}

/// Everything that a message says of itself, each member behind a comma. Whether duplicates may be called is always said:
/// a default that changed would call people twice.
fn push_message(body: &mut Vec<u8>, message: &VoiceMessage) {
    push_pair(body, "caller_id", message.caller_id.as_str());
    push_pair(body, "url", message.url.as_str());
    push_pair(body, "type", TYPE);
    push_key(body, "call_duplicate_numbers");
    body.extend_from_slice(if message.call_duplicate_numbers {
        b"true"
    } else {
        b"false"
    });
    if let Some(retries) = &message.retries {
        push_key(body, "retries");
        push_retries(body, retries);
    }
    if let Some(schedule) = &message.schedule {
        push_key(body, "schedule");
        push_schedule(body, schedule);
    }
    for (key, url) in [
        ("status_callback", &message.status_callback),
        ("call_status_callback", &message.call_status_callback),
        ("call_schedule_callback", &message.call_schedule_callback),
    ] {
        if let Some(url) = url {
            push_pair(body, key, url.as_str());
        }
    }
    if let Some(custom_field) = &message.custom_field {
        push_pair(body, "custom_field", custom_field);
    }
}

/// `{"number_of_retries":2,"interval_mins":5,"mechanism":"Linear","on_status":["busy"]}`
pub(super) fn push_retries(body: &mut Vec<u8>, retries: &Retries) {
    let numbers = (retries.number(), retries.interval_mins());
    let head = format!(
        r#"{{"number_of_retries":{},"interval_mins":{}"#,
        numbers.0, numbers.1
    );
    body.extend_from_slice(head.as_bytes());
    if let Some(mechanism) = retries.mechanism {
        push_pair(body, "mechanism", mechanism.name());
    }
    if let Some(on_status) = retries.on_status {
        push_key(body, "on_status");
        let names: Vec<&str> = on_status.iter().map(RetryStatus::name).collect();
        push_texts(body, &names);
    }
    body.push(b'}');
}

/// `{"send_at":"…","end_at":"…"}`, or one of them.
pub(super) fn push_schedule(body: &mut Vec<u8>, schedule: &Schedule) {
    let mut head: &[u8] = b"{";
    for (key, time) in [("send_at", schedule.send_at()), ("end_at", schedule.end_at())] {
        if let Some(time) = time {
            body.extend_from_slice(head);
            push_json_string(body, key);
            body.push(b':');
            push_json_string(body, time.as_str());
            head = b",";
        }
    }
    body.push(b'}');
}

/// An array of texts.
pub(super) fn push_texts<T: AsRef<str>>(body: &mut Vec<u8>, texts: &[T]) {
    body.push(b'[');
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        push_json_string(body, text.as_ref());
    }
    body.push(b']');
}

pub(super) fn push_key(body: &mut Vec<u8>, key: &str) {
    body.push(b',');
    push_json_string(body, key);
    body.push(b':');
}

fn push_pair(body: &mut Vec<u8>, key: &str, text: &str) {
    push_key(body, key);
    push_json_string(body, text);
}
