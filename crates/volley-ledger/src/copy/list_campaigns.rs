//! Campaigns on lists and tags, each led through its events.

use rusqlite::types::Value;

use super::Way;
use crate::list_campaigns::{COLUMNS, EVENT_COLUMNS, next_id};
use crate::{LedgerError, Signature, WordError, campaign, checksum, moved};

const PART: &str = "list_campaign, key, value";
const UPDATE: &str = "UPDATE list_campaign SET state = ?2, reason = ?3, contacts = ?4, cost = ?5, sending_date = ?6, \
    provider_id = ?7, intended_at = ?8, doubt_since = ?9, changed_at = ?10, sum = ?11 WHERE id = ?1";

// Where columns stand in `COLUMNS`.
const PROVIDER: usize = 1;
const ACCOUNT: usize = 2;
const TICKET: usize = 4;
const MESSAGE_HASH: usize = 7;
const CREATED_AT: usize = 9;
const STATE: usize = 10;
const REASON: usize = 11;
const SENDING_DATE: usize = 14;
const PROVIDER_ID: usize = 15;
const INTENDED_AT: usize = 16;
const DOUBT_SINCE: usize = 17;

// And in `EVENT_COLUMNS`.
const AT: usize = 2;
const BECOMES: usize = 5;

impl Way<'_> {
    /// Copies all of them; how many.
    pub(super) fn list_campaigns(&self, signature: &Signature) -> Result<u64, WordError> {
        let all = Value::Integer(i64::MIN);
        let rows = self.summed_rows("list_campaign", COLUMNS, "id > ?1 ORDER BY id", &all)?;
        let mut count = 0;
        for row in rows {
            let ticket = match &row[TICKET] {
                Value::Text(ticket) => ticket.clone(),
                _ => String::new(),
            };
            let what = moved::list_campaign(&ticket);
            if !self.is_there(&row)? {
                self.list_campaign(row)?;
                self.note(&what, signature)?;
                count += 1;
            } else if !self.went_there(&what)? {
                return Err(WordError::ListCampaignTaken {
                    path: self.to_place.ledger.clone(),
                    ticket,
                });
            }
        }
        Ok(count)
    }

    fn is_there(&self, row: &[Value]) -> Result<bool, LedgerError> {
        let query = "SELECT EXISTS (SELECT 1 FROM list_campaign WHERE provider = ?1 AND account = ?2 AND ticket = ?3)";
        let values = [PROVIDER, ACCOUNT, TICKET].map(|column| row[column].clone());
        self.to
            .query_row(query, values.to_vec(), |row| row.get(0))
            .map_err(|error| self.unwritten(error))
    }

    fn list_campaign(&self, mut row: Vec<Value>) -> Result<(), LedgerError> {
        let old = row[0].clone();
        let parts = self.list_parts(&row)?;
        let last = row[STATE].clone();
        let draft = Value::Text("draft".to_owned());
        let mut begun = as_was(&row, &draft, &last, &row[CREATED_AT]);
        let new = next_id(self.to).map_err(|error| self.unwritten(error))?;
        let new = Value::Integer(new.0);
        row[0] = new.clone();
        begun[0] = new.clone();
        self.write_summed("list_campaign", COLUMNS, begun)?;
        for mut part in parts {
            part[0] = new.clone();
            self.write("list_campaign_part", PART, part)?;
        }
        let mut state = draft;
        let condition = "list_campaign = ?1 ORDER BY number";
        for mut event in self.summed_rows("list_campaign_event", EVENT_COLUMNS, condition, &old)? {
            event[0] = new.clone();
            let (becomes, at) = (event[BECOMES].clone(), event[AT].clone());
            self.write_summed("list_campaign_event", EVENT_COLUMNS, event)?;
            if becomes != state {
                self.update(&as_was(&row, &becomes, &last, &at))?;
                state = becomes;
            }
        }
        Ok(())
    }

    /// What its recipients get, held against the hash in its row.
    fn list_parts(&self, row: &[Value]) -> Result<Vec<Vec<Value>>, LedgerError> {
        let query = format!("SELECT {PART} FROM list_campaign_part WHERE list_campaign = ?1 ORDER BY key");
        let parts = self.rows(&query, &row[0])?;
        let texts: Vec<(String, String)> = parts
            .iter()
            .filter_map(|part| match &part[..] {
                [_, Value::Text(key), Value::Text(value)] => Some((key.clone(), value.clone())),
                _ => None,
            })
            .collect();
        if row[MESSAGE_HASH] == Value::Blob(campaign::hash(&texts).to_vec()) {
            return Ok(parts);
        }
        let detail = "a list campaign's message is not the one that was recorded";
        Err(LedgerError::damaged(&self.from_place.ledger, detail))
    }

    fn update(&self, row: &[Value]) -> Result<(), LedgerError> {
        let sum = Value::Blob(checksum::of_values(row).to_vec());
        let mut values = vec![row[0].clone()];
        values.extend_from_slice(&row[STATE..]);
        values.push(sum);
        self.to
            .execute(UPDATE, values)
            .map(drop)
            .map_err(|error| self.unwritten(error))
    }
}

/// The row as it may have been when it was in that state: in its last one as it is.
fn as_was(row: &[Value], state: &Value, last: &Value, at: &Value) -> Vec<Value> {
    let mut was = row.to_vec();
    if state == last {
        return was;
    }
    was[STATE] = state.clone();
    was[SENDING_DATE] = Value::Null;
    was[PROVIDER_ID] = Value::Null;
    let is = |names: &[&str]| matches!(state, Value::Text(state) if names.contains(&state.as_str()));
    let filled = |value: &Value| if *value == Value::Null { at } else { value }.clone();
    if is(&["draft"]) {
        was[INTENDED_AT] = Value::Null;
        was[DOUBT_SINCE] = Value::Null;
        return was;
    }
    was[INTENDED_AT] = filled(&row[INTENDED_AT]);
    if is(&["in_doubt", "declared_sent", "abandoned"]) {
        was[DOUBT_SINCE] = filled(&row[DOUBT_SINCE]);
        was[REASON] = filled_text(&row[REASON]);
    }
    was
}

fn filled_text(reason: &Value) -> Value {
    if *reason == Value::Null {
        Value::Text("in doubt before".to_owned())
    } else {
        reason.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_where_they_are_taken_from() {
        let at = |columns: &str, name: &str| columns.split(", ").position(|column| column == name);
        for (name, place) in [
            ("provider", PROVIDER),
            ("account", ACCOUNT),
            ("ticket", TICKET),
            ("message_hash", MESSAGE_HASH),
            ("created_at", CREATED_AT),
            ("state", STATE),
            ("reason", REASON),
            ("sending_date", SENDING_DATE),
            ("provider_id", PROVIDER_ID),
            ("intended_at", INTENDED_AT),
            ("doubt_since", DOUBT_SINCE),
        ] {
            assert_eq!(at(COLUMNS, name), Some(place), "{name}");
        }
        for (name, place) in [("at", AT), ("becomes", BECOMES)] {
            assert_eq!(at(EVENT_COLUMNS, name), Some(place), "{name}");
        }
    }
}
