//! What a campaign is, but for whom it calls: the fields of a create and of an update, with their rules.
//!
//! *Sources*: "update campaign details", "create campaign"; for `url` beside `read_via_text`, `mode` and `throttle` the
//! newer form of "create campaign", and "campaign throttling". The codes of the refusals are *assumed*, as are their order
//! and all that is said of fields that no page limits.

use http::Uri;
use jiff::Timestamp;
use serde_json::Value;

use super::config::{ExotelConfig, ExotelStrict};
use super::refusal::Refusal;
use super::request::{Fields, count, given, text};
use super::retries::Retries;
use super::schedule::Schedule;

/// Characters a name must have ("greater than 3": "create campaign").
const NAME_CHARS_MIN: usize = 4;

/// The fields, each of them good.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) caller_id: String,
    pub(super) url: Option<String>,
    pub(super) read_via_text: Option<String>,
    pub(super) dynamic: bool,
    pub(super) flow_type: Option<String>,
    pub(super) repeat_menu_attempts: Option<u64>,
    pub(super) call_duplicate_numbers: bool,
    pub(super) retries: Option<Retries>,
    pub(super) schedule: Schedule,
    pub(super) callbacks: Callbacks,
    /// Calls a minute, with `mode` `custom`; absent: `auto`.
    pub(super) throttle: Option<u32>,
    pub(super) custom_field: Option<Value>,
}

/// The three URLs.
#[derive(Debug, Clone, Default)]
pub(super) struct Callbacks {
    pub(super) status: Option<String>,
    pub(super) call_status: Option<String>,
    pub(super) call_schedule: Option<String>,
}

impl Settings {
    /// Those of a new campaign.
    pub(super) fn read(
        config: &ExotelConfig,
        sid: &str,
        fields: &Fields,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut settings = Self::default();
        settings.change(config, fields, now)?;
        if settings.caller_id.is_empty() {
            return Err(Refusal::mandatory("Caller_id"));
        }
        if settings.url.is_none() && settings.read_via_text.is_none() {
            return Err(Refusal::mandatory("Url"));
        }
        if settings.name.is_empty() {
            settings.name = format!("{sid} {}", super::date::spaced(now));
        }
        Ok(settings)
    }

    /// Takes over what is given, and leaves the rest as it is. After a refusal this is to be dropped.
    pub(super) fn change(
        &mut self,
        config: &ExotelConfig,
        fields: &Fields,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.change_call(fields)?;
        if let Some(name) = text(fields, "name")? {
            if name.chars().count() < NAME_CHARS_MIN {
                return Err(Refusal::invalid("name must have more than 3 characters"));
            }
            name.clone_into(&mut self.name);
        }
        if let Some(flag) = duplicates(&config.strict, fields)? {
            self.call_duplicate_numbers = flag;
        }
        if let Some(retries) = Retries::read(&config.strict, fields, self.retries.as_ref())? {
            self.retries = Some(retries);
        }
        if let Some(schedule) = Schedule::read(&config.strict, fields, now)? {
            self.schedule = schedule;
        }
        self.change_pace(config, fields)?;
        self.callbacks.change(fields)?;
        if let Some(value) = given(fields, "custom_field") {
            self.custom_field = Some(value.clone());
        }
        Ok(())
    }

    /// What is said in the call.
    fn change_call(&mut self, fields: &Fields) -> Result<(), Refusal> {
        if let Some(kind) = text(fields, "type")?
            && kind != "trans"
        {
            return Err(Refusal::invalid("type must be trans"));
        }
        match text(fields, "campaign_type")? {
            None => {}
            Some("static") => self.dynamic = false,
            Some("dynamic") => self.dynamic = true,
            Some(_) => return Err(Refusal::invalid("campaign_type must be static or dynamic")),
        }
        if let Some(caller_id) = text(fields, "caller_id")? {
            if caller_id.is_empty() {
                return Err(Refusal::mandatory("Caller_id"));
            }
            caller_id.clone_into(&mut self.caller_id);
        }
        if let Some(url) = url(fields, "url")? {
            self.url = Some(url);
        }
        if let Some(spoken) = text(fields, "read_via_text")? {
            self.read_via_text = Some(spoken.to_owned());
        }
        if let Some(flow) = text(fields, "flow_type")? {
            if !matches!(flow, "ivr" | "greeting") {
                return Err(Refusal::invalid("flow_type must be ivr or greeting"));
            }
            self.flow_type = Some(flow.to_owned());
        }
        if let Some(attempts) = count(fields, "repeat_menu_attempts")? {
            self.repeat_menu_attempts = Some(attempts);
        }
        Ok(())
    }

    /// `mode` and `throttle`: calls a minute, below the account's own ("campaign throttling").
    fn change_pace(&mut self, config: &ExotelConfig, fields: &Fields) -> Result<(), Refusal> {
        let throttle = count(fields, "throttle")?;
        match text(fields, "mode")? {
            Some("auto") => self.throttle = None,
            Some("custom") if throttle.is_none() => return Err(Refusal::mandatory("Throttle")),
            Some("custom") => {
                let most = config.calls_per_minute.get() - 1;
                let fits = throttle
                    .and_then(|calls| u32::try_from(calls).ok())
                    .filter(|calls| (1..=most).contains(calls));
                let wrong = || Refusal::invalid(format!("throttle must be from 1 to {most}"));
                self.throttle = Some(fits.ok_or_else(wrong)?);
            }
            None if throttle.is_some() => return Err(Refusal::invalid("throttle needs the mode custom")),
            None => {}
            Some(_) => return Err(Refusal::invalid("mode must be auto or custom")),
        }
        Ok(())
    }
}

impl Callbacks {
    /// The fields that may change at any time.
    pub(super) const FIELDS: [&str; 3] = [
        "status_callback",
        "call_status_callback",
        "call_schedule_callback",
    ];

    pub(super) fn change(&mut self, fields: &Fields) -> Result<(), Refusal> {
        let [status, call_status, call_schedule] = Self::FIELDS;
        for (place, name) in [
            (&mut self.status, status),
            (&mut self.call_status, call_status),
            (&mut self.call_schedule, call_schedule),
        ] {
            if let Some(url) = url(fields, name)? {
                *place = Some(url);
            }
        }
        Ok(())
    }
}

/// A boolean or `'true'`, in the readings that are taken.
fn duplicates(strict: &[ExotelStrict], fields: &Fields) -> Result<Option<bool>, Refusal> {
    let name = "call_duplicate_numbers";
    let Some(value) = given(fields, name) else {
        return Ok(None);
    };
    match value {
        Value::Bool(flag) if !strict.contains(&ExotelStrict::BooleanAsText) => Ok(Some(*flag)),
        Value::Bool(_) => Err(Refusal::wrong_type(name, value, "string")),
        Value::String(text) if !strict.contains(&ExotelStrict::Boolean) => match text.as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(Refusal::invalid(format!("{name} must be true or false"))),
        },
        _ => Err(Refusal::wrong_type(name, value, "bool")),
    }
}

/// `http` or `https`, and a host.
fn url(fields: &Fields, name: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = text(fields, name)? else {
        return Ok(None);
    };
    let good = text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if good {
        Ok(Some(text.to_owned()))
    } else {
        Err(Refusal::invalid(format!("{name} must be a URL of http or https")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#""caller_id":"08012345678","url":"http://my.exotel.com/acme1/exoml/start_voice/1","#;

    fn outcome(strict: &[ExotelStrict], json: &str) -> Option<u32> {
        let config = ExotelConfig {
            strict: strict.to_vec(),
            ..ExotelConfig::default()
        };
        let fields: Fields = serde_json::from_str(json).expect("json");
        let now = "2026-06-01T09:00:00Z".parse().expect("an instant");
        let outcome = Settings::read(&config, "acme1", &fields, now);
        outcome.err().map(|refusal| refusal.code())
    }

    /// What stands beside the mandatory fields; 0 stands for "in order".
    fn check(json: &str, expected: u32) {
        let body = format!("{{{GOOD}{json}}}");
        assert_eq!(outcome(&[], &body).unwrap_or(0), expected, "{json}");
    }

    #[test]
    fn caller_id_and_what_to_say_are_mandatory() {
        let check = |json: &str, expected: Option<u32>| assert_eq!(outcome(&[], json), expected, "{json}");
        check(
            r#"{"caller_id":"08012345678","url":"http://my.exotel.com/a/b"}"#,
            None,
        );
        check(
            r#"{"caller_id":"08012345678","read_via_text":"Hello @@name"}"#,
            None,
        );
        check(r#"{"caller_id":"08012345678"}"#, Some(1001));
        check(r#"{"caller_id":"","url":"http://my.exotel.com/a/b"}"#, Some(1001));
        check(r#"{"url":"http://my.exotel.com/a/b"}"#, Some(1001));
        check(
            r#"{"caller_id":8012345678,"url":"http://my.exotel.com/a/b"}"#,
            Some(1007),
        );
    }

    #[test]
    fn each_field_has_its_rule() {
        check(r#""name":"holi""#, 0);
        check(r#""name":"hol""#, 1002);
        check(r#""name":1234"#, 1007);
        check(r#""type":"trans""#, 0);
        check(r#""type":"promo""#, 1002);
        check(r#""campaign_type":"static""#, 0);
        check(r#""campaign_type":"dynamic""#, 0);
        check(r#""campaign_type":"fixed""#, 1002);
        check(r#""flow_type":"ivr""#, 0);
        check(r#""flow_type":"menu""#, 1002);
        check(r#""repeat_menu_attempts":2"#, 0);
        check(r#""repeat_menu_attempts":"2""#, 1007);
        check(r#""repeat_menu_attempts":-2"#, 1002);
        check(r#""custom_field":"batch-1""#, 0);
        check(r#""colour":"red""#, 0);
    }

    #[test]
    fn a_callback_is_a_url() {
        for name in Callbacks::FIELDS {
            check(&format!(r#""{name}":"https://example.org/a?b=c""#), 0);
            check(&format!(r#""{name}":"http://127.0.0.1:1""#), 0);
            check(&format!(r#""{name}":"ftp://example.org""#), 1002);
            check(&format!(r#""{name}":"example.org/a""#), 1002);
            check(&format!(r#""{name}":1"#), 1007);
            check(&format!(r#""{name}":null"#), 0);
        }
    }

    #[test]
    fn a_throttle_goes_with_the_mode_custom_and_lies_below_the_accounts_pace() {
        check(r#""mode":"auto""#, 0);
        check(r#""mode":"custom","throttle":59"#, 0);
        check(r#""mode":"custom","throttle":60"#, 1002);
        check(r#""mode":"custom","throttle":0"#, 1002);
        check(r#""mode":"custom""#, 1001);
        check(r#""throttle":30"#, 1002);
        check(r#""mode":"fast""#, 1002);
    }

    #[test]
    fn a_flag_is_a_boolean_or_its_text() {
        let check = |strict: &[ExotelStrict], value: &str, expected: Option<u32>| {
            let body = format!(r#"{{{GOOD}"call_duplicate_numbers":{value}}}"#);
            assert_eq!(outcome(strict, &body), expected, "{strict:?}: {value}");
        };
        check(&[], "true", None);
        check(&[], r#""true""#, None);
        check(&[], r#""false""#, None);
        check(&[], r#""yes""#, Some(1002));
        check(&[], "1", Some(1007));
        check(&[ExotelStrict::Boolean], "true", None);
        check(&[ExotelStrict::Boolean], r#""true""#, Some(1007));
        check(&[ExotelStrict::BooleanAsText], "true", Some(1007));
        check(&[ExotelStrict::BooleanAsText], r#""true""#, None);
    }

    #[test]
    fn a_campaign_without_a_name_is_named_after_its_account_and_the_time() {
        let fields: Fields = serde_json::from_str(&format!("{{{GOOD}\"type\":\"trans\"}}")).expect("json");
        let now = "2021-06-04T05:41:10Z".parse().expect("an instant");
        let settings = Settings::read(&ExotelConfig::default(), "exotel", &fields, now).expect("settings");
        assert_eq!(settings.name, "exotel 2021-06-04 11:11:10");
    }
}
