//! The campaign's money, which all workers share: one row, in which is reserved what intents may cost and settled what outcomes did.

use rusqlite::types::Type;
use rust_decimal::Decimal;
use volley_model::Amount;

use super::super::{Order, Room};
use super::Server;
use crate::database::{self, Connection, params};
use crate::postgres::{Session, workers};
use crate::rows::{Concluded, OpenBatch};
use crate::{Intended, queries};

/// What a transaction changes of the campaign's money.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::writer::desk) struct Money {
    settled: Decimal,
    reserved: Decimal,
}

impl Server {
    /// Reserves what a group's intents may cost, its outcomes being counted already: `false` if some do not fit into the budget,
    /// and got their answer. Last of all, since the row is every worker's, and is held up to COMMIT.
    pub(super) fn reserve(
        &self,
        session: &Session,
        group: &mut [Order],
        rooms: &[Room],
        money: &mut Money,
    ) -> database::Result<bool> {
        let (Some(max_cost), false) = (self.max_cost, self.simulated) else {
            return Ok(true);
        };
        if rooms.is_empty() {
            return Ok(true);
        }
        let query = "SELECT (settled + reserved)::text FROM budget WHERE campaign = $1 FOR UPDATE";
        let found = session.one(query, &[&self.claimant.campaign.0])?;
        let mut spent = decimal(found.get(0))? + money.settled + money.reserved;
        let (mut some_fit, mut all_fit) = (false, true);
        for order in group.iter_mut().filter(|order| order.wants_room()) {
            let Order::Intend(intent, reply) = order else {
                continue;
            };
            let wanted = intent.reserved.unwrap_or_default().decimal();
            if spent + wanted <= max_cost.decimal() {
                spent += wanted;
                money.reserved += wanted;
                some_fit = true;
                continue;
            }
            all_fit = false;
            reply.result = Some(Ok(Intended::OverBudget {
                spent: Amount::try_from(spent).unwrap_or_default(),
                // Those of this group that fit are written once this one is out of the way.
                open: some_fit || self.others_are_open(session, rooms)?,
            }));
        }
        Ok(all_fit)
    }

    /// Whether an answer may still make room, besides those to the intents that this transaction writes; or one about a doubt,
    /// as of a file.
    fn others_are_open(&self, session: &Session, rooms: &[Room]) -> database::Result<bool> {
        let query = format!(
            "SELECT EXISTS (SELECT FROM batch WHERE campaign = $1 AND id <> ALL ($2) AND (state = 'intended' OR {}))",
            workers::is_to_be_asked_about()
        );
        let ours: Vec<i64> = rooms
            .iter()
            .filter_map(|room| match room {
                Room::Row(id) => Some(id.0),
                Room::Slot(_) => None,
            })
            .collect();
        Ok(session.one(&query, &[&self.claimant.campaign.0, &ours])?.get(0))
    }

    /// What an outcome makes of the money. (Its body goes by a rule of the schema.)
    pub(in crate::writer::desk) fn concluded(&self, was: &OpenBatch, is: &Concluded, money: &mut Money) {
        if is.is_open() {
            return;
        }
        if self.max_cost.is_some() && !was.simulated {
            let cost = is.cost.map(|cost| cost.amount.decimal());
            if cost.is_some() || !queries::state_may_be_owed(is.state) {
                money.reserved -= was.reserved.unwrap_or_default().decimal();
            }
            money.settled += cost.unwrap_or_default();
        }
    }

    /// Books what a transaction changes of the campaign's money.
    pub(super) fn book(&self, connection: &Connection, money: Money) -> database::Result<()> {
        if money.settled.is_zero() && money.reserved.is_zero() {
            return Ok(());
        }
        let update = "UPDATE budget SET settled = settled + ?2::text::numeric, reserved = reserved + ?3::text::numeric \
            WHERE campaign = ?1";
        let (settled, reserved) = (money.settled.to_string(), money.reserved.to_string());
        connection
            .prepare_cached(update)?
            .post(params![self.claimant.campaign, settled, reserved])
    }
}

/// An exact decimal as the server writes it.
fn decimal(text: &str) -> database::Result<Decimal> {
    text.parse()
        .map_err(|error: rust_decimal::Error| database::Error::senseless(0, Type::Text, error))
}
