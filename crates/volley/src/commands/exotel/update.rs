//! `volley exotel campaign update`: changes parameters of a campaign, and leaves the others.
//!
//! Whom a campaign of ours calls is the ledger's matter, and its name is how it is found again: neither may change here.
//! Source: "update campaign details".

use std::fmt::Write as _;

use volley_provider::exotel::CampaignParameters;
use volley_provider::{Reply, exotel};

use super::parameters::{self, Typed};
use super::{Account, campaign, created, reach};
use crate::cli::{Common, UpdateArgs};
use crate::commands::told::Told;
use crate::commands::{CommandError, suppress};

/// Changes one.
pub(super) fn update(args: &UpdateArgs, common: &Common) -> Result<Told, CommandError> {
    let id = &args.campaign.id;
    let Typed { settings, parameters } = Typed::read(args.file.as_deref(), common)?;
    parameters.check_update().map_err(parameters::wrong_together)?;
    let (account, _) = reach(common, &settings)?;
    let touches_ours = parameters.changes_audience() || parameters.contains("name");
    if touches_ours && let Some(told) = refuse_ours(id, &account)? {
        return Ok(told);
    }
    if let Some(reader) = account.reader()? {
        let numbers = parameters.texts("from");
        suppress::refuse_suppressed(|each| reader.suppressed(each), numbers, &format!("update {id}"))?;
    }
    Ok(ask(id, &parameters, &account))
}

/// What is changed past the ledger would be called twice, or be lost in the listing. Its name tells whose it is, whatever the
/// ledger at hand knows: batches of another ledger and those in doubt have one too. One that `create` made has the name it was
/// given there, which the ledger has.
fn refuse_ours(id: &str, account: &Account<'_>) -> Result<Option<Told>, CommandError> {
    let listed = match campaign::asked(id, account) {
        Reply::Done(said) => said.campaign(),
        reply => {
            return Ok(Some(Told::not_done(
                "look at the campaign",
                reply,
                &account.exchange,
            )));
        }
    };
    if let Some(listed) = listed.filter(|listed| !listed.name.starts_with(exotel::NAME_HEAD)) {
        // By its name too: one in doubt has no id in the ledger.
        let mut created = created::all(account)?.into_iter();
        let ours = created
            .find(|campaign| campaign.provider_id.as_deref() == Some(id) || campaign.ticket == listed.name);
        return match ours {
            None => Ok(None),
            Some(campaign) => Err(CommandError::NotByLedger(format!(
                "update {id}: it was created as {}, and the ledger has whom it calls; from, lists and name may not change: \
                 create another; nothing was changed",
                campaign.ticket
            ))),
        };
    }
    Err(CommandError::NotByLedger(format!(
        "update {id}: Volley sent it, or its name cannot be read, so that from, lists and name may not change: a number would be \
         called past the ledger, or the campaign not be found again; nothing was changed"
    )))
}

fn ask(id: &str, parameters: &CampaignParameters, account: &Account<'_>) -> Told {
    let exotel = account.exchange.api();
    let evidence = account
        .exchange
        .ask_to_the_end(&exotel.update_request(id, parameters));
    let changed: Vec<String> = parameters.fields().map(ToString::to_string).collect();
    let told = match exotel.reply(&evidence) {
        Reply::Done(said) => {
            Told::done(format!("{id}: changed {}\n", changed.join(", ")), said).with("changed", changed)
        }
        Reply::Refused(refusal) => {
            let late: Vec<String> = parameters.too_late().map(ToString::to_string).collect();
            let mut text = format!("{id} is not changed: {}", exotel::explain(&refusal));
            if !late.is_empty() {
                let _ = write!(
                    text,
                    "; once its send_at has passed, action and the callbacks alone can change, and not {}",
                    late.join(", ")
                );
            }
            Told::refused(text, &refusal)
        }
        reply => Told::not_done("change the campaign", reply, &account.exchange),
    };
    told.with("id", id)
}
