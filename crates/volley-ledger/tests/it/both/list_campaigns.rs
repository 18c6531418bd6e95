//! Campaigns on lists and tags: every step from every state, the operator's word, and damage that would send one again.

#[path = "list_campaigns/damage.rs"]
mod damage;
#[path = "list_campaigns/learnt.rs"]
mod learnt;
#[path = "list_campaigns/rules.rs"]
mod rules;
#[path = "list_campaigns/steps.rs"]
mod steps;
#[path = "list_campaigns/words.rs"]
mod words;

use volley_ledger::{Draft, Ledger, ListCampaign, ListStep, Word};
use volley_model::ListCampaignState::{
    self, Abandoned, Cancelled, DeclaredSent, Draft as Drafted, Failed, Sending, Sent,
};
use volley_model::{Audience, Currency};

use super::new_stage;
use crate::stage::{at, parts, signed};

pub(crate) fn draft(ticket: &str) -> Draft {
    Draft {
        provider: "octopush".to_owned(),
        account: "login".to_owned(),
        host: "api.octopush.com".to_owned(),
        ticket: ticket.to_owned(),
        audience: Some(Audience::List("customers".to_owned())),
        message: parts(&[("text", "Hello"), ("sender", "Acme")]),
        currency: Currency::EUR,
        at: at(10),
    }
}

fn because(reason: &str) -> String {
    reason.to_owned()
}

fn sent() -> ListStep {
    ListStep::Sent {
        provider_id: None,
        sending_date: Some("2027-02-01 10:00".to_owned()),
        reason: None,
    }
}

/// A campaign brought into that state, its ticket the state's name.
fn in_state(ledger: &mut Ledger, state: ListCampaignState) -> ListCampaign {
    let ticket = state.name();
    let campaign = ledger.record_draft(&draft(ticket)).unwrap();
    let mut step = |step| ledger.step(campaign.id, &step, at(20)).unwrap();
    if state == Drafted {
        return campaign;
    }
    let sending = step(ListStep::Intended);
    let reason = because("no answer");
    match state {
        Sending => return sending,
        Sent => return step(sent()),
        Failed => return step(ListStep::Failed { reason }),
        Cancelled => {
            step(sent());
            return step(ListStep::Cancelled { reason });
        }
        _ => step(ListStep::InDoubt { reason }),
    };
    let word = match state {
        DeclaredSent => Word::Sent(None),
        Abandoned => Word::Abandon,
        _ => {
            return ledger
                .list_campaign("octopush", "login", ticket)
                .unwrap()
                .unwrap();
        }
    };
    let resolved = ledger.resolve_list_campaign(ticket, &word, &signed("asked them"));
    resolved.unwrap().campaign
}
