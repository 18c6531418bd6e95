//! What is learnt of a campaign on its way is kept, by the ticket, the name or the id that it is known by.

use volley_ledger::{Draft, LedgerError, ListCampaign, ListCampaignId, ListStep, verify};
use volley_model::ListCampaignState::{Draft as Drafted, InDoubt, Sending, Sent};
use volley_model::{Audience, Currency};

use super::{because, draft, in_state, new_stage, sent};
use crate::stage::{amount, at};

#[test]
fn a_campaign_keeps_what_is_learnt_of_it_on_its_way() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    let recorded = ledger.record_draft(&draft("c1")).unwrap();
    let mut expected = ListCampaign {
        id: ListCampaignId(1),
        provider: "octopush".to_owned(),
        account: "login".to_owned(),
        host: "api.octopush.com".to_owned(),
        ticket: "c1".to_owned(),
        provider_id: None,
        audience: Some(Audience::List("customers".to_owned())),
        state: Drafted,
        reason: None,
        contacts: None,
        cost: None,
        currency: Currency::EUR,
        sending_date: None,
        created_at: at(10),
        intended_at: None,
        doubt_since: None,
        changed_at: at(10),
    };
    assert_eq!(recorded, expected);
    let mut check = |step: ListStep, seconds: i64, change: &dyn Fn(&mut ListCampaign)| {
        let found = ledger.step(recorded.id, &step, at(seconds)).unwrap();
        change(&mut expected);
        expected.changed_at = at(seconds);
        assert_eq!(found, expected, "{step:?}");
        let read = stage.reader().list_campaign("octopush", "login", "c1").unwrap();
        assert_eq!(read.as_ref(), Some(&found), "{step:?}");
        assert_eq!(stage.reader().list_campaigns().unwrap(), [found]);
    };
    let priced = |contacts, cost: Option<&str>| ListStep::Priced {
        contacts,
        cost: cost.map(amount),
    };
    check(priced(Some(900), None), 11, &|campaign| {
        campaign.contacts = Some(900);
    });
    check(priced(None, Some("44.55")), 12, &|campaign| {
        campaign.cost = Some(amount("44.55"));
    });
    check(ListStep::Intended, 13, &|campaign| {
        (campaign.state, campaign.intended_at) = (Sending, Some(at(13)));
    });
    let reason = because("connection refused");
    check(ListStep::Unsent { reason }, 14, &|campaign| {
        (campaign.state, campaign.intended_at) = (Drafted, None);
        campaign.reason = Some("connection refused".to_owned());
    });
    check(ListStep::Intended, 15, &|campaign| {
        (campaign.state, campaign.intended_at, campaign.reason) = (Sending, Some(at(15)), None);
    });
    let reason = because("no answer");
    check(ListStep::InDoubt { reason }, 16, &|campaign| {
        (campaign.state, campaign.doubt_since) = (InDoubt, Some(at(16)));
        campaign.reason = Some("no answer".to_owned());
    });
    let reason = because("500");
    check(ListStep::InDoubt { reason }, 17, &|campaign| {
        campaign.reason = Some("500".to_owned());
    });
    check(sent(), 18, &|campaign| {
        (campaign.state, campaign.reason) = (Sent, None);
        campaign.sending_date = Some("2027-02-01 10:00".to_owned());
    });
    let query = "SELECT string_agg(number || ' ' || coalesce(was, '') || '>' || becomes || ' ' || coalesce(why, '-'), \
        ', ' ORDER BY number) FROM list_campaign_event";
    let events = stage.row(query);
    assert_eq!(
        events,
        "1 >draft -, 2 draft>sending -, 3 sending>draft connection refused, 4 draft>sending -, \
         5 sending>in_doubt no answer, 6 in_doubt>in_doubt 500, 7 in_doubt>sent -"
    );
    let query = "SELECT ticket || ', ' || audience_kind || ' ' || audience_name || ', ' || state || ', ' || cost || ' ' \
        || currency || ', ' || created || ', ' || intended || ', ' || in_doubt_since FROM list_campaigns";
    let shown = stage.row(query);
    assert_eq!(
        shown,
        "c1, list customers, sent, 44.55 EUR, 2027-01-15T08:00:10.000Z, 2027-01-15T08:00:15.000Z, \
         2027-01-15T08:00:16.000Z"
    );
}

#[test]
fn a_known_ticket_is_returned_as_it_stands_and_that_of_another_account_is_another_campaign() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    let first = in_state(&mut ledger, Sent);
    let mut again = draft("sent");
    (again.audience, again.at) = (None, at(99));
    again.host = "eu.octopush.com".to_owned();
    assert_eq!(
        ledger.record_draft(&again).unwrap(),
        first,
        "its host is the first one"
    );
    let mut other = draft("sent");
    (other.account, other.audience, other.message) = ("other".to_owned(), None, Vec::new());
    let other = ledger.record_draft(&other).unwrap();
    assert_eq!(
        (other.id, other.state, other.audience),
        (ListCampaignId(2), Drafted, None)
    );
    let tagged = Draft {
        audience: Some(Audience::Tag("vip".to_owned())),
        ..draft("c3")
    };
    let tagged = ledger.record_draft(&tagged).unwrap();
    assert_eq!(tagged.audience, Some(Audience::Tag("vip".to_owned())));
    assert_eq!(ledger.list_campaign("octopush", "login", "c4").unwrap(), None);
    let unknown = ledger.step(ListCampaignId(9), &ListStep::Intended, at(9));
    assert!(matches!(unknown, Err(LedgerError::Refused { .. })), "{unknown:?}");
    stage.sound();
}

/// A provider that makes and sends by one order gives an id only in its answer: until then the name is what it is known by.
#[test]
fn one_that_is_recorded_under_its_name_gets_the_provider_s_id_when_it_is_sent() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    let sent_as = |id: Option<&str>| ListStep::Sent {
        provider_id: id.map(str::to_owned),
        sending_date: None,
        reason: None,
    };
    for (name, id) in [("spring-0-1", "v7"), ("spring-1-1", "v8")] {
        let campaign = ledger.record_draft(&draft(name)).unwrap();
        assert_eq!(campaign.provider_id, None);
        ledger.step(campaign.id, &ListStep::Intended, at(20)).unwrap();
        // The answer was lost, and the listing has it.
        if id == "v8" {
            let reason = because("no answer");
            let doubtful = ledger
                .step(campaign.id, &ListStep::InDoubt { reason }, at(21))
                .unwrap();
            assert_eq!(doubtful.provider_id, None);
        }
        let sent = ledger.step(campaign.id, &sent_as(Some(id)), at(30)).unwrap();
        assert_eq!(
            (sent.ticket.as_str(), sent.provider_id.as_deref()),
            (name, Some(id))
        );
        let read = stage.reader().list_campaign("octopush", "login", name).unwrap();
        assert_eq!(read, Some(sent));
        let reason = because("stopped in time");
        let cancelled = ledger
            .step(campaign.id, &ListStep::Cancelled { reason }, at(31))
            .unwrap();
        assert_eq!(cancelled.provider_id.as_deref(), Some(id), "it keeps its id");
    }
    let query = "SELECT string_agg(ticket || ' ' || provider_id, ', ' ORDER BY ticket) FROM list_campaigns";
    let shown = stage.row(query);
    assert_eq!(shown, "spring-0-1 v7, spring-1-1 v8");
    stage.sound();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    // One id for two names is an alarm.
    let twin = ledger.record_draft(&draft("spring-1-2")).unwrap();
    ledger.step(twin.id, &ListStep::Intended, at(40)).unwrap();
    ledger.step(twin.id, &sent_as(Some("v8")), at(41)).unwrap();
    let faults = stage.reader().conservation().unwrap();
    assert_eq!(faults, ["id v8: two list campaigns have it"]);
}
