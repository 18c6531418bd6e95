//! The rows: a fault, what the provider has of the batch by then, and what follows.

use super::Then::{self, Accepted, AcceptedAgain, InDoubt, Redirected, Refused, Released, Split, Unticketed};
use crate::support::Holding::{self, HasIt, LacksIt};
use crate::support::Provider;

/// A fault, as a rule of the mock's script, and what follows for each provider that has the row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) rule: &'static str,
    /// Of the batch that met the fault, once that is over.
    pub(super) holding: Holding,
    octopush: Option<Then>,
    exotel: Option<Then>,
}

impl Row {
    pub(super) fn then(&self, provider: Provider) -> Option<Then> {
        match provider {
            Provider::Octopush => self.octopush,
            Provider::Exotel => self.exotel,
        }
    }
}

const fn both(rule: &'static str, holding: Holding, then: Then) -> Row {
    differ(rule, holding, then, then)
}

/// Octopush's end, and Exotel's.
const fn differ(rule: &'static str, holding: Holding, octopush: Then, exotel: Then) -> Row {
    Row {
        rule,
        holding,
        octopush: Some(octopush),
        exotel: Some(exotel),
    }
}

const fn octopush(rule: &'static str, holding: Holding, then: Then) -> Row {
    Row {
        exotel: None,
        ..both(rule, holding, then)
    }
}

const fn exotel(rule: &'static str, holding: Holding, then: Then) -> Row {
    Row {
        octopush: None,
        ..both(rule, holding, then)
    }
}

/// Lost answers: whatever was handed over may have been processed.
#[rustfmt::skip] // a table is read by its rows
pub(super) const LOST: &[Row] = &[
    both(r#""at":"before_read","do":"drop""#, LacksIt, InDoubt),
    both(r#""at":"after_read","do":"drop""#, LacksIt, InDoubt),
    both(r#""at":"after_commit","do":"drop""#, HasIt, InDoubt),
    both(r#""at":"before_read","do":"reset""#, LacksIt, InDoubt),
    both(r#""at":"after_read","do":"reset""#, LacksIt, InDoubt),
    both(r#""at":"after_commit","do":"reset""#, HasIt, InDoubt),
    both(r#""at":"before_read","do":"delay","ms":60000"#, LacksIt, InDoubt),
    both(r#""at":"after_read","do":"delay","ms":60000"#, LacksIt, InDoubt),
    both(r#""at":"after_commit","do":"delay","ms":60000"#, HasIt, InDoubt),
];

/// Answers that say nothing certain of the batch.
#[rustfmt::skip] // a table is read by its rows
pub(super) const UNCERTAIN: &[Row] = &[
    both(r#""at":"before_read","do":"status","status":500"#, LacksIt, InDoubt),
    both(r#""at":"after_read","do":"status","status":500"#, LacksIt, InDoubt),
    both(r#""at":"after_commit","do":"status","status":500"#, HasIt, InDoubt),
    both(r#""at":"after_read","do":"status","status":502"#, LacksIt, InDoubt),
    both(r#""at":"after_commit","do":"status","status":502"#, HasIt, InDoubt),
    both(r#""at":"after_read","do":"status","status":503,"retry_after":"1""#, LacksIt, InDoubt),
    both(r#""at":"after_commit","do":"status","status":503"#, HasIt, InDoubt),
    both(r#""at":"after_commit","do":"status","status":504"#, HasIt, InDoubt),
    both(r#""at":"before_read","do":"status","status":408"#, LacksIt, InDoubt),
    both(r#""at":"after_commit","do":"status","status":408"#, HasIt, InDoubt),
    // A code counts in 400, 409 and 422 only.
    octopush(r#""at":"after_commit","do":"status","status":500,"code":126"#, HasIt, InDoubt),
    octopush(r#""at":"after_commit","do":"status","status":408,"code":101"#, HasIt, InDoubt),
    exotel(r#""at":"after_commit","do":"status","status":500,"code":1001"#, HasIt, InDoubt),
    exotel(r#""at":"after_commit","do":"status","status":408,"code":1010"#, HasIt, InDoubt),
    // Anything not listed.
    both(r#""at":"after_read","do":"status","status":418"#, LacksIt, InDoubt),
    both(r#""at":"after_read","do":"status","status":600"#, LacksIt, InDoubt),
    // Each one's own codes of doubt, and what cannot be read.
    octopush(r#""at":"after_commit","do":"status","status":400,"code":125"#, HasIt, InDoubt),
    octopush(r#""at":"after_commit","do":"status","status":422,"code":500"#, HasIt, InDoubt),
    exotel(r#""at":"after_commit","do":"status","status":400,"code":1100"#, HasIt, InDoubt),
    exotel(r#""at":"after_commit","do":"status","status":409,"code":1008"#, HasIt, InDoubt),
    both(r#""at":"after_commit","do":"status","status":400,"body":"<html>""#, HasIt, InDoubt),
    both(r#""at":"after_read","do":"truncate","status":400"#, LacksIt, InDoubt),
    both(r#""at":"after_read","do":"truncate","status":502"#, LacksIt, InDoubt),
    // A duplicate for a key none of whose attempts was in doubt: another ledger may have sent it.
    octopush(r#""at":"after_read","do":"status","status":400,"code":120"#, LacksIt, InDoubt),
    exotel(r#""at":"after_read","do":"status","status":400,"code":120"#, LacksIt, Refused),
    // Redirects are not followed, and stop the run.
    both(r#""at":"after_read","do":"status","status":301"#, LacksIt, Redirected),
    both(r#""at":"after_read","do":"status","status":302"#, LacksIt, Redirected),
    both(r#""at":"after_commit","do":"status","status":307"#, HasIt, Redirected),
];

/// Answers that prove something.
#[rustfmt::skip] // a table is read by its rows
pub(super) const CERTAIN: &[Row] = &[
    both(r#""at":"before_read","do":"goaway""#, HasIt, Accepted),
    both(r#""at":"after_read","do":"goaway""#, HasIt, Accepted),
    both(r#""at":"after_commit","do":"goaway""#, HasIt, Accepted),
    both(r#""at":"before_read","do":"delay","ms":30"#, HasIt, Accepted),
    both(r#""at":"after_commit","do":"trickle","ms":1"#, HasIt, Accepted),
    both(r#""at":"before_read","do":"status","status":429,"retry_after":"0""#, HasIt, AcceptedAgain),
    both(r#""at":"after_read","do":"status","status":429,"retry_after":"0""#, HasIt, AcceptedAgain),
    octopush(r#""at":"after_read","do":"status","status":400,"code":126"#, HasIt, AcceptedAgain),
    exotel(r#""at":"after_read","do":"status","status":400,"code":126"#, LacksIt, Refused),
    octopush(r#""at":"after_read","do":"status","status":409,"code":153"#, HasIt, AcceptedAgain),
    // A 429 that is a lie: the repeated key is a duplicate, and nothing of ours was in doubt before. Without a key nothing
    // could tell: Exotel is taken at its word.
    octopush(r#""at":"after_commit","do":"status","status":429,"retry_after":"0""#, HasIt, InDoubt),
    both(r#""at":"before_read","do":"status","status":404"#, LacksIt, Refused),
    both(r#""at":"after_read","do":"status","status":404,"body":"<html>""#, LacksIt, Refused),
    both(r#""at":"after_read","do":"status","status":405"#, LacksIt, Refused),
    both(r#""at":"before_read","do":"status","status":413"#, LacksIt, Refused),
    both(r#""at":"after_read","do":"status","status":415"#, LacksIt, Refused),
    both(r#""at":"after_read","do":"status","status":400"#, LacksIt, Refused),
    octopush(r#""at":"after_read","do":"status","status":422,"code":121"#, LacksIt, Refused),
    exotel(r#""at":"after_read","do":"status","status":422,"code":1001"#, LacksIt, Refused),
    both(r#""at":"before_read","do":"status","status":401"#, LacksIt, Released),
    both(r#""at":"after_read","do":"status","status":402,"body":"""#, LacksIt, Released),
    both(r#""at":"after_read","do":"status","status":403,"body":"<html>""#, LacksIt, Released),
    octopush(r#""at":"after_read","do":"status","status":400,"code":101"#, LacksIt, Released),
    exotel(r#""at":"after_read","do":"status","status":400,"code":1003"#, LacksIt, Released),
    exotel(r#""at":"after_read","do":"status","status":409,"code":1010"#, LacksIt, Released),
    // A success without its ticket: a repeat would be a duplicate of which nothing is known, but a listing knows the id.
    differ(r#""at":"after_commit","do":"truncate""#, HasIt, Unticketed, InDoubt),
    differ(r#""at":"after_read","do":"truncate","status":201"#, LacksIt, Unticketed, InDoubt),
    differ(r#""at":"after_commit","do":"garbage""#, HasIt, Unticketed, InDoubt),
    differ(r#""at":"after_commit","do":"garbage","status":200,"body":"{}""#, HasIt, Unticketed, InDoubt),
    differ(r#""at":"after_commit","do":"garbage","body":"""#, HasIt, Unticketed, InDoubt),
    // The success arrives, its body does not.
    differ(r#""at":"after_commit","do":"trickle","ms":60000"#, HasIt, Unticketed, InDoubt),
];

/// Words of HTTP/2 alone.
#[rustfmt::skip] // a table is read by its rows
pub(super) const HTTP2_ONLY: &[Row] = &[
    both(r#""at":"before_read","do":"refuse_stream""#, HasIt, AcceptedAgain),
    both(r#""at":"after_read","do":"refuse_stream""#, HasIt, AcceptedAgain),
];

/// Answers of Exotel's with 2xx that say something else within, and refusals that name a number.
#[rustfmt::skip] // a table is read by its rows
pub(super) const WITHIN: &[Row] = &[
    exotel(r#""at":"after_read","do":"garbage","body":"{\"response\":[{\"code\":409,\"error_data\":{\"code\":1001}}]}""#, LacksIt, Refused),
    exotel(r#""at":"after_read","do":"garbage","body":"{\"response\":[{\"code\":401,\"error_data\":null}]}""#, LacksIt, Released),
    exotel(r#""at":"after_read","do":"garbage","body":"{\"response\":[{\"code\":429}]}""#, HasIt, AcceptedAgain),
    exotel(r#""at":"after_read","do":"garbage","body":"{\"RestException\":{\"Status\":429}}""#, HasIt, AcceptedAgain),
    exotel(r#""at":"after_commit","do":"garbage","body":"{\"RestException\":{\"Status\":400}}""#, HasIt, InDoubt),
    exotel(r#""at":"after_commit","do":"garbage","body":"{\"response\":[{\"code\":500}]}""#, HasIt, InDoubt),
    // It contradicts itself, or speaks of several.
    exotel(r#""at":"after_commit","do":"garbage","body":"{\"response\":[{\"code\":400,\"data\":{\"id\":\"c1\"},\"error_data\":{\"code\":1001}}]}""#, HasIt, InDoubt),
    exotel(r#""at":"after_commit","do":"garbage","body":"{\"response\":[{\"code\":200,\"data\":{\"id\":\"c1\"}},{\"code\":200,\"data\":{\"id\":\"c2\"}}]}""#, HasIt, InDoubt),
    // The others go again, as a child.
    exotel(r#""at":"after_read","do":"status","status":400,"body":"{\"response\":[{\"code\":400,\"error_data\":{\"code\":1002,\"message\":\"+33600000011 is invalid\"}}]}""#, HasIt, Split),
    exotel(r#""at":"after_read","do":"garbage","body":"{\"response\":[{\"code\":400,\"error_data\":{\"code\":1002,\"message\":\"+33600000011 is invalid\"}}]}""#, HasIt, Split),
    // No member is named.
    exotel(r#""at":"after_read","do":"status","status":400,"body":"{\"response\":[{\"code\":400,\"error_data\":{\"code\":1002,\"message\":\"+33600000099 is invalid\"}}]}""#, LacksIt, Refused),
];
