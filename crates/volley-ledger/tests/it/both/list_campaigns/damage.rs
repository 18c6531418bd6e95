//! Damage that would send a campaign again, or lose how it came to its state, is found.

use volley_ledger::{LedgerError, ListStep, verify};
use volley_model::ListCampaignState::Sent;

use super::{draft, in_state, new_stage};
use crate::stage::{Stage, at};

/// A ledger that is closed, with a campaign that was sent.
fn with_one_sent() -> Stage {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    in_state(&mut ledger, Sent);
    ledger.close().unwrap();
    stage
}

#[test]
fn a_damaged_campaign_is_never_taken_for_one_that_may_be_sent() {
    for change in [
        "UPDATE list_campaign SET state = 'draft', intended_at = NULL",
        "UPDATE list_campaign SET state = 'failed'",
        "UPDATE list_campaign SET cost = '0.01'",
        "UPDATE list_campaign SET contacts = 7",
        "UPDATE list_campaign SET sending_date = NULL",
        "UPDATE list_campaign SET provider_id = 'other'",
        "UPDATE list_campaign SET host = 'api.example.com'",
        "UPDATE list_campaign SET sum = x''",
        "UPDATE list_campaign SET message_hash = zeroblob(32)",
    ] {
        let stage = new_stage();
        let mut ledger = stage.open().unwrap();
        let id = in_state(&mut ledger, Sent).id;
        stage.change(change);
        for damaged in [
            ledger.list_campaign("octopush", "login", "sent").unwrap_err(),
            ledger.record_draft(&draft("sent")).unwrap_err(),
            ledger.step(id, &ListStep::Intended, at(30)).unwrap_err(),
            stage.reader().list_campaigns().unwrap_err(),
        ] {
            assert!(
                matches!(damaged, LedgerError::Damaged { .. }),
                "{change}: {damaged:?}"
            );
            assert!(damaged.to_string().contains("list campaign 1"), "{damaged}");
        }
        drop(ledger);
        let damaged = stage.open().unwrap_err();
        assert!(
            matches!(damaged, LedgerError::Damaged { .. }),
            "{change}: {damaged:?}"
        );
        let findings = verify(&stage.path).unwrap().findings;
        assert_eq!(findings[0].place, "list campaign 1", "{change}");
    }
}

#[test]
fn a_campaign_that_its_ticket_no_longer_finds_is_not_recorded_anew() {
    for change in [
        "UPDATE list_campaign SET ticket = 'tent'",
        "UPDATE list_campaign SET account = 'other'",
        "UPDATE list_campaign_part SET value = 'Bye' WHERE key = 'text'",
        "DELETE FROM list_campaign_part WHERE key = 'text'",
        "UPDATE list_campaign_event SET why = 'other' WHERE number = 2",
    ] {
        let stage = with_one_sent();
        stage.change(change);
        let damaged = stage.open().unwrap_err();
        assert!(
            matches!(damaged, LedgerError::Damaged { .. }),
            "{change}: {damaged:?}"
        );
        assert!(!verify(&stage.path).unwrap().findings.is_empty(), "{change}");
    }
}

#[test]
fn a_state_and_its_last_event_must_agree() {
    for (change, fault) in [
        (
            "DELETE FROM list_campaign_event WHERE number = 3",
            "its last event says otherwise",
        ),
        ("DELETE FROM list_campaign_event", "its last event says otherwise"),
        (
            "DELETE FROM list_campaign_event WHERE number = 2",
            "events of it are missing",
        ),
    ] {
        let stage = with_one_sent();
        stage.change(change);
        let found = verify(&stage.path).unwrap().findings;
        assert!(
            found
                .iter()
                .any(|finding| finding.fault == fault && finding.place == "list campaign 1"),
            "{change}: {found:?}"
        );
    }
}
