//! What all who send a campaign at once have in common, its limits and its budget: the first sets it down, the others agree or do
//! not begin.
//!
//! Not here: what the budget's row is reserved from and booked to (the desk), and what a run goes by alone (`max_in_flight`).

use std::path::Path;

use jiff::Timestamp;

use super::death::bury_the_silent;
use super::living;
use crate::database::{self, Connection, OptionalExtension as _, params};
use crate::{CampaignId, LedgerError, RunId, RunLimits, queries};

/// What all who send a campaign at once have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Common {
    pub(crate) limits: RunLimits,
    /// Recipients in a full batch.
    pub(crate) batch_size: u32,
    pub(crate) max_cost: Option<volley_model::Amount>,
}

impl Common {
    /// Sets it down for a campaign that nobody sends; with others it must be theirs. Inside the transaction that begins a run,
    /// before there is its row.
    pub(crate) fn agree(
        &self,
        connection: &Connection,
        path: &Path,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let failed = |error| LedgerError::database(path, "agreeing on limits", error);
        bury_the_silent(connection, path, campaign, now)?;
        let others = living(connection, campaign, RunId(0)).map_err(failed)?;
        let theirs = self.found(connection, campaign).map_err(failed)?;
        match (others.first(), theirs) {
            (Some(_), Some(theirs)) if theirs == self.told() => Ok(()),
            (Some(other), Some(theirs)) => {
                let (key, is, was) = difference(&self.told(), &theirs);
                Err(LedgerError::OtherLimits {
                    key,
                    is,
                    was,
                    run: other.run,
                })
            }
            _ => {
                // Every batch of the campaign is read: a busy machine may take its time over what the server has sent it. Whoever
                // begins next waits for longer than that.
                let slow = "SET LOCAL idle_in_transaction_session_timeout = '30s'";
                connection.execute_batch(slow).map_err(failed)?;
                let spending = queries::spending(connection, path, campaign)?;
                let usual = "SET LOCAL idle_in_transaction_session_timeout = '2s'";
                connection.execute_batch(usual).map_err(failed)?;
                self.set(connection, campaign, &spending).map_err(failed)
            }
        }
    }

    /// As the limits are told, key by key.
    fn told(&self) -> Vec<(&'static str, String)> {
        let none = || "no limit".to_owned();
        let rate = |rate: f64| rate.to_string();
        vec![
            (
                "limits.requests_per_second",
                rate(self.limits.requests_per_second),
            ),
            ("limits.burst", self.limits.burst.to_string()),
            (
                "limits.recipients_per_second",
                self.limits.recipients_per_second.map_or_else(none, rate),
            ),
            ("limits.batch_size", self.batch_size.to_string()),
            ("limits.max_cost", self.max_cost.map_or_else(none, plainly)),
        ]
    }

    fn found(
        &self,
        connection: &Connection,
        campaign: CampaignId,
    ) -> database::Result<Option<Vec<(&'static str, String)>>> {
        let query = "SELECT requests_per_second, burst, recipients_per_second, batch_size, max_cost \
            FROM pace JOIN budget ON budget.campaign = pace.campaign WHERE pace.campaign = ?1";
        let found = connection.query_row(query, [campaign], |row| {
            let max_cost: Option<String> = row.get(4)?;
            Ok((
                Self {
                    limits: RunLimits {
                        requests_per_second: row.get(0)?,
                        burst: row.get(1)?,
                        recipients_per_second: row.get(2)?,
                        max_in_flight: self.limits.max_in_flight,
                    },
                    batch_size: row.get(3)?,
                    max_cost: None,
                },
                max_cost,
            ))
        });
        Ok(found.optional()?.map(|(found, max_cost)| {
            let mut told = found.told();
            if let (Some(max_cost), Some(last)) = (max_cost, told.last_mut()) {
                last.1 = max_cost.parse().map_or(max_cost, plainly);
            }
            told
        }))
    }

    fn set(
        &self,
        connection: &Connection,
        campaign: CampaignId,
        spending: &crate::Spending,
    ) -> database::Result<()> {
        let pace = "INSERT INTO pace (campaign, requests_per_second, burst, recipients_per_second, batch_size) \
            VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (campaign) DO UPDATE SET requests_per_second = excluded.requests_per_second, \
            burst = excluded.burst, recipients_per_second = excluded.recipients_per_second, batch_size = excluded.batch_size";
        connection.execute(
            pace,
            params![
                campaign,
                self.limits.requests_per_second,
                self.limits.burst,
                self.limits.recipients_per_second,
                self.batch_size
            ],
        )?;
        let budget = "INSERT INTO budget (campaign, max_cost, settled, reserved) \
            VALUES (?1, ?2, ?3::text::numeric, ?4::text::numeric) ON CONFLICT (campaign) DO UPDATE \
            SET max_cost = excluded.max_cost, settled = excluded.settled, reserved = excluded.reserved";
        let max_cost = self.max_cost.map(|cost| cost.to_string());
        let (settled, reserved) = (spending.settled.to_string(), spending.reserved.to_string());
        connection.execute(budget, params![campaign, max_cost, settled, reserved])?;
        let gate = "INSERT INTO gate (campaign) VALUES (?1) ON CONFLICT (campaign) DO UPDATE \
            SET generation = gate.generation + 1, closed_at = NULL, trials_in_doubt = 0, trial_run = NULL, trial_until = NULL, trial_for = NULL";
        connection.execute(gate, [campaign]).map(drop)
    }
}

/// An amount, whichever way it was written: 50 is 50.00.
fn plainly(amount: volley_model::Amount) -> String {
    amount.decimal().normalize().to_string()
}

/// The first key in which they differ, with the value here and there.
fn difference(
    ours: &[(&'static str, String)],
    theirs: &[(&'static str, String)],
) -> (&'static str, String, String) {
    let differing = ours.iter().zip(theirs).find(|(ours, theirs)| ours != theirs);
    differing.map_or(
        ("limits", String::new(), String::new()),
        |((key, is), (_, was))| (key, is.clone(), was.clone()),
    )
}
