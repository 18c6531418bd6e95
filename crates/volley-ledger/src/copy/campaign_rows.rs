//! A campaign's own row, its wordings, its runs, and what is recorded of them.

use rusqlite::types::Value;

use super::batches::Batches;
use super::table::Ids;
use super::{CopiedCampaign, Way};
use crate::database::params;
use crate::{CampaignId, LedgerError, MessageId, campaign, schedule};

const CHANGE: &str = "campaign, run, at, key, was, becomes";
const ERASURE: &str = "campaign, at, who, why";
const LIMITS: &str = "run, requests_per_second, burst, recipients_per_second, max_in_flight";
const BEHIND: &str = "run, sequence, lines_invalid, lines_suppressed, lines_duplicate, lines_already_sent, \
    lines_refused, lines_in_doubt, lines_planned, lines_read";
/// Of a run, in the order in which [`Way::run`] takes them.
const RUN: &str =
    "id, campaign, message, simulated, started_at, ended_at, outcome, reason, exit_code, lines_settled";
const SHARED: &str = "lines_freed, lines_refused, worker, commit_number, last_at, fenced_at";
const STARTED_AT: usize = 4;
const ENDED_AT: usize = 5;
/// Behind [`RUN`].
const FENCED_AT: usize = 15;

/// What refers to a campaign's rows refers to these.
pub(super) struct Copying {
    /// The campaign in the source.
    pub(super) old: Value,
    /// In the target.
    pub(super) new: CampaignId,
    pub(super) messages: Ids,
    pub(super) runs: Ids,
}

impl Way<'_> {
    /// Copies a campaign with all that belongs to it.
    pub(super) fn campaign(&self, name: &str) -> Result<CopiedCampaign, LedgerError> {
        let columns = format!("{}, sum", campaign::SEALED);
        let name_value = Value::Text(name.to_owned());
        let mut found = self.summed_rows("campaign", &columns, "name = ?1", &name_value)?;
        let Some(mut row) = found.pop() else {
            let detail = format!("campaign {name} is gone");
            return Err(LedgerError::damaged(&self.from_place.ledger, detail));
        };
        let old = row.remove(0);
        let new = self.write_with_id("campaign", "name, provider, account, host, created_at", row)?;
        let new = campaign::seal(self.to, CampaignId(new)).map_err(|error| self.unwritten(error))?;
        let mut copying = Copying {
            old,
            new,
            messages: Ids::default(),
            runs: Ids::default(),
        };
        self.messages(&mut copying)?;
        let runs = self.runs(&mut copying)?;
        let mut batches = Batches::new(self, &copying);
        batches.all()?;
        let (count, bodies_lost, named_gone) = batches.told();
        self.records(&copying)?;
        self.close(&copying)?;
        self.erase_named(named_gone)?;
        Ok(CopiedCampaign {
            name: name.to_owned(),
            runs,
            batches: count,
            bodies_lost,
        })
    }

    fn messages(&self, copying: &mut Copying) -> Result<(), LedgerError> {
        let query = "SELECT id, hash FROM message WHERE campaign = ?1 ORDER BY id";
        for row in self.rows(query, &copying.old)? {
            let [old, hash] = &row[..] else { continue };
            let Value::Integer(id) = old else { continue };
            let parts: Vec<(String, String)> =
                campaign::parts(self.from, MessageId(*id)).map_err(|error| self.unread(error))?;
            if *hash != Value::Blob(campaign::hash(&parts).to_vec()) {
                let detail = format!("message {id}: its hash does not fit its parts");
                return Err(LedgerError::damaged(&self.from_place.ledger, detail));
            }
            let values = vec![Value::Integer(copying.new.0), hash.clone()];
            let new = self.write_with_id("message", "campaign, hash", values)?;
            copying.messages.insert(old, new);
            for (key, value) in parts {
                let values = vec![Value::Integer(new), Value::Text(key), Value::Text(value)];
                self.write("message_part", "message, key, value", values)?;
            }
        }
        Ok(())
    }

    /// Copies the runs, oldest first, each with its time and its limits; how many.
    fn runs(&self, copying: &mut Copying) -> Result<u64, LedgerError> {
        let columns = if self.is_from_server() {
            format!("{RUN}, {SHARED}")
        } else {
            RUN.to_owned()
        };
        let query = format!("SELECT {columns} FROM run WHERE campaign = ?1 ORDER BY id");
        let rows = self.rows(&query, &copying.old)?;
        let count = rows.len() as u64;
        for row in rows {
            self.run(copying, row)?;
        }
        Ok(count)
    }

    fn run(&self, copying: &mut Copying, mut row: Vec<Value>) -> Result<(), LedgerError> {
        if !self.is_from_server() {
            let last_at = match &row[ENDED_AT] {
                Value::Null => row[STARTED_AT].clone(),
                ended_at => ended_at.clone(),
            };
            let zero = Value::Integer(0);
            row.extend([
                zero.clone(),
                zero.clone(),
                Value::Null,
                zero,
                last_at,
                Value::Null,
            ]);
        }
        if row[ENDED_AT] == Value::Null && row[FENCED_AT] == Value::Null {
            // It was killed: nobody sends the campaign now. Unfenced it would count as under way there.
            row[FENCED_AT] = Value::Integer(self.now.as_microsecond());
        }
        let old = row.remove(0);
        row[0] = copying.new.into();
        self.exchange(&copying.messages, &mut row[1])?;
        let (_, columns) = RUN.split_once(", ").unwrap_or_default();
        let new = self.write_with_id("run", &format!("{columns}, {SHARED}"), row)?;
        copying.runs.insert(&old, new);
        for mut row in self.summed_rows("schedule", schedule::COLUMNS, "run = ?1", &old)? {
            row[0] = Value::Integer(new);
            self.write_summed("schedule", schedule::COLUMNS, row)?;
        }
        for (table, columns) in [("run_limits", LIMITS), ("lines_behind", BEHIND)] {
            for mut row in self.rows(&format!("SELECT {columns} FROM {table} WHERE run = ?1"), &old)? {
                row[0] = Value::Integer(new);
                self.write(table, columns, row)?;
            }
        }
        Ok(())
    }

    /// Copies what changed between runs, and the word that its numbers be erased.
    fn records(&self, copying: &Copying) -> Result<(), LedgerError> {
        let query = format!("SELECT {CHANGE} FROM campaign_change WHERE campaign = ?1 ORDER BY id");
        for mut row in self.rows(&query, &copying.old)? {
            row[0] = copying.new.into();
            self.exchange(&copying.runs, &mut row[1])?;
            self.write("campaign_change", CHANGE, row)?;
        }
        let query = format!("SELECT {ERASURE} FROM erasure WHERE campaign = ?1 ORDER BY id");
        for mut row in self.rows(&query, &copying.old)? {
            row[0] = copying.new.into();
            self.write("erasure", ERASURE, row)?;
        }
        Ok(())
    }

    /// Closes a campaign that was closed: only now, since a closed one takes no batches.
    fn close(&self, copying: &Copying) -> Result<(), LedgerError> {
        for mut row in self.rows("SELECT closed_at FROM campaign WHERE id = ?1", &copying.old)? {
            if let Some(closed_at @ Value::Integer(_)) = row.pop() {
                let update = "UPDATE campaign SET closed_at = ?2 WHERE id = ?1";
                self.to
                    .execute(update, params![copying.new, closed_at])
                    .map_err(|error| self.unwritten(error))?;
            }
        }
        Ok(())
    }
}
