//! What whoever sends this call should know of it: how long the dialling takes, whom it may ring more than once.
//!
//! Sources: "create campaign" and "How does the Campaigns API work" (60 calls a minute unless the account has more).

use std::time::Duration;

use volley_provider::exotel::{CALLS_PER_MINUTE, VoiceMessage};

use crate::progress::duration;
use crate::summary::counted;

/// The notes, each a whole sentence.
pub(super) fn notes(message: &VoiceMessage, calls: u64) -> Vec<String> {
    let mut notes = vec![dialling(calls)];
    let calls_max = message.calls_max_per_recipient();
    if calls_max > 1 {
        notes.push(format!(
            "retries: who is not reached is dialled up to {calls_max} times, each a call that may be charged; dialling takes as \
             much longer"
        ));
    }
    if let Some(end_at) = message.schedule.as_ref().and_then(|schedule| schedule.end_at()) {
        notes.push(format!(
            "calling ends at {end_at} (schedule.end_at), even if not everybody was called"
        ));
    }
    if message.call_duplicate_numbers {
        notes.push(
            "call_duplicate_numbers: Exotel may call a number as often as it stands in a campaign; no batch has one twice"
                .to_owned(),
        );
    }
    notes
}

/// How long Exotel dials. It is the provider's work: the run is over when the campaigns are created.
fn dialling(calls: u64) -> String {
    let time = Duration::from_secs(calls.saturating_mul(60).div_ceil(CALLS_PER_MINUTE));
    format!(
        "Exotel dials {CALLS_PER_MINUTE} a minute unless the account has more: {}, {}",
        counted(calls, "call"),
        duration(time)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_calls_take_more_than_eleven_days() {
        assert_eq!(
            dialling(1_000_000),
            "Exotel dials 60 a minute unless the account has more: 1,000,000 calls, 11.6 days"
        );
        assert!(
            dialling(60).ends_with(": 60 calls, 1 min 00 s"),
            "{}",
            dialling(60)
        );
    }
}
