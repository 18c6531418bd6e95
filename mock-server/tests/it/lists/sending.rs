//! The send of a campaign on a list: the commit, once.

use http::Method;
use mock_server::{At, Config, Deed, FaultRule, FaultScript};

use super::{EXAMPLE, FAR, ON_LIST, create, expect, naming, scheduled, send, status};
use crate::client::{BOTH, Client, Protocol, mock, mock_with};

#[tokio::test]
async fn a_campaign_is_sent_once_and_its_status_tells() {
    for (switch, code) in [("sent", None), ("bad_request_132", Some(132))] {
        let mock = mock_with(&format!("[octopush.lists]\nstatus_after_send = \"{switch}\"")).await;
        let ticket = create(&mock, EXAMPLE).await;
        assert_eq!(send(&mock, &ticket).await.status, 200);
        expect(&send(&mock, &ticket).await, 400, 132);
        let after = status(&mock, &ticket).await;
        match code {
            Some(code) => expect(&after, 400, code),
            None => assert_eq!(
                (after.status, after.text()),
                (
                    200,
                    r#"{"number_of_contacts":20,"cost":0.9024734,"status":"sent"}"#
                )
            ),
        }
        let stats = mock.stats().together;
        assert_eq!((stats.accepted_requests, stats.recipients), (1, 20));
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_leaves_one_campaign_and_a_second_send_is_told_so() {
    for protocol in BOTH {
        for deed in [Deed::Drop, Deed::Reset] {
            let mock = mock(Config::default()).await;
            let ticket = create(&mock, EXAMPLE).await;
            let rule = FaultRule {
                path: Some("sms-campaign-on-list/send".into()),
                times: Some(1),
                ..FaultRule::new(At::AfterCommit, deed)
            };
            let script = FaultScript {
                seed: None,
                rules: vec![rule],
            };
            mock.set_faults(script).expect("rules");
            let mut client = Client::connect(mock.addr(), protocol).await;
            let path = format!("{ON_LIST}/send");
            let lost = client.ask(Method::POST, &path, &naming(&ticket)).await;
            assert!(lost.is_err(), "{protocol:?} {deed:?}");
            assert_eq!(mock.stats().faults_hit, [1]);

            expect(&send(&mock, &ticket).await, 400, 132);
            assert_eq!(status(&mock, &ticket).await.json()["status"], "sent");
            let stats = mock.stats().together;
            assert_eq!(
                (stats.accepted_requests, stats.tickets),
                (1, 1),
                "{protocol:?} {deed:?}"
            );
            assert_eq!((stats.recipients, stats.max_per_recipient), (20, 1));
            assert_eq!(mock.tickets()[0].ticket, ticket);
        }
    }
}

#[tokio::test]
async fn a_request_lost_before_the_commit_leaves_the_campaign_ready() {
    let mock = mock(Config::default()).await;
    let ticket = create(&mock, EXAMPLE).await;
    let rule = FaultRule {
        times: Some(1),
        ..FaultRule::new(At::AfterRead, Deed::Drop)
    };
    let script = FaultScript {
        seed: None,
        rules: vec![rule],
    };
    mock.set_faults(script).expect("rules");
    let mut client = Client::connect(mock.addr(), Protocol::Http1).await;
    let path = format!("{ON_LIST}/send");
    assert!(client.ask(Method::POST, &path, &naming(&ticket)).await.is_err());
    assert_eq!(mock.stats().together.accepted_requests, 0);
    assert_eq!(send(&mock, &ticket).await.status, 200);
}

#[tokio::test]
async fn two_sends_at_once_commit_once() {
    let mock = mock(Config::default()).await;
    let ticket = create(&mock, EXAMPLE).await;
    let (one, two) = tokio::join!(send(&mock, &ticket), send(&mock, &ticket));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(mock.stats().together.max_per_recipient, 1);
}

#[tokio::test]
async fn a_campaign_needs_credit_for_its_send_and_for_nothing_before() {
    for (credit, expected) in [("0.90247339", 400), ("0.9024734", 200)] {
        let mock = mock_with(&format!("[octopush]\ncredit = \"{credit}\"")).await;
        let ticket = create(&mock, EXAMPLE).await;
        assert_eq!(status(&mock, &ticket).await.status, 200);
        let answer = send(&mock, &ticket).await;
        assert_eq!(answer.status, expected, "{credit}");
        if expected == 400 {
            assert_eq!(answer.code(), 104);
            assert_eq!(status(&mock, &ticket).await.json()["status"], "ready_to_be_send");
            assert_eq!(mock.stats().together.recipients, 0);
        }
    }
}

#[tokio::test]
async fn the_sending_date_is_the_campaigns_own_as_it_was_written() {
    let mock = mock(Config::default()).await;
    for date in ["2021-06-01T12:00:00+03:00", FAR, "2021-01-01 00:01:00"] {
        let ticket = create(&mock, &scheduled(date)).await;
        let answer = send(&mock, &ticket).await;
        assert_eq!(answer.text(), format!(r#"{{"sending_date":"{date}"}}"#));
    }
}
