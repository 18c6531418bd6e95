//! Every step from every state.

use volley_ledger::{LedgerError, ListStep, verify};
use volley_model::ListCampaignState::{
    self, Abandoned, Cancelled, DeclaredSent, Draft as Drafted, Failed, InDoubt, Sending, Sent,
};

use super::{because, in_state, new_stage, sent};
use crate::stage::{amount, at};

/// Every step, with the state that it leads to; `None` where it leads to none.
fn every_step() -> [(ListStep, Option<ListCampaignState>); 7] {
    let reason = because("so it is");
    [
        (
            ListStep::Priced {
                contacts: Some(7),
                cost: Some(amount("0.7")),
            },
            None,
        ),
        (ListStep::Intended, Some(Sending)),
        (
            ListStep::Unsent {
                reason: reason.clone(),
            },
            Some(Drafted),
        ),
        (sent(), Some(Sent)),
        (
            ListStep::InDoubt {
                reason: reason.clone(),
            },
            Some(InDoubt),
        ),
        (
            ListStep::Failed {
                reason: reason.clone(),
            },
            Some(Failed),
        ),
        (ListStep::Cancelled { reason }, Some(Cancelled)),
    ]
}

/// The steps that are drawn from a state, by the states that they lead to.
fn drawn(from: ListCampaignState) -> &'static [ListCampaignState] {
    match from {
        Drafted => &[Sending, Failed, Cancelled],
        Sending => &[Drafted, Sent, InDoubt, Failed],
        InDoubt => &[Sent, InDoubt, Failed],
        Sent => &[Cancelled],
        Failed | Cancelled | DeclaredSent | Abandoned => &[],
    }
}

#[test]
fn from_every_state_the_drawn_steps_lead_on_and_every_other_is_refused() {
    for from in ListCampaignState::ALL {
        for (step, to) in every_step() {
            let stage = new_stage();
            let mut ledger = stage.open().unwrap();
            let before = in_state(&mut ledger, from);
            assert_eq!(before.state, from);
            let done = ledger.step(before.id, &step, at(30));
            let open = matches!(from, Drafted | Sending | InDoubt | Sent);
            if to.map_or(open, |to| drawn(from).contains(&to)) {
                let after = done.unwrap();
                assert_eq!(after.state, to.unwrap_or(from), "{from:?} {step:?}");
                assert_eq!(after.changed_at, at(30));
            } else {
                let refused = done.unwrap_err();
                assert!(
                    matches!(refused, LedgerError::Refused { .. }),
                    "{from:?} {step:?}: {refused:?}"
                );
                let after = ledger.list_campaign("octopush", "login", from.name()).unwrap();
                assert_eq!(after, Some(before), "nothing was written");
            }
            ledger.close().unwrap();
            stage.sound();
            assert_eq!(verify(&stage.path).unwrap().findings, []);
        }
    }
}

#[test]
fn a_draft_is_sent_again_only_for_a_reason() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    let campaign = in_state(&mut ledger, Sending);
    for reason in ["", "  "] {
        let reason = because(reason);
        let refused = ledger.step(campaign.id, &ListStep::Unsent { reason }, at(30));
        assert!(matches!(refused, Err(LedgerError::Refused { .. })), "{refused:?}");
    }
    let reason = because("certificate not trusted");
    ledger
        .step(campaign.id, &ListStep::Unsent { reason }, at(30))
        .unwrap();
}
