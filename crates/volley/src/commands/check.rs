//! `volley check`: whether a campaign would get as far as its first batch.
//!
//! Looks at the campaign file and the files that it names, the ledger, the connection and the account; changes nothing, and
//! sends one free request. Output: a line for each thing that was looked at. What is wrong is told on stderr, as by any other
//! command, and of several such things the exit code is that of a run.

mod found;
mod ledger;

use volley_model::{Answer, Evidence, Unsent};
use volley_provider::{Api, Content, Reply};
use volley_transport::{PoolStats, Protocol, TlsVersion};

use super::account::warn;
use super::told::Told;
use super::{CommandError, ledger_path};
use crate::cli::{CheckArgs, Common};
use crate::config::Campaign;
use crate::config::access::Access;
use crate::config::credentials::Credentials;
use crate::exchange::Exchange;
use crate::exit::Exit;
use crate::pipeline::stop::StopReason;
use crate::pipeline::{RunError, standing};
use crate::summary::counted;
use found::{Found, Http};

/// Checks a campaign, and tells what was found.
pub(super) fn check(args: &CheckArgs, common: &Common) -> Result<Exit, CommandError> {
    let campaign = Campaign::load(&args.campaign, &common.overrides)?;
    let mut found = Found::new(&campaign);
    found.line("campaign file", message(&campaign));
    if !campaign.input.suppress.is_empty() {
        let files = counted(campaign.input.suppress.len() as u64, "file");
        let read = standing::suppress(&campaign.input, &mut |_| ());
        if found.keep(read).is_some() {
            found.line("suppressed", format!("the numbers of {files}"));
        }
    }
    let credentials = found.keep(Credentials::of(&campaign, &mut warn(common)));
    let account = credentials.as_ref().map(Credentials::account);
    ledger::look(
        &campaign,
        &ledger_path(common, Some(&args.campaign)),
        account.as_deref(),
        &mut found,
    );
    let exchange = credentials.and_then(|credentials| found.keep(exchange(&campaign, &credentials)));
    if let Some(exchange) = exchange {
        ask(&campaign, &exchange, &mut found);
    }
    Ok(found.tell(common))
}

/// What is sent, in a few words.
fn message(campaign: &Campaign) -> String {
    let name = &campaign.name;
    let provider = campaign.content.provider().name();
    match &campaign.content {
        Content::Sms(message) => {
            let segments = counted(message.template.measure_of_defaults().segments.into(), "segment");
            let filled = if message.template.has_placeholders() {
                " before its fields are filled in"
            } else {
                ""
            };
            format!("{name} ({provider}), text of {segments}{filled}")
        }
        Content::Voice(message) => format!("{name} ({provider}), call flow {}", message.url.as_str()),
    }
}

fn exchange(campaign: &Campaign, credentials: &Credentials) -> Result<Exchange<Api>, RunError> {
    let access = Access {
        provider: campaign.content.provider(),
        endpoint: campaign.endpoint.clone(),
        transport: campaign.transport.clone(),
        request_timeout: campaign.limits.request_timeout,
    };
    Exchange::new(&access, credentials.api()?)
}

/// Sends the free request, and tells what its connection and its answer show.
fn ask(campaign: &Campaign, exchange: &Exchange<Api>, found: &mut Found) {
    let api = exchange.api();
    let evidence = exchange.ask(&api.free_request());
    let endpoint = exchange.endpoint();
    match (&evidence, api.reply(&evidence)) {
        (Evidence::Answered(answer), reply) => {
            connected(exchange, found);
            answered(campaign, exchange, answer, reply, found);
        }
        (
            Evidence::Unsent(Unsent::Tls {
                certificate: true,
                detail,
            }),
            _,
        ) => {
            let reason = StopReason::Unreachable {
                endpoint: endpoint.clone(),
                why: detail.clone(),
                hopeless: true,
            };
            found.fault(reason.exit(), reason.sentence());
        }
        (_, Reply::Unknown { reason }) => {
            let key = format!("{}.base_url", exchange.provider().name());
            let what = format!(
                "{endpoint} takes requests and does not answer: {reason}; check {key}, then run it again"
            );
            found.fault(Exit::Unreachable, what);
        }
        (_, reply) => {
            let (exit, what) = Told::not_done("reach the provider", reply, exchange).into_parts();
            found.fault(exit, what);
        }
    }
}

/// What the connection speaks.
fn connected(exchange: &Exchange<Api>, found: &mut Found) {
    let PoolStats { protocol, tls, .. } = exchange.stats();
    let (http, http_told) = match protocol {
        Some(Protocol::Http2) => (Http::Http2, "HTTP/2"),
        _ => (Http::Http1, "HTTP/1.1"),
    };
    let (version, tls_told) = match tls {
        Some(TlsVersion::Tls12) => (Some("1.2"), "TLS 1.2"),
        Some(TlsVersion::Tls13) => (Some("1.3"), "TLS 1.3"),
        None => (None, "cleartext on this machine"),
    };
    found.report.tls = version;
    found.report.http = Some(http);
    found.line(
        "connection",
        format!("{}: {tls_told}, {http_told}", exchange.endpoint()),
    );
}

/// What the answer says of the account.
fn answered(campaign: &Campaign, exchange: &Exchange<Api>, answer: &Answer, reply: Reply, found: &mut Found) {
    let api = exchange.api();
    let key = format!("{}.base_url", exchange.provider().name());
    match reply {
        Reply::Done(said) => {
            let credit = api.credit(answer);
            // Whoever else answers well at that address tells no amount.
            if matches!(api, Api::Octopush(_)) && said.json("amount").is_none() {
                let (exit, what) =
                    Told::not_done("read the answer", Reply::Done(said), exchange).into_parts();
                return found.fault(exit, what);
            }
            found.report.credentials = Some("accepted");
            found.report.credit = credit.map(|credit| credit.to_string());
            let left = match credit {
                Some(credit) => format!("credit left {credit} {}", campaign.currency.code()),
                None => format!("{} tells no credit in money", exchange.provider().title()),
            };
            found.line("credentials", format!("accepted; {left}"));
            if let (Some(credit), Some(least)) = (credit, campaign.limits.min_credit)
                && credit < least
            {
                let reason = StopReason::MinCredit(format!("{credit} left, at least {least} wanted"));
                found.fault(reason.exit(), reason.sentence());
            }
        }
        Reply::Unknown { .. } if (300..400).contains(&answer.status) => {
            let reason = StopReason::Redirect(exchange.endpoint().clone());
            found.fault(reason.exit(), reason.sentence());
        }
        Reply::Unknown { reason } => found.fault(
            Exit::Unreachable,
            format!(
                "{} gives no answer to be relied on: {reason}; check {key}, then run it again",
                exchange.endpoint()
            ),
        ),
        reply => {
            if matches!(reply, Reply::Account(_)) {
                found.report.credentials = Some("refused");
            }
            let (exit, what) = Told::not_done("use the account", reply, exchange).into_parts();
            found.fault(exit, what);
        }
    }
}
