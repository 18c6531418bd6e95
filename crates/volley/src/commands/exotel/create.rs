//! `volley exotel campaign create`: a campaign on lists that Exotel keeps, or on a few numbers, made and started by one request.
//!
//! ```text
//!  name free ─► asked ─► draft and intent durable ─► POST ─┬─► sent, with its id
//!                                                          ├─► draft again    proof that nothing was made
//!                                                          └─► in doubt       the next one looks its name up, and makes nothing
//! ```
//! Exotel has no key, so that the name stands for one: it must be free before, and what has it afterwards is ours.
//! Source: "create campaign". Not here: batches of `volley send`, whose numbers the ledger knows one by one.

mod settle;
mod tell;

use volley_ledger::{Ledger, ListCampaign, ListStep};
use volley_model::{Audience, Currency, ListCampaignState, Verdict};
use volley_provider::Reply;
use volley_provider::exotel::{CampaignParameters, JudgeContext, explain};

pub(in crate::commands) use tell::resolve_command;

use super::parameters::{self, Typed};
use super::{Account, created, reach};
use crate::cli::{Common, ExotelCreateArgs};
use crate::clock;
use crate::commands::account::closed;
use crate::commands::told::Told;
use crate::commands::{CommandError, list_campaign, suppress};
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
        let known = list_campaign::look(account, self.name)?;
        if let Some(known) = &known {
            if list_campaign::is_doubtful(known) {
                if !self.is_same(known)? {
                    return Ok(tell::other_doubt(known));
                }
                return settle::settle(self.name, |id, reason| self.sent(id, reason), account);
            }
            self.check_same(known)?;
            if known.state != ListCampaignState::Draft {
                return Ok(tell::standing(known, ""));
            }
        }
        if let Some(told) = self.held_up()? {
            return Ok(told);
        }
        self.check_time()?;
        let tried = known.is_some_and(|known| known.reason.is_some());
        if let Some(told) = self.name_taken(tried) {
            return Ok(told);
        }
        self.warn();
        if account.asks() && !yes {
            question::confirmed(&format!("Create {}, which calls {}?", self.name, self.whom()))?;
        }
        let mut ledger = account.ledger()?;
        let told = self.give_locked(&mut ledger)?;
        closed(ledger, told)
    }

    /// What the ledger and the clock say is looked at once more under the lock: somebody may have been quicker while we asked.
    fn give_locked(&self, ledger: &mut Ledger) -> Result<Told, CommandError> {
        if let Some(known) = list_campaign::known(ledger, self.account, self.name)? {
            if list_campaign::is_doubtful(&known) && !self.is_same(&known)? {
                return Ok(tell::other_doubt(&known));
            }
            self.check_same(&known)?;
            if known.state != ListCampaignState::Draft {
                return Ok(tell::standing(&known, ""));
            }
        }
        if let Some(told) = self.held_up()? {
            return Ok(told);
        }
        self.check_time()?;
        let numbers = self.parameters.texts("from");
        suppress::refuse_suppressed(
            |each| ledger.suppressed(each),
            numbers,
            &format!("create {}", self.name),
        )?;
        let draft = ledger.record_draft(&self.draft()).map_err(RunError::from)?;
        self.carry_out(&draft, ledger)
    }

    fn check_time(&self) -> Result<(), CommandError> {
        let send_at = self.parameters.text("schedule.send_at");
        let past = |at: &&str| at.parse().is_ok_and(|at: jiff::Timestamp| at < clock::now());
        match send_at.filter(past) {
            Some(past) => Err(RunError::SendAtPast(past.to_owned()).into()),
            None => Ok(()),
        }
    }

    /// Another campaign for the same people, of which nobody knows whether it was created: this one could call them twice.
    fn held_up(&self) -> Result<Option<Told>, CommandError> {
        let Some(reader) = self.account.reader()? else {
            return Ok(None);
        };
        for other in created::all(self.account)? {
            if other.ticket == self.name || !list_campaign::is_doubtful(&other) {
                continue;
            }
            let same = match &other.audience {
                Some(audience) => audience
                    .name()
                    .split(',')
                    .any(|list| self.parameters.texts("lists").iter().any(|ours| ours == list)),
                None => list_campaign::part(&reader, &other, "from")? == self.parameters.numbers_hash(),
            };
            if same {
                return Ok(Some(tell::held_up(self.name, &other)));
            }
        }
        Ok(None)
    }

    /// A name that something has already could not prove that ours was made.
    fn name_taken(&self, tried: bool) -> Option<Told> {
        let looked = created::look_up(self.name, self.account);
        if let Some(by) = looked.found.first() {
            return Some(tell::taken(self.name, by, tried));
        }
        let reply = looked.whole.err()?;
        Some(
            Told::not_done("see whether the name is free", reply, &self.account.exchange)
                .with("name", self.name),
        )
    }

    /// Whether what the ledger has under the name is what is asked for.
    fn is_same(&self, known: &ListCampaign) -> Result<bool, CommandError> {
        let mut wanted = self.draft();
        wanted.message.sort();
        let mut recorded = match self.account.reader()? {
            Some(reader) => reader.list_campaign_message(known.id).map_err(RunError::from)?,
            None => Vec::new(),
        };
        recorded.sort();
        Ok(recorded == wanted.message && known.audience == wanted.audience)
    }

    /// One name is one campaign.
    fn check_same(&self, known: &ListCampaign) -> Result<(), CommandError> {
        if self.is_same(known)? {
            return Ok(());
        }
        Err(CommandError::NotByLedger(format!(
            "create {}: the ledger has this name with other parameters, and it is {}; choose another name; nothing was created",
            self.name,
            known.state.name()
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
                tell::of(Told::ended(Exit::Complete, text, said), &campaign)
            }
            (ListCampaignState::Draft, reply) => {
                let what = format!("create {}; the same command may try it again", self.name);
                tell::of(Told::not_done(&what, reply, &self.account.exchange), &campaign)
            }
            (ListCampaignState::Sent, _) => tell::standing(&campaign, ""),
            _ => tell::doubt(&campaign, ""),
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
        let mut lists = self.parameters.texts("lists").to_vec();
        lists.sort();
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
        if self.currency == Currency::NONE {
            self.account.notice(
                "volley: warning: exotel.currency is not set: what the calls cost cannot be booked to this campaign later",
            );
        }
        if self.parameters.is_true("call_duplicate_numbers") {
            self.account.notice(
                "volley: warning: call_duplicate_numbers: who is on the lists twice is called twice; nobody is without it",
            );
        }
    }
}
