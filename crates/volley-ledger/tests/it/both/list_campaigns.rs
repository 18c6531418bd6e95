//! Campaigns on lists and tags: every step from every state, the operator's word, and damage that would send one again.

use std::collections::BTreeMap;

use volley_ledger::{
    Draft, Ledger, LedgerError, ListCampaign, ListCampaignId, ListStep, Receipt, Word, WordError, verify,
};
use volley_model::ListCampaignState::{
    self, Abandoned, Cancelled, DeclaredSent, Draft as Drafted, Failed, InDoubt, Sending, Sent,
};
use volley_model::{Audience, Currency};

use super::new_stage;
use crate::stage::{amount, at, parts, signed};

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

#[test]
fn no_tool_changes_what_has_happened_nor_adds_what_nobody_said() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    let ids: BTreeMap<&str, i64> = ListCampaignState::ALL
        .iter()
        .map(|state| (state.name(), in_state(&mut ledger, *state).id.0))
        .collect();
    ledger.close().unwrap();
    let refuses = |statement: &str| {
        stage.refuses(statement);
    };
    for statement in [
        "DELETE FROM list_campaign",
        "DELETE FROM list_campaign_part",
        "DELETE FROM list_campaign_event",
        "UPDATE list_campaign_part SET value = 'other'",
        "UPDATE list_campaign_event SET why = 'other'",
        "UPDATE list_campaign SET ticket = 'other'",
        "UPDATE list_campaign SET audience_name = 'others'",
        "UPDATE list_campaign SET sending_date = 'now'",
        "UPDATE list_campaign SET intended_at = 7 WHERE state = 'sending'",
        "UPDATE list_campaign SET provider_id = 'other' WHERE state = 'sent'",
        "UPDATE list_campaign SET provider_id = 'other' WHERE state = 'draft'",
        "INSERT INTO list_campaign SELECT 99, provider, account, host, 't99', audience_kind, audience_name, message_hash, \
         currency, created_at, state, reason, contacts, cost, sending_date, provider_id, intended_at, doubt_since, changed_at, sum \
         FROM list_campaign WHERE state = 'sent'",
    ] {
        refuses(statement);
    }
    let next =
        "(SELECT max(number) + 1 FROM list_campaign_event AS e WHERE e.list_campaign = list_campaign.id)";
    for (from, id) in &ids {
        for to in ids.keys().filter(|to| *to != from) {
            // A state that no event tells of.
            refuses(&format!(
                "UPDATE list_campaign SET state = '{to}', intended_at = 1 WHERE id = {id}"
            ));
        }
        // An event that does not begin where the campaign stands, or that leaves a number out.
        for (was, number) in [("'nowhere'", next), ("NULL", next), ("state", "99")] {
            refuses(&format!(
                "INSERT INTO list_campaign_event SELECT id, {number}, 1, 'anna', {was}, 'failed', 'why', x'00' \
                 FROM list_campaign WHERE id = {id}"
            ));
        }
    }
    // What is the operator's to say, said by nobody.
    for to in ["declared_sent", "abandoned", "draft"] {
        refuses(&format!(
            "INSERT INTO list_campaign_event SELECT id, {next}, 1, NULL, state, '{to}', 'why', x'00' \
             FROM list_campaign WHERE state = 'in_doubt'"
        ));
    }
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
        let stage = new_stage();
        let mut ledger = stage.open().unwrap();
        in_state(&mut ledger, Sent);
        ledger.close().unwrap();
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
        let stage = new_stage();
        let mut ledger = stage.open().unwrap();
        in_state(&mut ledger, Sent);
        ledger.close().unwrap();
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
