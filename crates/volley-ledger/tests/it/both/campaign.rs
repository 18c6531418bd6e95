//! What may change between the runs of a campaign, and what may not.

use volley_ledger::{CampaignIdentity, Changes, LedgerError};

use super::new_stage;
use crate::stage::{Stage, accepted, at, identity, intent, parts, refused};

fn check_refused(stage: &Stage, identity: &CampaignIdentity, key: &str) {
    let reader = stage.reader().compare(identity, Changes::Refuse).unwrap_err();
    let writer = stage
        .open()
        .unwrap()
        .enter(identity, Changes::Refuse, at(2))
        .unwrap_err();
    assert_eq!(reader.to_string(), writer.to_string());
    assert!(
        matches!(
            writer,
            LedgerError::CampaignFixed { .. } | LedgerError::MessageChanged { .. }
        ),
        "{writer:?}"
    );
    assert!(writer.to_string().contains(key), "{writer}");
}

fn others() -> [(&'static str, CampaignIdentity); 3] {
    [
        (
            "provider",
            CampaignIdentity {
                provider: "exotel".to_owned(),
                ..identity()
            },
        ),
        (
            "account",
            CampaignIdentity {
                account: "another".to_owned(),
                ..identity()
            },
        ),
        (
            "host",
            CampaignIdentity {
                host: "example.org".to_owned(),
                ..identity()
            },
        ),
    ]
}

fn reworded() -> CampaignIdentity {
    CampaignIdentity {
        message: parts(&[("sender", "Acme"), ("text", "Bye")]),
        ..identity()
    }
}

#[tokio::test]
async fn once_a_number_is_reached_provider_account_and_host_are_fixed() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), accepted("t", None)).await;
    run.close();
    for (key, other) in others() {
        check_refused(&stage, &other, key);
        let accepting = stage.open().unwrap().enter(&other, Changes::Accept, at(2));
        assert!(
            matches!(accepting, Err(LedgerError::CampaignFixed { .. })),
            "{key} is not for accepting"
        );
    }
    stage.run().close();
}

#[tokio::test]
async fn before_that_everything_may_change_and_the_change_is_recorded() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), refused()).await;
    run.close();
    for (_, other) in others() {
        stage.run_as(&other).close();
    }
    stage.run_as(&reworded()).close();
    let query =
        "SELECT string_agg(key || ' ' || was || ' → ' || becomes, '; ' ORDER BY id) FROM campaign_change";
    let changes = stage.row(query);
    assert_eq!(
        changes,
        "provider octopush → exotel; provider exotel → octopush; account login → another; account another → login; \
         host api.octopush.com → example.org; host example.org → api.octopush.com; text Hello → Bye"
    );
}

#[tokio::test]
async fn a_message_changes_only_when_that_is_accepted_and_batches_keep_theirs() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), accepted("t", None)).await;
    let (campaign, first) = (run.entry.campaign, run.entry.message);
    run.close();
    check_refused(&stage, &reworded(), "text");
    // The order of the parts is not the message.
    let turned = CampaignIdentity {
        message: parts(&[("sender", "Acme"), ("text", "Hello")]),
        ..identity()
    };
    assert_eq!(
        stage.reader().compare(&turned, Changes::Refuse).unwrap().message,
        Some(first)
    );
    assert_eq!(
        stage.reader().message(campaign, &turned.message).unwrap(),
        Some(first)
    );
    assert_eq!(
        stage.reader().message(campaign, &reworded().message).unwrap(),
        None
    );
    let mut ledger = stage.open().unwrap();
    let entry = ledger.enter(&reworded(), Changes::Accept, at(2)).unwrap();
    assert_ne!(entry.message, first);
    ledger
        .standing(campaign, &mut |batch| assert_eq!(batch.message, first))
        .unwrap();
    drop(ledger);
    // From now on that is the message, and going back is a change again.
    stage.run_as(&reworded()).close();
    check_refused(&stage, &identity(), "text");
    let back = stage
        .open()
        .unwrap()
        .enter(&identity(), Changes::Accept, at(3))
        .unwrap();
    assert_eq!(back.message, first);
}

#[test]
fn a_closed_campaign_takes_no_run() {
    let stage = new_stage();
    stage.run().close();
    stage.carry_out("UPDATE campaign SET closed_at = 1");
    let closed = stage.open().unwrap().enter(&identity(), Changes::Accept, at(2));
    assert!(
        matches!(closed, Err(LedgerError::CampaignClosed { .. })),
        "{closed:?}"
    );
}

#[test]
fn a_refused_run_leaves_no_trace() {
    let stage = new_stage();
    stage.run().close();
    let runs = |stage: &Stage| stage.reader().report(None).unwrap()[0].runs.len();
    stage.carry_out("UPDATE campaign SET closed_at = 1");
    drop(stage.open().unwrap().enter(&identity(), Changes::Accept, at(2)));
    assert_eq!(runs(&stage), 1);
}
