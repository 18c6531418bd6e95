//! Many requests at once: the figures add up.

use mock_server::{At, Config, Deed, FaultRule, FaultScript};
use tokio::task::JoinSet;

use crate::client::{BOTH, Client, campaign, mock};

const CLIENTS: u64 = 20;
const REQUESTS_PER_CLIENT: u64 = 50;

/// Ten numbers that no other request has.
fn body(client: u64, request: u64) -> String {
    let first = (client * REQUESTS_PER_CLIENT + request) * 10;
    let numbers: Vec<String> = (first..first + 10).map(|n| format!("+336{n:08}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    campaign(&numbers, "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_at_once_are_each_counted_once() {
    let mock = mock(Config::default()).await;
    let addr = mock.addr();
    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        clients.spawn(async move {
            let mut client = Client::connect(addr, BOTH[usize::from(n % 2 == 0)]).await;
            let mut tickets = Vec::new();
            for request in 0..REQUESTS_PER_CLIENT {
                let answer = client.send(&body(n, request)).await.expect("an answer");
                assert_eq!(answer.status, 201);
                tickets.push(answer.json()["sms_ticket"].as_str().expect("a ticket").to_owned());
            }
            tickets
        });
    }
    let mut tickets: Vec<String> = clients.join_all().await.concat();
    let stats = mock.stats().together;
    assert_eq!(
        (stats.requests, stats.accepted_requests, stats.tickets),
        (1000, 1000, 1000)
    );
    assert_eq!(
        (
            stats.recipients,
            stats.distinct_recipients,
            stats.max_per_recipient
        ),
        (10_000, 10_000, 1)
    );
    assert_eq!(
        (stats.by_protocol.h2, stats.by_protocol.http1, stats.connections),
        (500, 500, 20)
    );
    assert_eq!(stats.by_status.values().sum::<u64>(), 1000);
    assert_eq!(stats.total_cost.to_string(), "451.2367");
    let mut recorded: Vec<String> = mock.tickets().into_iter().map(|ticket| ticket.ticket).collect();
    recorded.sort();
    tickets.sort();
    tickets.dedup();
    assert_eq!(tickets, recorded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_faults_every_request_is_answered_or_cut_and_every_commit_recorded() {
    let mock = mock(Config::default()).await;
    let rule = |at, deed| FaultRule {
        probability: 0.1,
        status: Some(502),
        ..FaultRule::new(at, deed)
    };
    let rules = vec![
        rule(At::AfterRead, Deed::Status),
        rule(At::AfterCommit, Deed::Drop),
    ];
    mock.set_faults(FaultScript { seed: Some(7), rules })
        .expect("rules");
    let addr = mock.addr();
    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        clients.spawn(async move {
            let mut answered = 0_u64;
            for request in 0..REQUESTS_PER_CLIENT {
                let mut client = Client::connect(addr, BOTH[usize::from(n % 2 == 0)]).await;
                answered += u64::from(client.send(&body(n, request)).await.is_ok());
            }
            answered
        });
    }
    let answered: u64 = clients.join_all().await.iter().sum();
    let stats = mock.stats();
    let (refused, cut) = (stats.faults_hit[0], stats.faults_hit[1]);
    assert!(refused > 0 && cut > 0, "both faults were hit");
    assert_eq!(stats.together.requests, 1000);
    assert_eq!(answered, 1000 - cut);
    assert_eq!(stats.together.accepted_requests, 1000 - refused);
    assert_eq!(stats.together.by_status.get(&502), Some(&refused));
    assert_eq!(stats.together.by_status.get(&201), Some(&(1000 - refused - cut)));
    assert_eq!(stats.together.recipients, 10 * (1000 - refused));
}
