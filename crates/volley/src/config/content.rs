//! What a campaign sends, read from the section of its provider and checked by the provider's rules.
//!
//! Input: the whole file. Output: [`Section`], all that depends on who sends it. Sources: the providers' pages, cited where the
//! rules are.

use volley_model::{Currency, Template};
use volley_provider::exotel::{
    self, CallerId, Mechanism, MessageError, OnStatus, Retries, Schedule, VoiceMessage, WebUrl,
};
use volley_provider::octopush::{self, DUPLICATE_CODES_DEFAULT, Kind, Message, Purpose, SendAt, Sender};
use volley_provider::{Content, Provider};
use volley_transport::Endpoint;

use super::file::{ExotelSection, File, OctopushSection, RetriesSection, ScheduleSection};
use super::{Checked, none_of, wrong};

/// What the section of a provider says.
pub(super) struct Section {
    pub(super) endpoint: Endpoint,
    pub(super) content: Content,
    pub(super) account_sid: Option<String>,
    pub(super) currency: Currency,
    pub(super) duplicate_codes: Vec<u32>,
}

impl Section {
    /// The one section that the campaign's provider has; the other's must not be there.
    pub(super) fn of(file: &mut File) -> Checked<Self> {
        let Some(provider) = Provider::named(&file.campaign.provider) else {
            let known = Provider::ALL.map(Provider::name);
            return none_of("campaign.provider", &file.campaign.provider, &known);
        };
        match (provider, file.octopush.take(), file.exotel.take()) {
            (Provider::Octopush, Some(section), None) => of_octopush(section),
            (Provider::Exotel, None, Some(section)) => of_exotel(section),
            (Provider::Octopush, None, _) => {
                wrong("octopush", "provider = \"octopush\" needs a section [octopush]")
            }
            (Provider::Exotel, _, None) => wrong("exotel", "provider = \"exotel\" needs a section [exotel]"),
            (Provider::Octopush, Some(_), Some(_)) => wrong(
                "exotel",
                "provider = \"octopush\" takes no section [exotel]; take it out",
            ),
            (Provider::Exotel, Some(_), Some(_)) => wrong(
                "octopush",
                "provider = \"exotel\" takes no section [octopush]; take it out",
            ),
        }
    }
}

/// Where Octopush's API is.
pub(super) fn octopush_endpoint(base_url: Option<&str>) -> Checked<Endpoint> {
    endpoint(
        "octopush.base_url",
        base_url.unwrap_or(octopush::BASE_URL_DEFAULT),
    )
}

fn endpoint(key: &'static str, base_url: &str) -> Checked<Endpoint> {
    Endpoint::parse(base_url).or_else(|error| wrong(key, error.to_string()))
}

fn of_octopush(section: OctopushSection) -> Checked<Section> {
    Ok(Section {
        endpoint: octopush_endpoint(section.base_url.as_deref())?,
        duplicate_codes: section
            .duplicate_codes
            .clone()
            .unwrap_or_else(|| DUPLICATE_CODES_DEFAULT.to_vec()),
        account_sid: None,
        currency: octopush::CURRENCY,
        content: Content::Sms(sms(section)?),
    })
}

/// An SMS.
pub(super) fn sms(section: OctopushSection) -> Checked<Message> {
    let message = Message {
        template: Template::parse(&section.text)
            .or_else(|error| wrong("octopush.text", error.to_string()))?,
        kind: Kind::named(&section.kind).map_or_else(
            || none_of("octopush.type", &section.kind, &["sms_premium", "sms_low_cost"]),
            Ok,
        )?,
        purpose: Purpose::named(&section.purpose).map_or_else(
            || {
                wrong(
                    "octopush.purpose",
                    format!(
                        "{:?} is neither \"wholesale\" (marketing) nor \"alert\" (transactional only)",
                        section.purpose
                    ),
                )
            },
            Ok,
        )?,
        sender: Sender::new(&section.sender).or_else(|error| wrong("octopush.sender", error.to_string()))?,
        send_at: section
            .send_at
            .map(|text| SendAt::parse(&text))
            .transpose()
            .or_else(|error| wrong("octopush.send_at", error.to_string()))?,
        with_replies: section.with_replies,
        simulation_mode: section.simulation_mode,
        auto_optimize_text: section.auto_optimize_text.unwrap_or(true),
        auto_remove_blacklisted_numbers: section.auto_remove_blacklisted_numbers,
    };
    message
        .check()
        .or_else(|error| wrong("octopush.text", error.to_string()))?;
    Ok(message)
}

fn of_exotel(section: ExotelSection) -> Checked<Section> {
    Ok(Section {
        endpoint: exotel_endpoint(section.base_url.as_deref())?,
        duplicate_codes: Vec::new(),
        account_sid: Some(exotel_account(Some(&section.account_sid))?),
        currency: exotel_currency(section.currency.as_deref())?,
        content: Content::Voice(call(section)?),
    })
}

/// Where Exotel's API is.
pub(super) fn exotel_endpoint(base_url: Option<&str>) -> Checked<Endpoint> {
    endpoint("exotel.base_url", base_url.unwrap_or(exotel::BASE_URL_DEFAULT))
}

/// The account there.
pub(super) fn exotel_account(sid: Option<&str>) -> Checked<String> {
    match sid {
        Some(sid) if exotel::is_account_sid(sid) => Ok(sid.to_owned()),
        None => wrong(
            "exotel.account_sid",
            "it is missing; give --set exotel.account_sid=SID",
        ),
        Some(_) => wrong(
            "exotel.account_sid",
            "1 to 64 letters, digits, hyphens and underscores, as the dashboard shows it",
        ),
    }
}

/// What it pays in.
pub(super) fn exotel_currency(code: Option<&str>) -> Checked<Currency> {
    code.map_or(Ok(Currency::NONE), |code| {
        code.parse().or_else(|_| {
            wrong(
                "exotel.currency",
                "the account's, as three capital letters such as \"INR\"",
            )
        })
    })
}

/// A call.
fn call(section: ExotelSection) -> Checked<VoiceMessage> {
    let url = |key, text: Option<String>| -> Checked<Option<WebUrl>> {
        text.map(|text| told(key, WebUrl::new(&text))).transpose()
    };
    Ok(VoiceMessage {
        caller_id: told("exotel.caller_id", CallerId::new(&section.caller_id))?,
        url: told("exotel.url", WebUrl::new(&section.url))?,
        call_duplicate_numbers: section.call_duplicate_numbers,
        retries: section.retries.map(retries).transpose()?,
        schedule: section.schedule.as_ref().map(schedule).transpose()?,
        status_callback: url("exotel.status_callback", section.status_callback)?,
        call_status_callback: url("exotel.call_status_callback", section.call_status_callback)?,
        call_schedule_callback: url("exotel.call_schedule_callback", section.call_schedule_callback)?,
        custom_field: section.custom_field,
    })
}

fn retries(section: RetriesSection) -> Checked<Retries> {
    let mut retries = told(
        "exotel.retries",
        Retries::new(section.number_of_retries, section.interval_mins),
    )?;
    retries.mechanism = section
        .mechanism
        .map(|name| told("exotel.retries.mechanism", Mechanism::named(&name)))
        .transpose()?;
    retries.on_status = section
        .on_status
        .map(|names| {
            let names = names.iter().map(String::as_str);
            told("exotel.retries.on_status", OnStatus::named(names))
        })
        .transpose()?;
    Ok(retries)
}

fn schedule(section: &ScheduleSection) -> Checked<Schedule> {
    told(
        "exotel.schedule",
        Schedule::new(section.send_at.as_deref(), section.end_at.as_deref()),
    )
}

fn told<T>(key: &'static str, checked: Result<T, MessageError>) -> Checked<T> {
    checked.or_else(|error| wrong(key, error.to_string()))
}
