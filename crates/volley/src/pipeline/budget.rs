//! The campaign's money: what is settled, what is reserved, and whether the next batch still fits.
//!
//! Reserved before sending: `unit_price` × units (segments; calls × (1 + retries)), and 0.01 a request where blacklist removal is on (Octopush's page
//! "Schedule SMS sending"). A doubt keeps its reservation. Settled and reserved together never pass `max_cost`, but by
//! an answer dearer than its reservation, which is booked as it is.

use std::cell::{Cell, RefCell};

use rust_decimal::Decimal;
use tokio::sync::Notify;
use volley_model::Amount;

use crate::config::Campaign;

/// What blacklist removal costs a request (Octopush, page "Schedule SMS sending"): 0.01.
fn blacklist_removal() -> Amount {
    Amount::try_from(Decimal::new(1, 2)).unwrap_or_default()
}

/// What a request is reserved at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tariff {
    pub(crate) unit_price: Option<Amount>,
    /// How often a unit may be charged: a call as often as it is dialled.
    pub(crate) charges_per_unit: u64,
    pub(crate) removes_blacklisted: bool,
}

impl Tariff {
    pub(crate) fn of(campaign: &Campaign) -> Self {
        Self {
            unit_price: campaign.limits.unit_price,
            charges_per_unit: campaign.content.charges_per_unit(),
            removes_blacklisted: campaign
                .content
                .sms()
                .is_some_and(|message| message.auto_remove_blacklisted_numbers),
        }
    }

    /// What a request costs besides its messages.
    pub(crate) fn fee(&self) -> Amount {
        if self.removes_blacklisted {
            blacklist_removal()
        } else {
            Amount::ZERO
        }
    }

    /// The reservation of a request with so many units; `None` without a `unit_price`.
    pub(crate) fn estimate(&self, units: u64) -> Option<Amount> {
        // More than 28 digits cannot be money: treat it as more than any budget.
        let messages = self
            .unit_price?
            .times(units.saturating_mul(self.charges_per_unit))
            .unwrap_or_else(|_| Amount::try_from(Decimal::MAX).unwrap_or_default());
        Some(
            messages
                .decimal()
                .checked_add(self.fee().decimal())
                .and_then(|sum| Amount::try_from(sum).ok())
                .unwrap_or(messages),
        )
    }
}

/// The budget of a campaign, over all its runs.
pub(crate) struct Budget {
    max_cost: Option<Amount>,
    keeper: Keeper,
    settled: Cell<Amount>,
    reserved: Cell<Amount>,
    /// Reservations of this process that an answer may still lower.
    open: Cell<u32>,
    /// Cost and members of this run's priced batches: the measure for unpriced siblings.
    priced: RefCell<(Amount, u64)>,
    changed: Notify,
}

/// Who keeps a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// This run, which is alone.
    Run,
    /// The ledger, for all who send the campaign: what this run knows of is a part.
    Ledger,
}

/// The next batch does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted {
    pub(crate) spent: Amount,
    pub(crate) wanted: Amount,
    pub(crate) max_cost: Amount,
}

impl Budget {
    pub(crate) fn new(max_cost: Option<Amount>, settled: Amount, reserved: Amount) -> Self {
        Self {
            max_cost,
            keeper: Keeper::Run,
            settled: Cell::new(settled),
            reserved: Cell::new(reserved),
            open: Cell::new(0),
            priced: RefCell::default(),
            changed: Notify::new(),
        }
    }

    /// Who sees to it that `max_cost` is not passed.
    pub(crate) fn kept_by(self, keeper: Keeper) -> Self {
        Self { keeper, ..self }
    }

    pub(crate) fn max_cost(&self) -> Option<Amount> {
        self.max_cost
    }

    /// Settled and reserved together.
    pub(crate) fn spent(&self) -> Amount {
        self.settled.get() + self.reserved.get()
    }

    /// Reserves; waits while answers on their way may still make room.
    pub(crate) async fn reserve(&self, wanted: Amount) -> Result<(), Exhausted> {
        loop {
            let changed = self.changed.notified();
            match self.max_cost {
                Some(max_cost) if self.keeper == Keeper::Run && !fits(self.spent(), wanted, max_cost) => {
                    if self.open.get() == 0 {
                        return Err(Exhausted {
                            spent: self.spent(),
                            wanted,
                            max_cost,
                        });
                    }
                }
                _ => break,
            }
            changed.await;
        }
        self.reserved.set(self.reserved.get() + wanted);
        self.open.set(self.open.get() + 1);
        Ok(())
    }

    /// The reservation is no more: nothing was sent, or nothing is owed.
    pub(crate) fn free(&self, reserved: Amount) {
        self.reserved.set(self.reserved.get().saturating_sub(reserved));
        self.close();
    }

    /// The reservation stays: in doubt, or sent at a cost unknown.
    pub(crate) fn keep(&self) {
        self.close();
    }

    /// The provider's cost takes the reservation's place.
    pub(crate) fn settle(&self, reserved: Amount, cost: Amount, members: u64) {
        let mut priced = self.priced.borrow_mut();
        *priced = (priced.0 + cost, priced.1 + members);
        self.settled.set(self.settled.get() + cost);
        self.free(reserved);
    }

    /// A reservation that is kept for a doubt is open again: what is heard of it may lower it.
    pub(crate) fn reopen(&self) {
        self.open.set(self.open.get() + 1);
    }

    fn close(&self) {
        self.open.set(self.open.get().saturating_sub(1));
        self.changed.notify_waiters();
    }

    /// What so many members cost by the measure of this run's other batches, to 8 decimals.
    pub(crate) fn by_siblings(&self, members: u64) -> Option<Amount> {
        let (cost, priced) = *self.priced.borrow();
        let each = cost.decimal().checked_div(Decimal::from(priced))?;
        Amount::try_from((each.checked_mul(Decimal::from(members))?).round_dp(8)).ok()
    }
}

fn fits(spent: Amount, wanted: Amount, max_cost: Amount) -> bool {
    spent
        .decimal()
        .checked_add(wanted.decimal())
        .is_some_and(|sum| sum <= max_cost.decimal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn a_batch_that_could_pass_the_budget_waits_for_answers_and_then_is_refused() {
        let budget = Budget::new(Some(amount("10")), amount("1"), amount("1"));
        assert_eq!(budget.reserve(amount("8")).now_or_never(), Some(Ok(())));
        assert_eq!(
            budget.reserve(amount("0.01")).now_or_never(),
            None,
            "the answer may cost less"
        );
        budget.settle(amount("8"), amount("7.99"), 100);
        assert_eq!(budget.reserve(amount("0.01")).now_or_never(), Some(Ok(())));
        budget.keep();
        let refused = budget
            .reserve(amount("0.00000001"))
            .now_or_never()
            .unwrap()
            .unwrap_err();
        assert_eq!((refused.spent, refused.max_cost), (amount("10.00"), amount("10")));
    }

    #[test]
    fn reservations_count_segments_and_the_removal_fee() {
        let tariff = Tariff {
            unit_price: Some(amount("0.0495")),
            charges_per_unit: 1,
            removes_blacklisted: true,
        };
        assert_eq!(tariff.estimate(500), Some(amount("24.76")));
        assert_eq!(
            Tariff {
                unit_price: None,
                ..tariff
            }
            .estimate(500),
            None
        );
    }

    #[test]
    fn an_unpriced_batch_is_estimated_by_its_siblings() {
        let budget = Budget::new(None, Amount::ZERO, Amount::ZERO);
        assert_eq!(budget.by_siblings(3), None);
        budget.settle(Amount::ZERO, amount("1"), 3);
        assert_eq!(budget.by_siblings(2), Some(amount("0.66666667")));
    }
}
