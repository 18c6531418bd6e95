//! The order to send a draft: given once, and never again by itself.
//!
//! ```text
//!  status ready, cost known ─► asked ─► intent durable ─► POST send ─┬─► sent
//!                                                                    ├─► draft again    proof that nothing was sent
//!                                                                    └─► in doubt       the status is shown, nothing more
//! ```
//! The ledger is locked from the intent to the outcome, and not while the provider counts or a person thinks.

use volley_ledger::{Ledger, ListCampaign, ListStep};
use volley_model::{Audience, ListCampaignState};
use volley_provider::octopush::{
    ListStatus, Progress, Purpose, Reply, Said, SendReply, StatusReply, answered, explain,
};

use super::super::{Account, closed};
use super::{book, status, tell};
use crate::cli::{ListSendArgs, OrderArgs, WaitArgs};
use crate::commands::told::Told;
use crate::commands::{CommandError, list_campaign};
use crate::exit::Exit;
use crate::{print, question};

/// Sends a draft.
pub(super) fn send(args: &ListSendArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let order = Order {
        ticket: &args.ticket.ticket,
        wait: &args.wait,
        terms: &args.order,
        on_tag: args.on_tag,
    };
    order.give(account)
}

/// An order to be given.
pub(super) struct Order<'a> {
    pub(super) ticket: &'a str,
    pub(super) wait: &'a WaitArgs,
    pub(super) terms: &'a OrderArgs,
    /// For a draft that this ledger did not make: it was made for a tag.
    pub(super) on_tag: bool,
}

impl Order<'_> {
    /// Gives it, unless the draft was sent or may have been.
    pub(super) fn give(&self, account: &Account<'_>) -> Result<Told, CommandError> {
        let seen = list_campaign::look(account, self.ticket)?;
        if let Some(campaign) = seen
            .as_ref()
            .filter(|seen| seen.state != ListCampaignState::Draft)
        {
            return self.not_a_draft(campaign, account);
        }
        let reply = status::ask(self.ticket, self.wait, account);
        let StatusReply::Status(status) = &reply else {
            return self.without_status(&reply, account);
        };
        if status.progress != Progress::Ready {
            return self.not_ready(status, &reply, account);
        }
        if let Some(told) = self.too_dear(status) {
            return Ok(told);
        }
        if account.asks() && !self.terms.yes {
            self.ask(seen.as_ref(), status, account)?;
        }
        let mut ledger = account.ledger()?;
        let told = match list_campaign::known(&ledger, account, self.ticket)? {
            // Somebody was quicker, while we waited.
            Some(campaign) if campaign.state != ListCampaignState::Draft => tell::standing(
                list_campaign::exit_of(campaign.state),
                &campaign,
                "it was no draft any more",
            ),
            Some(campaign) => self.carry_out(campaign, status, &reply, account, &mut ledger)?,
            None => {
                let campaign = book::record(&mut ledger, account, self.ticket, None, Vec::new())?;
                self.carry_out(campaign, status, &reply, account, &mut ledger)?
            }
        };
        closed(ledger, told)
    }

    /// One whose fate is known, or in doubt: in doubt its status is asked for and shown, and nothing more.
    fn not_a_draft(&self, campaign: &ListCampaign, account: &Account<'_>) -> Result<Told, CommandError> {
        let exit = list_campaign::exit_of(campaign.state);
        match campaign.state {
            ListCampaignState::Sending | ListCampaignState::InDoubt => doubtful(self.ticket, account),
            ListCampaignState::Failed | ListCampaignState::Cancelled => {
                Ok(tell::standing(exit, campaign, "make a new one"))
            }
            _ => Ok(tell::standing(exit, campaign, "it is not sent again")),
        }
    }

    /// What is not ready is not sent. What the status ends is written down.
    fn not_ready(
        &self,
        status: &ListStatus,
        reply: &StatusReply,
        account: &Account<'_>,
    ) -> Result<Told, CommandError> {
        let ticket = self.ticket;
        self.book(reply, account)?;
        let again = format!("volley octopush list-campaign send {ticket}");
        let (exit, why) = match &status.progress {
            Progress::Failed => (
                Exit::Refused,
                "it failed at Octopush, nobody was reached; make a new one".to_owned(),
            ),
            Progress::Computing => (
                Exit::Unreachable,
                format!("Octopush still counts its contacts; later: {again} --wait"),
            ),
            progress => (
                Exit::Unreachable,
                format!(
                    "Octopush says {:?}, which is not \"ready\"; look it up there",
                    progress.name()
                ),
            ),
        };
        let told = Told::ended(exit, format!("{ticket} is not sent: {why}"), status.said.clone());
        Ok(told.with("ticket", ticket).with("state", status.progress.name()))
    }

    /// It was sent before, or its status cannot be had.
    fn without_status(&self, reply: &StatusReply, account: &Account<'_>) -> Result<Told, CommandError> {
        let booked = self.book(reply, account)?;
        Ok(match (reply, booked) {
            (StatusReply::AlreadySent(_), Some(campaign)) => {
                tell::standing(Exit::Complete, &campaign, "it is not sent again")
            }
            (_, booked) => tell::status(self.ticket, reply, booked.as_ref(), self.wait, account),
        })
    }

    /// Writes down what the reply says of a draft that the ledger knows.
    fn book(&self, reply: &StatusReply, account: &Account<'_>) -> Result<Option<ListCampaign>, CommandError> {
        let seen = list_campaign::look(account, self.ticket)?;
        let Some(campaign) = seen.as_ref().filter(|seen| book::is_news(seen, reply)) else {
            return Ok(seen);
        };
        let mut ledger = account.ledger()?;
        let campaign = list_campaign::known(&ledger, account, &campaign.ticket)?;
        let booked = campaign
            .map(|campaign| book::book(&mut ledger, campaign, reply))
            .transpose()?;
        ledger.close().map_err(crate::pipeline::RunError::from)?;
        Ok(booked)
    }

    fn too_dear(&self, status: &ListStatus) -> Option<Told> {
        let max_cost = self.terms.max_cost?;
        let why = match status.cost {
            Some(cost) if cost <= max_cost => return None,
            Some(cost) => format!("it costs {cost}, and --max-cost allows {max_cost}"),
            None => format!("what it costs is not known, and --max-cost allows {max_cost}"),
        };
        let text = format!("{} is not sent: {why}", self.ticket);
        Some(
            Told::ended(Exit::Limit, text, status.said.clone())
                .with("ticket", self.ticket)
                .with("state", status.progress.name()),
        )
    }

    /// Asks whoever sits there.
    fn ask(
        &self,
        campaign: Option<&ListCampaign>,
        status: &ListStatus,
        account: &Account<'_>,
    ) -> Result<(), CommandError> {
        let purpose = match (campaign, account.reader()?) {
            (Some(campaign), Some(reader)) => list_campaign::part(&reader, campaign, "purpose")?,
            _ => None,
        };
        let purpose = match purpose.as_deref() {
            Some("alert") => format!(" (alert: {})", Purpose::ALERT_WARNING),
            Some(purpose) => format!(" ({purpose})"),
            None => String::new(),
        };
        let audience = campaign
            .and_then(|campaign| campaign.audience.as_ref())
            .map_or_else(
                || "an audience that this ledger does not know".to_owned(),
                |audience| format!("the {} {:?}", audience.kind(), audience.name()),
            );
        let priced = tell::priced(status);
        question::confirmed(&format!("Send {} to {audience}{purpose}{priced}?", self.ticket))
    }

    /// Writes the intent down, gives the order, and writes down what came of it.
    fn carry_out(
        &self,
        campaign: ListCampaign,
        status: &ListStatus,
        reply: &StatusReply,
        account: &Account<'_>,
        ledger: &mut Ledger,
    ) -> Result<Told, CommandError> {
        let campaign = book::book(ledger, campaign, reply)?;
        let campaign = list_campaign::step(ledger, &campaign, &ListStep::Intended)?;
        let on_tag = self.on_tag.then(|| Audience::Tag(String::new()));
        let audience = campaign.audience.as_ref().or(on_tag.as_ref());
        let octopush = account.exchange.api();
        let request = octopush.send_list_campaign_request(self.ticket, audience);
        let reply = octopush.send_reply(&account.exchange.ask_to_the_end(&request));
        let outcome = outcome(&reply);
        let campaign = match list_campaign::step(ledger, &campaign, &outcome) {
            Ok(campaign) => campaign,
            Err(error) => {
                // So that no outcome is lost with the process; the ledger says "sending", which is a doubt from now on.
                print::message(&format!("{}: {outcome:?} could not be written down", self.ticket));
                return Err(error);
            }
        };
        Ok(tell_outcome(reply, &campaign, status, account))
    }
}

/// What the ledger is told of a reply.
fn outcome(reply: &SendReply) -> ListStep {
    match reply {
        SendReply::Sent { sending_date, .. } => ListStep::Sent {
            provider_id: None,
            sending_date: Some(sending_date.clone()),
            reason: None,
        },
        SendReply::AlreadySent(refusal) => ListStep::Sent {
            provider_id: None,
            sending_date: None,
            reason: Some(answered(refusal)),
        },
        SendReply::NotSent(reply) => ListStep::Unsent {
            reason: why_not(reply),
        },
        SendReply::InDoubt { reason } => ListStep::InDoubt {
            reason: reason.clone(),
        },
    }
}

fn why_not(reply: &Reply) -> String {
    match reply {
        Reply::Refused(refusal) | Reply::Account(refusal) => explain(refusal),
        Reply::Later { reason } | Reply::Unsent { reason } | Reply::Unknown { reason } => reason.clone(),
        // A success is sent or in doubt.
        Reply::Done(_) => "answered without saying so".to_owned(),
    }
}

fn tell_outcome(
    reply: SendReply,
    campaign: &ListCampaign,
    status: &ListStatus,
    account: &Account<'_>,
) -> Told {
    match reply {
        SendReply::Sent { sending_date, said } => {
            let priced = tell::priced(status);
            let text = format!("{} is sent, on {sending_date}{priced}\n", campaign.ticket);
            // Contacts and cost are told in the status, the date in the answer to the order.
            tell::as_it_stands(Exit::Complete, text, status.said.clone().and(said), campaign)
        }
        SendReply::AlreadySent(_) => tell::standing(Exit::Complete, campaign, "it is not sent again"),
        SendReply::InDoubt { .. } => tell::doubt(campaign, "", Said::default()),
        SendReply::NotSent(reply) => {
            let what = format!(
                "send {}; it is a draft still, and can be sent again",
                campaign.ticket
            );
            Told::not_done(&what, reply, &account.exchange)
                .with("ticket", campaign.ticket.clone())
                .with("state", campaign.state.name())
                .with("ledger", list_campaign::as_json(campaign))
        }
    }
}

/// An order whose answer was lost. Only "failed" and "sent already" end the doubt.
fn doubtful(ticket: &str, account: &Account<'_>) -> Result<Told, CommandError> {
    let mut ledger = account.ledger()?;
    let Some(mut campaign) = list_campaign::known(&ledger, account, ticket)? else {
        return Err(CommandError::Unconfirmed(format!(
            "{ticket} is gone from the ledger"
        )));
    };
    if campaign.state == ListCampaignState::Sending {
        let reason = "found open: its order may have been given".to_owned();
        campaign = list_campaign::step(&mut ledger, &campaign, &ListStep::InDoubt { reason })?;
    }
    let once = WaitArgs {
        wait: false,
        wait_max: std::time::Duration::ZERO,
    };
    let reply = status::ask(ticket, &once, account);
    let campaign = book::book(&mut ledger, campaign, &reply)?;
    let told = match campaign.state {
        ListCampaignState::Failed => {
            tell::standing(Exit::Refused, &campaign, "nobody was reached; make a new one")
        }
        ListCampaignState::Sent => tell::standing(Exit::Complete, &campaign, "it is not sent again"),
        _ => tell::in_doubt(&campaign, &reply),
    };
    closed(ledger, told)
}
