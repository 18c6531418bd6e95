//! `volley exotel campaign create`: a campaign on lists that Exotel keeps, or on a few numbers, made and started by one request.
//!
//! ```text
//!  name free ─► asked ─► draft and intent durable ─► POST ─┬─► sent, with its id
//!                                                          ├─► draft again    proof that nothing was made
//!                                                          └─► in doubt       the next one looks its name up, and makes nothing
//! ```
//! Exotel has no key, so that the name stands for one: it must be free before, and whatever has it afterwards is ours.
//! Source: "create campaign". Not here: batches of `volley send`, whose numbers the ledger knows one by one.

use volley_ledger::{Ledger, ListCampaign, ListStep};
use volley_model::{Audience, Currency, ListCampaignState, Verdict};
use volley_provider::exotel::{CampaignParameters, JudgeContext, Listed, explain};
use volley_provider::{Reply, Said, presentable};

use super::parameters::{self, Typed};
use super::{Account, created, reach};
use crate::cli::{Common, ExotelCreateArgs};
use crate::clock;
use crate::commands::account::closed;
use crate::commands::told::Told;
use crate::commands::{CommandError, list_campaign};
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::summary::counted;
use crate::{print, question};

/// Creates one, unless the name was created or may have been.
pub(super) fn create(args: &ExotelCreateArgs, common: &Common) -> Result<Told, CommandError> {
    let mut typed = Typed::read(args.file.as_deref(), common)?;
    typed.flag("lists", args.lists.as_deref())?;
    typed.flag("from", args.from.as_deref())?;
    let Typed { settings, parameters } = typed;
    parameters.check_creation().map_err(parameters::wrong_together)?;
    let (account, currency) = reach(common, &settings)?;
    let order = Order {
        name: parameters.text("name").unwrap_or_default(),
        parameters: &parameters,
        currency,
        account: &account,
    };
    order.give(args.yes)
}

/// A campaign to be made.
struct Order<'a> {
    name: &'a str,
    parameters: &'a CampaignParameters,
    currency: Currency,
    account: &'a Account<'a>,
}

impl Order<'_> {
    fn give(&self, yes: bool) -> Result<Told, CommandError> {
        let account = self.account;
        if let Some(known) = list_campaign::look(account, self.name)?
            && known.state != ListCampaignState::Draft
        {
            return self.not_again(&known);
        }
        if let Some(told) = self.doubtful_like()? {
            return Ok(told);
        }
        let send_at = self.parameters.text("schedule.send_at");
        if let Some(past) = send_at.filter(|at| at.parse().is_ok_and(|at: jiff::Timestamp| at < clock::now()))
        {
            return Err(RunError::SendAtPast(past.to_owned()).into());
        }
        if let Some(told) = self.name_taken() {
            return Ok(told);
        }
        self.warn();
        if account.asks() && !yes {
            question::confirmed(&format!("Create {}, which calls {}?", self.name, self.whom()))?;
        }
        let mut ledger = account.ledger()?;
        let told = match list_campaign::known(&ledger, account, self.name)? {
            // Somebody was quicker, while we looked.
            Some(known) if known.state != ListCampaignState::Draft => standing(&known, ""),
            _ => {
                let draft = ledger.record_draft(&self.draft()).map_err(RunError::from)?;
                self.check_same(&draft)?;
                self.carry_out(&draft, &mut ledger)?
            }
        };
        closed(ledger, told)
    }

    /// One whose end is known stands; one in doubt is looked for by its name, and nothing more.
    fn not_again(&self, known: &ListCampaign) -> Result<Told, CommandError> {
        if !list_campaign::is_doubtful(known) {
            return Ok(standing(known, ""));
        }
        let account = self.account;
        let mut ledger = account.ledger()?;
        let Some(mut campaign) = list_campaign::known(&ledger, account, self.name)? else {
            return Err(CommandError::NotByLedger(format!(
                "create {}: it is gone from the ledger",
                self.name
            )));
        };
        if campaign.state == ListCampaignState::Sending {
            let reason = "found open: it may have been created".to_owned();
            campaign = list_campaign::step(&mut ledger, &campaign, &ListStep::InDoubt { reason })?;
        }
        let told = if campaign.state == ListCampaignState::InDoubt {
            self.settle(&campaign, &mut ledger)?
        } else {
            standing(&campaign, "")
        };
        closed(ledger, told)
    }

    /// Looks a campaign in doubt up: one that has its name is it.
    fn settle(&self, campaign: &ListCampaign, ledger: &mut Ledger) -> Result<Told, CommandError> {
        let looked = created::look_up(self.name, self.account);
        let Some(first) = looked.found.first() else {
            return match looked.whole {
                Ok(()) => {
                    let reason = format!(
                        "no campaign of its name was in the listing of {:.0}",
                        clock::now()
                    );
                    let campaign = list_campaign::step(ledger, campaign, &ListStep::InDoubt { reason })?;
                    Ok(doubt(&campaign))
                }
                Err(reply @ (Reply::Account(_) | Reply::Unsent { .. })) => Ok(Told::not_done(
                    "look the campaign up",
                    reply,
                    &self.account.exchange,
                )),
                Err(_) => Ok(doubt(campaign)),
            };
        };
        let kept = looked.found.iter().find(|listed| !listed.state.may_be_deleted());
        let kept = kept.unwrap_or(first);
        let sent = self.sent(&kept.id, (looked.found.len() > 1).then(|| twins(&looked.found)));
        let campaign = list_campaign::step(ledger, campaign, &sent)?;
        Ok(match looked.found.len() {
            1 => standing(&campaign, "; it was found by its name"),
            _ => of(
                Told::ended(
                    Exit::Doubtful,
                    format!("{}: {}", self.name, twins(&looked.found)),
                    Said::default(),
                ),
                &campaign,
            ),
        })
    }

    /// The same message to the same people, under another name and without an answer: another one could call everybody twice.
    fn doubtful_like(&self) -> Result<Option<Told>, CommandError> {
        let Some(reader) = self.account.reader()? else {
            return Ok(None);
        };
        let found = reader.doubtful_like(&self.draft()).map_err(RunError::from)?;
        Ok(found.map(|campaign| doubt(&campaign)))
    }

    /// A name that something has already could not prove that ours was made.
    fn name_taken(&self) -> Option<Told> {
        let looked = created::look_up(self.name, self.account);
        if let Some(taken) = looked.found.first() {
            let text = format!(
                "{} is not created: campaign {} has this name already, made elsewhere or after all; choose another name",
                self.name,
                presentable(&taken.id)
            );
            return Some(Told::ended(Exit::Refused, text, Said::default()).with("name", self.name));
        }
        let reply = looked.whole.err()?;
        Some(
            Told::not_done("see whether the name is free", reply, &self.account.exchange)
                .with("name", self.name),
        )
    }

    /// A draft of that name that was never made may have been of something else.
    fn check_same(&self, draft: &ListCampaign) -> Result<(), CommandError> {
        let mut wanted = self.draft();
        wanted.message.sort();
        let mut recorded = match self.account.reader()? {
            Some(reader) => reader.list_campaign_message(draft.id).map_err(RunError::from)?,
            None => Vec::new(),
        };
        recorded.sort();
        if recorded == wanted.message && draft.audience == wanted.audience {
            return Ok(());
        }
        Err(CommandError::NotByLedger(format!(
            "create {}: the ledger has this name with other parameters, of a campaign that was not made; choose another name; \
             nothing was created",
            self.name
        )))
    }

    /// Writes the intent down, creates it, and writes down what came of it.
    fn carry_out(&self, draft: &ListCampaign, ledger: &mut Ledger) -> Result<Told, CommandError> {
        let exotel = self.account.exchange.api();
        let numbers = self.parameters.texts("from").len() as u64;
        if numbers > 0 && draft.contacts.is_none() {
            let counted = ListStep::Priced {
                contacts: Some(numbers),
                cost: None,
            };
            list_campaign::step(ledger, draft, &counted)?;
        }
        let campaign = list_campaign::step(ledger, draft, &ListStep::Intended)?;
        let request = exotel.create_request(self.parameters.body());
        let evidence = self.account.exchange.ask_to_the_end(&request);
        let verdict = exotel.judge(&evidence, &JudgeContext::default());
        let outcome = self.outcome(&verdict);
        let campaign = match list_campaign::step(ledger, &campaign, &outcome) {
            Ok(campaign) => campaign,
            Err(error) => {
                // So that no outcome is lost with the process; the ledger says "sending", which is a doubt from now on.
                print::message(&format!("{}: {outcome:?} could not be written down", self.name));
                return Err(error);
            }
        };
        let reply = exotel.reply(&evidence);
        Ok(match (campaign.state, reply) {
            (ListCampaignState::Sent, Reply::Done(said)) => {
                let id = campaign.provider_id.as_deref().unwrap_or_default();
                let text = format!("{} is created as {id}, and calls {}\n", self.name, self.whom());
                of(Told::ended(Exit::Complete, text, said), &campaign)
            }
            (ListCampaignState::Draft, reply) => {
                let what = format!("create {}; the same command may try it again", self.name);
                of(Told::not_done(&what, reply, &self.account.exchange), &campaign)
            }
            (ListCampaignState::Sent, _) => standing(&campaign, ""),
            _ => doubt(&campaign),
        })
    }

    /// What the ledger is told of a verdict.
    fn outcome(&self, verdict: &Verdict) -> ListStep {
        match verdict {
            Verdict::Accepted(acceptance) => self.sent(&acceptance.ticket, None),
            Verdict::Refused(refusal) | Verdict::RefusedFor { refusal, .. } | Verdict::Account(refusal) => {
                ListStep::Unsent {
                    reason: explain(refusal),
                }
            }
            Verdict::NotProcessed { reason, .. } | Verdict::Unsent { reason, .. } => ListStep::Unsent {
                reason: reason.clone(),
            },
            Verdict::InDoubt { reason, .. } | Verdict::Unticketed { reason } => ListStep::InDoubt {
                reason: reason.clone(),
            },
        }
    }

    fn sent(&self, id: &str, reason: Option<String>) -> ListStep {
        ListStep::Sent {
            provider_id: Some(id.to_owned()),
            sending_date: self.parameters.text("schedule.send_at").map(str::to_owned),
            reason,
        }
    }

    /// As the ledger takes it.
    fn draft(&self) -> volley_ledger::Draft {
        let lists = self.parameters.texts("lists");
        let audience = (!lists.is_empty()).then(|| Audience::List(lists.join(",")));
        let message = self.parameters.message();
        list_campaign::draft(self.account, self.name, audience, message, self.currency)
    }

    fn whom(&self) -> String {
        match (self.parameters.texts("lists"), self.parameters.texts("from")) {
            ([], numbers) => counted(numbers.len() as u64, "number"),
            (lists, _) => format!("everybody on {}", lists.join(", ")),
        }
    }

    fn warn(&self) {
        if self.parameters.is_true("call_duplicate_numbers") {
            self.account.notice(
                "volley: warning: call_duplicate_numbers: who is on the lists twice is called twice; nobody is without it",
            );
        }
    }
}

fn twins(found: &[Listed]) -> String {
    let ids: Vec<String> = found.iter().map(|listed| presentable(&listed.id)).collect();
    format!(
        "{} campaigns have its name, and each calls people: {}; delete all but one at Exotel",
        found.len(),
        ids.join(", ")
    )
}

/// One that stands as the ledger has it.
fn standing(campaign: &ListCampaign, how: &str) -> Told {
    let id = campaign.provider_id.as_deref();
    let id = id.map(|id| format!(", as {id}")).unwrap_or_default();
    let then = match campaign.state {
        ListCampaignState::Failed | ListCampaignState::Cancelled => "choose another name for a new one",
        _ => "it is not created again",
    };
    let text = format!(
        "{} is {}{id}{how}: {then}\n",
        campaign.ticket,
        campaign.state.name()
    );
    of(
        Told::ended(list_campaign::exit_of(campaign.state), text, Said::default()),
        campaign,
    )
}

/// One in doubt.
fn doubt(campaign: &ListCampaign) -> Told {
    let name = &campaign.ticket;
    let reason = campaign
        .reason
        .as_deref()
        .unwrap_or("its command was killed, or still runs");
    let text = format!(
        "{name} is in doubt ({reason}): whether it was created is not known, and it is not created again. The same command \
         looks for its name in the listing once more; if it stays away: {}, or --sent, or --abandon",
        resolve_command(name)
    );
    of(Told::ended(Exit::Doubtful, text, Said::default()), campaign)
}

/// How the operator says that it was not created.
pub(in crate::commands) fn resolve_command(name: &str) -> String {
    // A number alone would be taken for a batch's.
    let ticket = if name.parse::<i64>().is_ok() {
        "ticket:"
    } else {
        ""
    };
    format!("volley doubt resolve '{ticket}{name}' --not-sent --reason TEXT")
}

fn of(told: Told, campaign: &ListCampaign) -> Told {
    told.with("name", campaign.ticket.clone())
        .with("id", campaign.provider_id.clone())
        .with("state", campaign.state.name())
        .with("ledger", list_campaign::as_json(campaign))
}
