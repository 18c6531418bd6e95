//! The campaign file of a case: what every case has, and over it what the scenario says.

use toml::{Table, Value};

use crate::scenario::Provider;

/// Nothing in it limits the speed. The text has the mention that French law asks for, so that a file is read once.
const OCTOPUSH: &str = r#"
[campaign]
name = "load"
provider = "octopush"
[octopush]
text = "Hello {first_name|there}, 20% off everything this week at Acme. STOP au 30101"
type = "sms_premium"
purpose = "wholesale"
sender = "Acme"
[input]
default_region = "FR"
[limits]
requests_per_second = 1000000.0
settle = "0s"
"#;

const EXOTEL: &str = r#"
[campaign]
name = "load"
provider = "exotel"
[exotel]
account_sid = "acme1"
caller_id = "08012345678"
url = "http://my.exotel.com/acme1/exoml/start_voice/4242"
currency = "INR"
[input]
default_region = "FR"
[limits]
requests_per_second = 1000000.0
settle = "0s"
"#;

/// The file's text.
pub(crate) fn campaign(provider: Provider, base_url: &str, ca_file: Option<&str>, over: &Table) -> String {
    let (text, section, path) = match provider {
        Provider::Octopush => (OCTOPUSH, "octopush", "/v1/public"),
        Provider::Exotel => (EXOTEL, "exotel", ""),
    };
    let mut campaign: Table = text.parse().unwrap_or_default();
    set(&mut campaign, section, "base_url", format!("{base_url}{path}"));
    if let Some(ca_file) = ca_file {
        set(&mut campaign, "transport", "ca_file", ca_file.to_owned());
    }
    merge(&mut campaign, over);
    campaign.to_string()
}

fn set(campaign: &mut Table, section: &str, key: &str, value: String) {
    let mut inner = Table::new();
    inner.insert(key.to_owned(), value.into());
    let mut outer = Table::new();
    outer.insert(section.to_owned(), inner.into());
    merge(campaign, &outer);
}

fn merge(into: &mut Table, over: &Table) {
    for (key, value) in over {
        match (into.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => merge(inner, value),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_scenario_says_stands_over_what_every_case_has() {
        let over: Table = "[limits]\nrequests_per_second = 20.0\nbatch_size = 10"
            .parse()
            .unwrap();
        let written: Table = campaign(Provider::Octopush, "http://127.0.0.1:1", None, &over)
            .parse()
            .unwrap();
        assert_eq!(written["limits"]["requests_per_second"].as_float(), Some(20.0));
        assert_eq!(written["limits"]["settle"].as_str(), Some("0s"));
        assert_eq!(
            written["octopush"]["base_url"].as_str(),
            Some("http://127.0.0.1:1/v1/public")
        );
    }
}
