//! What whoever sends this message should know of it: STOP mention, length, purpose, time, charges.
//!
//! Sources: "Transactional SMS" (purpose `alert`), "Schedule SMS sending" (`send_at`, the charge for blacklist removal),
//! "two-ways-sms" (the short number). Not here: characters (see [`foreign`](super::foreign)), the ledger.

use volley_model::Amount;
use volley_provider::octopush::{CURRENCY, Message, Purpose};

use super::Counts;
use crate::summary::{counted, counted_as, grouped};

/// The notes, each a whole sentence; those first that would stop it.
pub(super) fn notes(message: &Message, counts: &Counts, fees: Amount, estimated: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(why) = stop_mention(counts.french_unmentioned) {
        notes.push(format!("send would refuse it: {why}"));
    }
    notes.extend(over_long(counts.over_long));
    if message.purpose == Purpose::Alert {
        notes.push(format!(
            "purpose alert: {} (\"Transactional SMS\")",
            Purpose::ALERT_WARNING
        ));
    }
    if message.simulation_mode {
        notes.push(
            "simulation_mode: nobody would be reached and nothing is owed; the cost is that of a real run"
                .to_owned(),
        );
    }
    if message.with_replies {
        notes.push(
            "with_replies: a short number takes the sender's place, so that recipients can reply (\"two-ways-sms\")"
                .to_owned(),
        );
    }
    if message.auto_remove_blacklisted_numbers {
        notes.push(format!(
            "auto_remove_blacklisted_numbers costs 0.01 {} a request: {fees} {} for {}, {}",
            CURRENCY.code(),
            CURRENCY.code(),
            counted(counts.batches, "request"),
            if estimated {
                "which is in the estimate"
            } else {
                "whatever the messages cost"
            }
        ));
    }
    notes
}

/// Why French recipients would not be sent to; `None` where nobody is concerned.
pub(super) fn stop_mention(recipients: u64) -> Option<String> {
    let who = match recipients {
        0 => return None,
        1 => "1 recipient has a French number".to_owned(),
        _ => format!("{} recipients have French numbers", grouped(recipients)),
    };
    Some(format!(
        "{who}, and premium marketing to them needs a STOP mention: add, for example, \"{}\" (Octopush answers code 121 \
         without it)",
        Message::STOP_MENTION
    ))
}

/// What is said of messages longer than any text as such may be.
fn over_long(messages: u64) -> Option<String> {
    (messages > 0).then(|| {
        format!(
            "{} more than {} segments, what 1224 characters of GSM-7 take: each segment is charged, and the provider may \
             refuse or shorten what is longer",
            counted_as(messages, "message takes", "messages take"),
            Message::SEGMENTS_MAX
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_french_recipient_is_told_from_several_and_none_from_one() {
        assert_eq!(stop_mention(0), None);
        assert!(
            stop_mention(1)
                .unwrap()
                .starts_with("1 recipient has a French number, and")
        );
        assert_eq!(
            stop_mention(1200).unwrap(),
            "1,200 recipients have French numbers, and premium marketing to them needs a STOP mention: add, for example, \
             \"STOP au 30101\" (Octopush answers code 121 without it)"
        );
    }
}
