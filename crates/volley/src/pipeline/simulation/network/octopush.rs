//! What Octopush answers: to a batch, and to the free GET.

use bytes::Bytes;
use volley_model::{AnswerBody, Evidence};

use super::super::provider::octopush::DuplicateAnswer;
use super::super::provider::{Order, Said};
use super::super::watch::Weight;
use super::Network;
use super::fault::{Says, Sign};

impl Network {
    /// What our side sees of a batch that Octopush answers, and what that weighs.
    pub(super) fn answer_of_octopush(
        &self,
        sign: Sign,
        said: Option<Said>,
        doubted: bool,
        simulated: bool,
    ) -> (Evidence, Weight) {
        match (sign, said) {
            // A duplicate is told by an error that nothing cuts.
            (_, Some(Said::Duplicate(how, first))) => self.duplicate(how, first, doubted),
            (Sign::Unreadable | Sign::Cut | Sign::TooLarge, _) => {
                let body = match sign {
                    Sign::Cut => AnswerBody::Cut,
                    Sign::TooLarge => AnswerBody::TooLarge,
                    _ => AnswerBody::Whole(Bytes::from_static(b"{\"sms_ticket\":null}")),
                };
                let weight = if doubted || simulated {
                    Weight::Doubt
                } else {
                    Weight::Definite
                };
                (self.answered(201, body), weight)
            }
            (_, Some(Said::Accepted(order))) => (self.ticket(&order), Weight::Definite),
            _ => (self.answer(500, ""), Weight::Doubt),
        }
    }

    fn duplicate(&self, how: DuplicateAnswer, first: Option<Order>, doubted: bool) -> (Evidence, Weight) {
        let (status, code) = match (how, first) {
            (DuplicateAnswer::Ticket, Some(order)) => return (self.ticket(&order), Weight::Definite),
            (DuplicateAnswer::Ticket, None) => (400, 120),
            (DuplicateAnswer::Error(status, code), _) => (status, code),
        };
        let weight = if doubted { Weight::Definite } else { Weight::Doubt };
        (self.octopush_error(status, code), weight)
    }

    /// An error of that meaning.
    pub(super) fn octopush_says(&self, says: Says) -> Evidence {
        let (status, code) = match says {
            Says::Later => (400, self.any(&[126, 127, 129, 130, 153])),
            Says::Doubt => (400, self.any(&[125, 500, 501])),
            Says::Refused => self.any(&[(400, 121), (400, 121), (422, 999)]),
            Says::Account => (400, 104),
        };
        self.octopush_error(status, code)
    }

    pub(super) fn balance(&self) -> Evidence {
        self.answer(200, r#"{"credit":12.5,"unit":"EUR"}"#)
    }

    fn ticket(&self, order: &Order) -> Evidence {
        let cost = order
            .cost_token
            .as_ref()
            .map(|token| format!(",\"total_cost\":{token}"));
        let (ticket, contacts, cost) = (&order.ticket, order.contacts, cost.unwrap_or_default());
        let credit = self.credit();
        self.answer(
            201,
            &format!(r#"{{"sms_ticket":"{ticket}","number_of_contacts":{contacts}{cost}{credit}}}"#),
        )
    }

    /// What is left of the credit, by the time of the answer.
    fn credit(&self) -> String {
        let Some(credit) = self.0.scenario.credit else {
            return String::new();
        };
        let provider = self.0.provider.borrow();
        let spent = provider.orders.values().filter_map(|order| order.cost).sum();
        format!(",\"residual_credit\":{}", credit.saturating_sub(spent))
    }

    fn octopush_error(&self, status: u16, code: u32) -> Evidence {
        self.answer(status, &format!(r#"{{"code":{code},"message":"simulated"}}"#))
    }
}
