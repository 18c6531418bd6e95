//! The operator's word on a campaign in doubt.

use volley_ledger::{ListStep, Receipt, Word, WordError, verify};
use volley_model::ListCampaignState::{
    self, Abandoned, Cancelled, DeclaredSent, Draft as Drafted, Failed, InDoubt, Sending, Sent,
};

use super::{draft, in_state, new_stage};
use crate::stage::{amount, at, signed};

fn receipt(ticket: &str, cost: Option<&str>) -> Word {
    Word::Sent(Some(Receipt {
        ticket: ticket.to_owned(),
        cost: cost.map(amount),
    }))
}

/// The word on a campaign in doubt, and on one that was found while it was being sent; what it is then, and what it costs.
fn check(word: &Word, becomes: ListCampaignState, cost: Option<&str>) {
    for from in [InDoubt, Sending] {
        let stage = new_stage();
        let mut ledger = stage.open().unwrap();
        let campaign = in_state(&mut ledger, from);
        let word = match word {
            Word::Sent(Some(told)) => receipt(from.name(), told.cost.map(|cost| cost.to_string()).as_deref()),
            word => word.clone(),
        };
        let told = ledger
            .resolve_list_campaign(from.name(), &word, &signed("asked them"))
            .unwrap();
        assert_eq!((told.was, told.campaign.state), (from, becomes), "{word}");
        assert_eq!(told.campaign.cost, cost.map(amount), "{word}");
        let found = ledger.list_campaign("octopush", "login", from.name()).unwrap();
        assert_eq!(found.as_ref(), Some(&told.campaign), "{word}");
        if becomes == Drafted {
            assert_eq!(
                (told.campaign.intended_at, told.campaign.doubt_since),
                (None, None)
            );
            ledger.step(campaign.id, &ListStep::Intended, at(70)).unwrap();
        } else {
            let since = if from == InDoubt { at(20) } else { at(50) };
            assert_eq!(told.campaign.doubt_since, Some(since));
        }
        ledger.close().unwrap();
        let query = "SELECT who || ': ' || was || ' ' || becomes || ' ' || why FROM list_campaign_event \
            WHERE who IS NOT NULL";
        let said = stage.row(query);
        assert_eq!(said, format!("anna@desk: in_doubt {} asked them", becomes.name()));
        assert_eq!(verify(&stage.path).unwrap().findings, []);
    }
}

#[test]
fn each_word_on_a_doubt_does_what_is_drawn() {
    check(&Word::Sent(None), DeclaredSent, None);
    check(&receipt("its own", Some("12.5")), DeclaredSent, Some("12.5"));
    check(&receipt("its own", None), DeclaredSent, None);
    check(&Word::NotSent, Drafted, None);
    check(&Word::Abandon, Abandoned, None);
}

#[test]
fn words_that_do_not_fit_are_refused_and_change_nothing() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    for state in ListCampaignState::ALL {
        in_state(&mut ledger, state);
    }
    let before = stage.reader().list_campaigns().unwrap();
    for state in [Drafted, Sent, Failed, Cancelled, DeclaredSent, Abandoned] {
        for word in [Word::Sent(None), Word::NotSent, Word::Abandon, Word::Withdrawn] {
            let refused = ledger
                .resolve_list_campaign(state.name(), &word, &signed("no"))
                .unwrap_err();
            assert!(
                matches!(&refused, WordError::ListCampaignSettled { state: of, .. } if *of == state),
                "{refused:?}"
            );
            assert!(refused.to_string().contains(state.name()), "{refused}");
        }
    }
    let mut check = |ticket: &str, word: Word, why: &str, said: &str| {
        let refused = ledger
            .resolve_list_campaign(ticket, &word, &signed(why))
            .unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    };
    check(
        "c9",
        Word::NotSent,
        "no",
        "no campaign on a list or tag has ticket c9",
    );
    check("in_doubt", Word::NotSent, " ", "the reason is blank");
    for ticket in ["in_doubt", "sending"] {
        check(ticket, Word::Withdrawn, "no", "--withdrawn is said of batches");
    }
    check(
        "in_doubt",
        receipt("t9", Some("1")),
        "no",
        "a receipt with ticket t9",
    );
    check(
        "sending",
        receipt("t9", Some("1")),
        "no",
        "a receipt with ticket t9",
    );
    assert_eq!(stage.reader().list_campaigns().unwrap(), before);
    let mut other = draft("in_doubt");
    other.account = "other".to_owned();
    ledger.record_draft(&other).unwrap();
    let refused = ledger
        .resolve_list_campaign("in_doubt", &Word::NotSent, &signed("no"))
        .unwrap_err();
    assert!(refused.to_string().contains("2 accounts"), "{refused}");
    stage.sound();
}
