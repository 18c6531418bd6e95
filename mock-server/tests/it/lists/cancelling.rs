//! What can be cancelled of a campaign on a list, and what becomes of it.

use mock_server::Config;

use super::{EXAMPLE, FAR, cancel, create, expect, scheduled, send, status};
use crate::client::{mock, mock_with};

#[tokio::test]
async fn a_cancelled_campaign_is_unknown() {
    let mock = mock_with("[octopush.audiences]\nfails = [\"bad_list\"]").await;
    for body in [EXAMPLE, &EXAMPLE.replace("my_list", "bad_list")] {
        let ticket = create(&mock, body).await;
        let cancelled = cancel(&mock, &ticket).await;
        assert_eq!((cancelled.status, cancelled.text()), (204, ""));
        expect(&cancel(&mock, &ticket).await, 400, 131);
        expect(&status(&mock, &ticket).await, 400, 131);
        expect(&send(&mock, &ticket).await, 400, 131);
    }
    let stats = mock.stats().together;
    assert_eq!((stats.accepted_requests, stats.cancelled_requests), (0, 0));
}

#[tokio::test]
async fn a_sent_campaign_is_cancelled_only_while_its_date_is_ahead() {
    let mock = mock(Config::default()).await;
    let now = create(&mock, EXAMPLE).await;
    let past = create(&mock, &scheduled("2021-06-01T12:00:00+03:00")).await;
    let far = create(&mock, &scheduled(FAR)).await;
    for ticket in [&now, &past, &far] {
        assert_eq!(send(&mock, ticket).await.status, 200);
    }
    assert_eq!(mock.stats().together.max_per_recipient, 3);
    expect(&cancel(&mock, &now).await, 400, 132);
    expect(&cancel(&mock, &past).await, 400, 132);
    assert_eq!(cancel(&mock, &far).await.status, 204);
    expect(&send(&mock, &far).await, 400, 131);
    let stats = mock.stats().together;
    assert_eq!(
        (
            stats.accepted_requests,
            stats.cancelled_requests,
            stats.recipients
        ),
        (3, 1, 40)
    );
    assert_eq!(stats.max_per_recipient, 2);
    let cancelled: Vec<bool> = mock.tickets().iter().map(|ticket| ticket.cancelled).collect();
    assert_eq!(cancelled, [false, false, true]);
}

#[tokio::test]
async fn a_date_that_has_come_by_the_clock_ends_cancelling() {
    let mock = mock(Config::default()).await;
    let ticket = create(&mock, &scheduled(FAR)).await;
    assert_eq!(send(&mock, &ticket).await.status, 200);
    let thousand_years = 1000 * 366 * 24 * 3600;
    mock.advance_clock(thousand_years);
    expect(&cancel(&mock, &ticket).await, 400, 132);
    mock.advance_clock(-thousand_years);
    assert_eq!(cancel(&mock, &ticket).await.status, 204);
}

#[tokio::test]
async fn a_cancelled_campaigns_money_comes_back_only_where_the_switch_says_so() {
    for (refunds, spent, next) in [(false, "1", 400), (true, "0", 200)] {
        let mock = mock_with(&format!(
            "[octopush]\ncredit = \"1\"\nprices = {{ 33 = \"0.05\" }}\n[octopush.cancel]\nrefunds = {refunds}"
        ))
        .await;
        let ticket = create(&mock, &scheduled(FAR)).await;
        assert_eq!(send(&mock, &ticket).await.status, 200);
        assert_eq!(mock.stats().together.total_cost.to_string(), "1");
        assert_eq!(cancel(&mock, &ticket).await.status, 204);
        assert_eq!(mock.stats().together.total_cost.to_string(), spent);
        let ticket = create(&mock, EXAMPLE).await;
        assert_eq!(send(&mock, &ticket).await.status, next, "refunds: {refunds}");
    }
}
