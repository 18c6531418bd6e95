//! `volley rehearse`: the whole run, against a mock of the provider inside this process, with a throwaway ledger.

use std::path::Path;

use volley_ledger::{Ledger, LedgerError, Opening, Reader};
use volley_provider::Provider;
use volley_transport::Endpoint;

use super::outputs::Outputs;
use super::send::{campaign, options, shown};
use super::{CommandError, Ended, ledger_path, operator};
use crate::cli::{Common, SendArgs};
use crate::config::Campaign;
use crate::config::credentials::Credentials;
use crate::inputs::Inputs;
use crate::pipeline::{Job, RunError};
use crate::{clock, print};

/// Rehearses a campaign.
pub(super) fn rehearse(args: &SendArgs, common: &Common) -> Result<Ended, CommandError> {
    let mut campaign = campaign(args, common)?;
    let opened = Inputs::new(args.what.inputs.clone()).open()?;
    let mock = mock_server::spawn_thread(mock_config(&campaign))
        .map_err(|error| CommandError::Mock(error.to_string()))?;
    let path = match campaign.content.provider() {
        Provider::Octopush => "/v1/public",
        Provider::Exotel => "",
    };
    campaign.endpoint = Endpoint::parse(&format!("http://{}{path}", mock.addr()))
        .map_err(|error| CommandError::Mock(error.to_string()))?;
    // The mock speaks for itself: neither the provider's certificates nor its clock matter here.
    campaign.transport.ca_file = None;
    campaign.limits.min_credit = None;
    let ledger = ledger_path(common, Some(&args.what.campaign));
    let outputs = Outputs::open("rehearse", args, &campaign, &ledger)?;
    let folder = tempfile::tempdir().map_err(|error| CommandError::Mock(error.to_string()))?;
    let throwaway = folder.path().join(super::LEDGER_NAME);
    suppress_as_there(&ledger, &throwaway)?;
    if !common.quiet {
        print::message(
            "rehearsal: a mock of the provider answers, nobody is reached, nothing is owed or kept",
        );
    }
    let job = Job {
        credentials: Credentials::of_nobody(&campaign),
        campaign,
        opened,
        ledger: throwaway,
        opening: Opening::MakeIfMissing,
        options: options(args),
    };
    // That the throwaway ledger was made is nobody's concern.
    shown(job, outputs, common, &mut |_| {})
}

/// Whom no campaign may contact, by the ledger that `send` would use, the rehearsal leaves out too.
fn suppress_as_there(ledger: &Path, throwaway: &Path) -> Result<(), CommandError> {
    let reader = match Reader::open(ledger) {
        Ok(reader) => reader,
        Err(LedgerError::Missing { .. }) => return Ok(()),
        Err(error) => return Err(RunError::from(error).into()),
    };
    let mut numbers = Vec::new();
    reader
        .suppressed(&mut |number, _| numbers.push(number))
        .map_err(RunError::from)?;
    if numbers.is_empty() {
        return Ok(());
    }
    let mut ledger = Ledger::open(throwaway, Opening::MakeIfMissing, clock::now()).map_err(RunError::from)?;
    ledger
        .suppress(&numbers, &operator::signature())
        .map_err(RunError::from)?;
    ledger.close().map_err(RunError::from)?;
    Ok(())
}

/// The mock charges what the campaign reckons with at most, so that a rehearsal costs what a plan says.
fn mock_config(campaign: &Campaign) -> mock_server::Config {
    let mut config = mock_server::Config::default();
    // Its credit is nobody's: it answers without one.
    config.octopush.answer_fields = mock_server::AnswerFields::Three;
    if let Some(price) = campaign
        .limits
        .unit_price
        .and_then(|price| mock_server::Price::new(price.decimal()))
    {
        config.exotel.call_price = price;
        config.octopush.default_price = price;
        config.octopush.prices.clear();
    }
    config
}
