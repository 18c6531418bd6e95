//! Cancelling what was accepted.

use crate::mock::{Mock, State as MockState};

/// A campaign that cannot be taken back: it was final when it was accepted, or is no longer there.
#[derive(Debug)]
pub(super) struct Final;

/// Takes an accepted campaign back: it reaches nobody, and its cost comes back where the switch says so. Its `request_id`
/// stays used (*assumed*).
pub(super) fn take_back(mock: &Mock, state: &mut MockState, ticket: &str) -> Result<(), Final> {
    let cost = state.record.revoke(ticket).ok_or(Final)?;
    if mock.config.octopush.cancel.refunds {
        state.octopush.spent -= cost;
        state.record.refund(cost);
    }
    Ok(())
}
