//! The ledger against the provider's record: tickets, costs, and nobody free who was reached.

use volley_model::{Amount, BatchState};

use super::super::provider::Provider;
use super::{Books, Row};

impl Books {
    pub(super) fn check_budget(&self) {
        let Some(max_cost) = self.max_cost else { return };
        let (settled, reserved) = self.spending();
        let dearer = |row: &Row| {
            row.cost
                .unwrap_or_default()
                .saturating_sub(row.reserved.unwrap_or_default())
        };
        let excess: Amount = self.rows.iter().map(dearer).sum();
        assert!(
            settled + reserved <= max_cost + excess,
            "invariant 8, budget: {settled} settled and {reserved} reserved, {max_cost} allowed, {excess} dearer"
        );
    }

    /// Ledger against provider, at the end of a run: tickets and costs.
    pub(crate) fn check_tickets(&self, provider: &Provider) {
        for (key, order) in &provider.orders {
            let row = self.find(key);
            let row = row.unwrap_or_else(|| panic!("invariant 4, tickets: {key} is not in the ledger"));
            check_against(row, provider);
            assert_eq!(row.numbers, order.numbers, "invariant 6, keys: {key}");
        }
        self.rows.iter().for_each(|row| check_against(row, provider));
    }
}

/// One batch against the provider's record.
pub(super) fn check_against(row: &Row, provider: &Provider) {
    let key = &row.key;
    let order = provider.orders.get(key);
    match row.state {
        BatchState::Accepted => {
            let order = order.unwrap_or_else(|| panic!("invariant 4, tickets: {key} was never accepted"));
            let ticket = row.ticket.as_deref().unwrap_or_default();
            assert!(
                provider.knows(ticket, key),
                "invariant 4, tickets: {key} has {ticket}"
            );
            // Exotel tells its prices later.
            let has_price = row.cost.is_some() || provider.prices_at_once();
            assert!(
                !has_price || row.cost == order.cost,
                "invariant 5, costs: {key} has {:?} and not {:?}",
                row.cost,
                order.cost
            );
        }
        BatchState::Unticketed => assert!(
            order.is_some() || provider.has_burned(key),
            "invariant 4, tickets: {key} counts as sent and was not"
        ),
        BatchState::Refused | BatchState::Released | BatchState::Split | BatchState::Simulated => assert!(
            !provider.has_or_will(key),
            "invariant 4, tickets: {key} is {:?} and the provider has accepted it",
            row.state
        ),
        _ => {}
    }
}
