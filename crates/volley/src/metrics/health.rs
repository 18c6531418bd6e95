//! `/healthz`: whether the run goes on. A provider that does not answer is no fault of the process's: the run waits for it, and
//! gives up by itself. Nor is a run that stops: it waits for answers, settles doubts and closes its ledger, and whoever killed
//! it for that would leave doubts. Only a stall is one.

use std::time::Duration;

use super::Posted;
use crate::pipeline::{Phase, Snapshot};

/// Far longer than any part is silent while it works: the dispatcher tells five times a second, and a commit takes
/// milliseconds.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What the run is at, or else why it does not go on.
pub(super) fn health(latest: Option<&Posted>) -> Result<String, String> {
    match latest {
        // Loading a large ledger may take long, and tells nothing on its way.
        None => Ok(Phase::Loading.name().to_owned()),
        Some(posted) => judge(&posted.snapshot, posted.age()),
    }
}

fn judge(snapshot: &Snapshot, age: Duration) -> Result<String, String> {
    if age > SILENCE_MAX {
        let what = match snapshot.phase {
            Phase::Ending => "the ledger has not been closed",
            _ => "the dispatcher has said nothing",
        };
        return Err(format!("stalled: {what} for {} s", age.as_secs()));
    }
    let silent_for = snapshot.ledger.silent_for;
    if silent_for > SILENCE_MAX {
        let seconds = silent_for.as_secs();
        return Err(format!(
            "stalled: the ledger has committed nothing for {seconds} s; look at its disk"
        ));
    }
    Ok(match &snapshot.stopping {
        // One line, whatever the provider said.
        Some(why) => format!("stopping: {}", why.replace('\n', " ")),
        None => snapshot.phase.name().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::snapshot;

    #[test]
    fn a_run_is_well_until_a_part_falls_silent_and_also_while_it_stops() {
        let well = snapshot();
        let soon = Duration::from_millis(200);
        assert_eq!(judge(&well, soon).as_deref(), Ok("sending"));
        assert_eq!(judge(&well, SILENCE_MAX).as_deref(), Ok("sending"));
        assert_eq!(
            judge(&well, Duration::from_secs(11)),
            Err("stalled: the dispatcher has said nothing for 11 s".to_owned())
        );
        let mut ending = well.clone();
        ending.phase = Phase::Ending;
        assert_eq!(judge(&ending, soon).as_deref(), Ok("ending"));
        assert_eq!(
            judge(&ending, Duration::from_secs(12)),
            Err("stalled: the ledger has not been closed for 12 s".to_owned())
        );
        let mut slow = well.clone();
        slow.ledger.silent_for = Duration::from_secs(15);
        let why = judge(&slow, soon).unwrap_err();
        assert!(why.contains("committed nothing for 15 s"), "{why}");
        let stopping = Some("stopped by SIGTERM".to_owned());
        let stopped = Snapshot { stopping, ..well };
        assert_eq!(
            judge(&stopped, soon).as_deref(),
            Ok("stopping: stopped by SIGTERM")
        );
        let stalled = judge(&stopped, Duration::from_secs(11)).unwrap_err();
        assert!(stalled.starts_with("stalled: "), "{stalled}");
        assert_eq!(health(None).as_deref(), Ok("loading"));
    }
}
