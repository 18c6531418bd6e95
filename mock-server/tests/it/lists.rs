//! Campaigns on lists and tags, as their pages show them: created, asked about, sent, cancelled.

mod cancelling;
mod sending;

use http::{Method, Request};
use mock_server::{Config, Running};

use crate::client::{Answer, BOTH, Client, Protocol, mock, mock_with};

const ON_LIST: &str = "/v1/public/sms-campaign-on-list";
const ON_TAG: &str = "/v1/public/sms-campaign-on-tag";

/// The command to copy and paste of the page "Send SMS to contacts (on-list/on-tag)".
const EXAMPLE: &str = r#"{"list_name": "my_list", "text": "This is a Premium SMS with STOP. STOP at 30101", "type": "sms_premium", "purpose": "wholesale", "sender": "Company X"}"#;

async fn ask(mock: &Running, method: Method, path: &str, body: &str) -> Answer {
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    client.ask(method, path, body).await.expect("an answer")
}

/// The ticket of a campaign that is created.
async fn create(mock: &Running, body: &str) -> String {
    let answer = ask(mock, Method::POST, &format!("{ON_LIST}/create"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["ticket_number"]
        .as_str()
        .expect("a ticket")
        .to_owned()
}

async fn status(mock: &Running, ticket: &str) -> Answer {
    ask(
        mock,
        Method::GET,
        &format!("{ON_LIST}/status?ticket_number={ticket}"),
        "",
    )
    .await
}

fn naming(ticket: &str) -> String {
    format!(r#"{{"ticket_number":"{ticket}"}}"#)
}

async fn send(mock: &Running, ticket: &str) -> Answer {
    ask(mock, Method::POST, &format!("{ON_LIST}/send"), &naming(ticket)).await
}

async fn cancel(mock: &Running, ticket: &str) -> Answer {
    ask(
        mock,
        Method::DELETE,
        &format!("{ON_LIST}/cancel"),
        &naming(ticket),
    )
    .await
}

fn expect(answer: &Answer, status: u16, code: u64) {
    assert_eq!(
        (answer.status, answer.code()),
        (status, code),
        "{}",
        answer.text()
    );
}

/// The example, to go out at this date.
fn scheduled(date: &str) -> String {
    EXAMPLE.replacen('{', &format!(r#"{{"send_at":"{date}","#), 1)
}

/// A date that no test reaches.
const FAR: &str = "2999-06-01T12:00:00+03:00";

#[tokio::test]
async fn the_pages_example_goes_its_way_over_both_protocols() {
    for protocol in BOTH {
        let mock = mock_with("[octopush]\nprices = { 33 = \"0.129\" }").await;
        let mut client = Client::connect(mock.addr(), protocol).await;
        let mut ask = async |method: Method, path: &str, body: &str| {
            let answer = client.ask(method, &format!("{ON_LIST}/{path}"), body).await;
            answer.expect("an answer")
        };
        let created = ask(Method::POST, "create", EXAMPLE).await;
        assert_eq!(created.status, 201);
        assert_eq!(created.headers["content-type"], "application/json");
        let ticket = created.json()["ticket_number"]
            .as_str()
            .expect("a ticket")
            .to_owned();
        assert!(ticket.starts_with("sms_"));
        assert_eq!(created.text(), naming(&ticket));

        let told = ask(Method::GET, &format!("status?ticket_number={ticket}"), "").await;
        assert_eq!(told.headers["content-type"], "application/json");
        assert_eq!(
            (told.status, told.text()),
            (
                200,
                r#"{"number_of_contacts":20,"cost":2.58,"status":"ready_to_be_send"}"#
            )
        );
        assert_eq!(mock.stats().together.accepted_requests, 0);

        let sent = ask(Method::POST, "send", &naming(&ticket)).await;
        assert_eq!(sent.status, 200);
        let date = sent.json()["sending_date"].as_str().expect("a date").to_owned();
        assert!(
            date.parse::<jiff::Timestamp>().is_ok() && date.ends_with("+00:00"),
            "{date}"
        );
        let stats = mock.stats().together;
        assert_eq!(
            (stats.accepted_requests, stats.recipients, stats.max_per_recipient),
            (1, 20, 1)
        );
        assert_eq!(
            (stats.tickets, stats.total_cost.to_string().as_str()),
            (1, "2.58")
        );
        assert_eq!(mock.tickets()[0].ticket, ticket);
        assert!(
            mock.recipients()
                .iter()
                .all(|recipient| recipient.number.starts_with("+336"))
        );
    }
}

#[tokio::test]
async fn the_services_under_tag_are_the_same() {
    let mock =
        mock_with("[octopush.audiences]\ntags = { my_tag = [\"+33612345678\", \"+33612345679\"] }").await;
    let body = EXAMPLE
        .replace("list_name", "tag_name")
        .replace("my_list", "my_tag");
    let mut tickets = Vec::new();
    for _ in 0..2 {
        let created = ask(&mock, Method::POST, &format!("{ON_TAG}/create"), &body).await;
        assert_eq!(created.status, 201);
        tickets.push(
            created.json()["ticket_number"]
                .as_str()
                .expect("a ticket")
                .to_owned(),
        );
    }
    let path = format!("{ON_TAG}/status?ticket_number={}", tickets[0]);
    let status = ask(&mock, Method::GET, &path, "").await;
    assert_eq!(status.json()["number_of_contacts"], 2);
    let sent = ask(
        &mock,
        Method::POST,
        &format!("{ON_TAG}/send"),
        &naming(&tickets[0]),
    )
    .await;
    assert_eq!(sent.status, 200);
    let path = format!("{ON_TAG}/cancel");
    let cancelled = ask(&mock, Method::DELETE, &path, &naming(&tickets[1])).await;
    assert_eq!((cancelled.status, cancelled.text()), (204, ""));
    expect(
        &ask(&mock, Method::DELETE, &path, &naming(&tickets[1])).await,
        400,
        131,
    );
    let numbers: Vec<String> = mock
        .recipients()
        .into_iter()
        .map(|recipient| recipient.number)
        .collect();
    assert_eq!(numbers, ["+33612345678", "+33612345679"]);
}

#[tokio::test]
async fn either_name_is_good_under_either_path_unless_the_switch_insists() {
    for (strict, of_other) in [("", 201), ("\"list_or_tag_by_path\"", 400)] {
        let mock = mock_with(&format!("[octopush]\nstrict = [{strict}]")).await;
        let tag = EXAMPLE.replace("list_name", "tag_name");
        let check = async |service: &str, body: &str, expected: u16| {
            let answer = ask(&mock, Method::POST, &format!("{service}/create"), body).await;
            assert_eq!(answer.status, expected, "{strict}: {service} {body}");
        };
        check(ON_LIST, EXAMPLE, 201).await;
        check(ON_LIST, &tag, of_other).await;
        check(ON_TAG, EXAMPLE, of_other).await;
        check(ON_TAG, &tag, 201).await;
    }
}

#[tokio::test]
async fn premium_is_refused_where_only_voice_is_named() {
    let voice = EXAMPLE.replace("sms_premium", "sms_vocal");
    for (strict, of_premium) in [("", 201), ("\"list_type_vocal_only\"", 400)] {
        let mock = mock_with(&format!("[octopush]\nstrict = [{strict}]")).await;
        let path = format!("{ON_LIST}/create");
        let answer = ask(&mock, Method::POST, &path, EXAMPLE).await;
        assert_eq!(answer.status, of_premium, "{strict}");
        assert_eq!(
            ask(&mock, Method::POST, &path, &voice).await.status,
            201,
            "{strict}"
        );
    }
}

#[tokio::test]
async fn a_missing_stop_mention_is_answered_as_the_page_says() {
    let mock = mock(Config::default()).await;
    let body = EXAMPLE.replace("STOP at", "stop at");
    let answer = ask(&mock, Method::POST, &format!("{ON_LIST}/create"), &body).await;
    assert_eq!(
        (answer.status, answer.text()),
        (400, r#"{"code":121,"message":"Mention STOP is missing."}"#)
    );
    create(&mock, &body.replace("wholesale", "alert")).await;
}

#[tokio::test]
async fn a_campaign_is_computed_for_as_long_as_the_settings_say() {
    let expected = |status: &str| format!(r#"{{"number_of_contacts":0,"cost":0,"status":"{status}"}}"#);
    for (answered, computing) in [
        ("bad_request", None),
        ("under_computation", Some(expected("under_computation"))),
        ("calculating", Some(expected("calculating"))),
    ] {
        let mock = mock_with(&format!(
            "[octopush.lists]\ncomputing_ms = 3600000\ncomputing_answer = \"{answered}\"\n[octopush.audiences]\nfails = [\"bad_list\"]"
        ))
        .await;
        let good = create(&mock, EXAMPLE).await;
        let bad = create(&mock, &EXAMPLE.replace("my_list", "bad_list")).await;
        for ticket in [&good, &bad] {
            let answer = status(&mock, ticket).await;
            match &computing {
                Some(body) => assert_eq!((answer.status, answer.text()), (200, body.as_str())),
                None => expect(&answer, 400, 129),
            }
            expect(&send(&mock, ticket).await, 400, 129);
        }
        mock.advance_clock(3600);
        assert_eq!(status(&mock, &good).await.json()["status"], "ready_to_be_send");
        assert_eq!(status(&mock, &bad).await.text(), expected("failed"));
        expect(&send(&mock, &bad).await, 400, 117);
        assert_eq!(send(&mock, &good).await.status, 200);
        assert_eq!(mock.stats().together.accepted_requests, 1);
    }
}

#[tokio::test]
async fn the_code_while_computing_and_the_spelling_of_ready_are_switches() {
    let mock = mock_with("[octopush.lists]\ncomputing_ms = 1000000\ncomputing_code = 130").await;
    let ticket = create(&mock, EXAMPLE).await;
    expect(&status(&mock, &ticket).await, 400, 130);
    expect(&send(&mock, &ticket).await, 400, 130);
    for spelling in ["ready_to_be_send", "ready_to_be_sent", "ready to send"] {
        let mock = mock_with(&format!("[octopush.lists]\nready_spelling = \"{spelling}\"")).await;
        let ticket = create(&mock, EXAMPLE).await;
        assert_eq!(status(&mock, &ticket).await.json()["status"], spelling);
    }
}

#[tokio::test]
async fn removing_blacklisted_numbers_is_charged() {
    let mock = mock_with(
        "[octopush]\nblacklist = [\"+33612345678\"]\nprices = { 33 = \"0.05\" }\n[octopush.audiences]\nlists = { my_list = [\"+33612345678\", \"+33612345679\"] }",
    )
    .await;
    let kept = create(&mock, EXAMPLE).await;
    assert_eq!(
        status(&mock, &kept).await.text(),
        r#"{"number_of_contacts":2,"cost":0.1,"status":"ready_to_be_send"}"#
    );
    let flag = r#"{"auto_remove_blacklisted_numbers":true,"#;
    let removed = create(&mock, &EXAMPLE.replacen('{', flag, 1)).await;
    assert_eq!(
        status(&mock, &removed).await.text(),
        r#"{"number_of_contacts":1,"cost":0.06,"status":"ready_to_be_send"}"#
    );
}

#[tokio::test]
async fn unknown_tickets_are_131_and_missing_ones_100() {
    let mock = mock(Config::default()).await;
    create(&mock, EXAMPLE).await;
    expect(&status(&mock, "sms_5f3fbce61266e").await, 400, 131);
    expect(&send(&mock, "sms_5f3fbce61266e").await, 400, 131);
    expect(&cancel(&mock, "sms_5f3fbce61266e").await, 400, 131);
    let check = async |method: Method, path: &str| {
        expect(
            &ask(&mock, method, &format!("{ON_LIST}/{path}"), "{}").await,
            400,
            100,
        );
    };
    check(Method::GET, "status").await;
    check(Method::POST, "send").await;
    check(Method::DELETE, "cancel").await;
    check(Method::POST, "create").await;
}

#[tokio::test]
async fn a_campaign_belongs_to_its_account() {
    let mock = mock_with(
        "[octopush]\naccounts = [{ login = \"me@example.org\", key = \"secret\" }, { login = \"you@example.org\", key = \"k\" }]",
    )
    .await;
    let ticket = create(&mock, EXAMPLE).await;
    let status_path = format!("status?ticket_number={ticket}");
    let services = [
        (Method::POST, "create", None),
        (Method::GET, status_path.as_str(), Some(131)),
        (Method::POST, "send", Some(131)),
        (Method::DELETE, "cancel", Some(131)),
    ];
    for (method, path, of_other) in services {
        let as_other = async |key: &str| {
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("{ON_LIST}/{path}"))
                .header("host", "mock")
                .header("api-login", "you@example.org")
                .header("api-key", key)
                .body(naming(&ticket).into())
                .expect("a request");
            let mut client = Client::connect(mock.addr(), Protocol::Http1).await;
            client.exchange(request).await.expect("an answer")
        };
        expect(&as_other("wrong").await, 401, 101);
        if let Some(code) = of_other {
            expect(&as_other("k").await, 400, code);
        }
    }
    assert_eq!(send(&mock, &ticket).await.status, 200);
}
