//! `volley octopush balance`: what is left, in euros, or in SMS of one product to one country. Free.

use std::fmt::Write as _;

use volley_provider::octopush::Reply;

use crate::cli::{BalanceArgs, Common};
use crate::commands::CommandError;
use crate::commands::told::Told;

/// Shows the balance.
pub(super) fn balance(args: &BalanceArgs, common: &Common) -> Result<Told, CommandError> {
    let account = super::reach(common, &common.overrides)?;
    let octopush = account.exchange.api();
    let request = match (&args.product, &args.country) {
        (Some(product), Some(country)) => octopush.product_balance_request(product, country),
        _ => octopush.balance_request(),
    };
    let reply = octopush.reply(&account.exchange.ask(&request));
    let Reply::Done(said) = reply else {
        return Ok(Told::not_done("ask for the balance", reply, &account.exchange));
    };
    let (Some(amount), Some(unit)) = (said.json("amount"), said.text("unit")) else {
        let unreadable = Reply::Done(said);
        return Ok(Told::not_done(
            "ask for the balance",
            unreadable,
            &account.exchange,
        ));
    };
    let unit = volley_provider::presentable(&unit);
    let mut text = format!("balance {amount} {unit}");
    if let Some(country) = &args.country {
        let _ = write!(text, " to {country}");
    }
    text.push('\n');
    Ok(Told::done(text, said))
}
