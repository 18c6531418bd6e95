//! `judge` against the table "What the wire proves" of `docs/guarantee.md`, written out here a second time and plainly, with what is
//! Exotel's own.

mod answers;
mod table;
mod told;
mod wild;

use volley_model::{Evidence, Msisdn, Verdict};
use volley_provider::exotel::{JudgeContext, judge};

const MEMBER: &str = "+919812345678";

fn members() -> [Msisdn; 2] {
    [919_812_345_678, 919_812_345_679].map(|digits| Msisdn::new(digits).unwrap())
}

fn judged(evidence: &Evidence) -> Verdict {
    judge(evidence, &JudgeContext { members: &members() })
}
