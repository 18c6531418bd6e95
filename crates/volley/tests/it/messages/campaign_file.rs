//! 3: what is wrong with the campaign file, or with `--set`.

use super::Row;
use crate::support::Sandbox;

const VOICE: &str = r#"[campaign]
name = "voice"
provider = "exotel"

[exotel]
account_sid = "acme1"
caller_id = "08012345678"
url = "http://my.exotel.com/acme1/exoml/start_voice/4242"
"#;

pub(super) fn rows() -> Vec<Row> {
    [places(), forms(), settings(), values(), values_of_voice()]
        .into_iter()
        .flatten()
        .collect()
}

fn places() -> Vec<Row> {
    vec![
        Row::new("no such file", "send spring.toml contacts.ndjson"),
        Row::new("a name for a file", "send campaign contacts.ndjson"),
        Row::new("a folder", "plan ."),
        Row::new("contacts in its place", "plan contacts.ndjson"),
        Row::new("no text", "plan binary").after(|sandbox| {
            sandbox.write("binary", [0x1f, 0x8b, 0xff, 0xfe]);
        }),
    ]
}

/// The campaign file with something written over, and something behind it.
fn rewrite(sandbox: &Sandbox, what: &str, with: &str, behind: &str) {
    let text = sandbox.read("campaign.toml");
    assert!(text.contains(what), "{what} is not in\n{text}");
    sandbox.write(
        "campaign.toml",
        format!("{}{behind}", text.replacen(what, with, 1)),
    );
}

fn forms() -> Vec<Row> {
    const PLAN: &str = "plan campaign.toml contacts.ndjson";
    vec![
        Row::new("no TOML", PLAN).after(|sandbox| rewrite(sandbox, "\"Acme\"", "Acme", "")),
        Row::new("a key twice", PLAN)
            .after(|sandbox| rewrite(sandbox, "sender =", "sender = \"Acme\"\nsender =", "")),
        Row::new("an unknown key", PLAN).after(|sandbox| rewrite(sandbox, "batch_size", "batch_sise", "")),
        Row::new("an unknown key like no other", PLAN)
            .after(|sandbox| rewrite(sandbox, "sender =", "zzz =", "")),
        Row::new("an unknown section", PLAN).after(|sandbox| rewrite(sandbox, "[limits]", "[limts]", "")),
        Row::new("a key of another section", PLAN)
            .after(|sandbox| rewrite(sandbox, "sender =", "max_cost = \"5\"\nsender =", "")),
        Row::new("a section within a section", PLAN)
            .after(|sandbox| rewrite(sandbox, "sender =", "limits.burst = 5\nsender =", "")),
        Row::new("text for a number", PLAN)
            .after(|sandbox| rewrite(sandbox, "batch_size = 10", "batch_size = \"ten\"", "")),
        Row::new("a number for text", PLAN).after(|sandbox| rewrite(sandbox, "\"Acme\"", "5", "")),
        Row::new("text for a list", PLAN).after(|sandbox| {
            rewrite(
                sandbox,
                "[limits]",
                "[input]\nallowed_countries = \"FR\"\n[limits]",
                "",
            );
        }),
        Row::new("a float for money", PLAN)
            .after(|sandbox| rewrite(sandbox, "batch_size = 10", "unit_price = 0.0495", "")),
        Row::new("neither a share nor a count", PLAN)
            .after(|sandbox| rewrite(sandbox, "batch_size = 10", "max_invalid = 0.2", "")),
        Row::new("no name", PLAN).after(|sandbox| rewrite(sandbox, "name = \"spring\"\n", "", "")),
        Row::new("no [campaign]", PLAN).after(|sandbox| {
            sandbox.write("campaign.toml", "[limits]\nburst = 1\n");
        }),
        Row::new("an empty file", PLAN).after(|sandbox| {
            sandbox.write("campaign.toml", "");
        }),
        Row::new("no section of the provider", PLAN).after(|sandbox| {
            sandbox.write(
                "campaign.toml",
                "[campaign]\nname = \"a\"\nprovider = \"octopush\"\n",
            );
        }),
        Row::new("the section of the other provider", PLAN).after(|sandbox| {
            let voice = VOICE.split_once("\n\n").expect("two sections").1;
            rewrite(sandbox, "[limits]", "[limits]", voice);
        }),
    ]
}

fn settings() -> Vec<Row> {
    vec![
        Row::new(
            "a setting without a value",
            "plan campaign.toml --set limits.burst",
        ),
        Row::new("a setting without a section", "plan campaign.toml --set burst=5"),
        Row::new(
            "a setting of an unknown key",
            "plan campaign.toml --set limits.brust=5",
        ),
        Row::new(
            "a setting of an unknown section",
            "plan campaign.toml --set limts.burst=5",
        ),
        Row::new(
            "a setting of the wrong type",
            "plan campaign.toml --set limits.burst=five",
        ),
        Row::new(
            "a setting that is neither true nor false",
            "plan campaign.toml --set octopush.with_replies=yes",
        ),
        Row::new(
            "a setting into what is no section",
            "plan campaign.toml --set campaign.name.first=a",
        ),
        Row::new(
            "a setting that the command does not take",
            "octopush balance --set limits.max_cost=5",
        ),
        Row::new(
            "an account setting that cannot be",
            "octopush balance --set limits.request_timeout=soon",
        ),
        Row::new("no account", "exotel campaign list"),
        Row::new(
            "an order that is none",
            "exotel campaign list --sort-by date --set exotel.account_sid=acme1",
        ),
    ]
}

fn values() -> Vec<Row> {
    vec![
        Row::new(
            "a name with a space",
            "plan campaign.toml --set 'campaign.name=spring sale'",
        ),
        Row::new(
            "a provider that is none",
            "plan campaign.toml --set campaign.provider=octopus",
        ),
        Row::new(
            "a type that is none",
            "plan campaign.toml --set octopush.type=sms_premum",
        ),
        Row::new(
            "a purpose that is none",
            "plan campaign.toml --set octopush.purpose=marketing",
        ),
        Row::new(
            "a sender too short",
            "plan campaign.toml --set octopush.sender=Ac",
        ),
        Row::new(
            "a sender too long",
            "plan campaign.toml --set 'octopush.sender=Twelve chars'",
        ),
        Row::new(
            "a text without characters",
            "plan campaign.toml --set octopush.text=",
        ),
        Row::new(
            "a text with an unknown field",
            "plan campaign.toml --set 'octopush.text=Hello {nickname}'",
        ),
        Row::new(
            "a text with two defaults",
            "plan campaign.toml --set 'octopush.text={param1|a} {param1|b}'",
        ),
        Row::new(
            "a date without an offset",
            "plan campaign.toml --set octopush.send_at=2099-01-01T09:00:00",
        ),
        Row::new(
            "cleartext to another machine",
            "plan campaign.toml --set octopush.base_url=http://192.0.2.1/v1",
        ),
        Row::new(
            "a scheme that is none",
            "plan campaign.toml --set octopush.base_url=ftp://127.0.0.1/",
        ),
        Row::new(
            "a password in the URL",
            "plan campaign.toml --set octopush.base_url=https://me:secret@127.0.0.1/",
        ),
        Row::new(
            "a query in the URL",
            "plan campaign.toml --set octopush.base_url=https://127.0.0.1/?a=b",
        ),
        Row::new("no URL", "plan campaign.toml --set octopush.base_url=octopush"),
        Row::new(
            "a country that is none",
            "plan campaign.toml --set input.default_region=XX",
        ),
        Row::new("numbers of no kind", "plan campaign.toml --set input.numbers=all"),
        Row::new(
            "an input field that is none",
            "plan campaign.toml --set input.fields.phone=mobile",
        ),
        Row::new(
            "a batch too large",
            "plan campaign.toml --set limits.batch_size=501",
        ),
        Row::new(
            "a batch of nobody",
            "plan campaign.toml --set limits.batch_size=0",
        ),
        Row::new(
            "no requests a second",
            "plan campaign.toml --set limits.requests_per_second=0",
        ),
        Row::new(
            "a share above all",
            "plan campaign.toml --set limits.max_invalid=120%",
        ),
        Row::new("no time", "plan campaign.toml --set limits.settle=soon"),
        Row::new(
            "a budget without a price",
            "plan campaign.toml --set limits.max_cost=5",
        ),
        Row::new(
            "a version of HTTP that is none",
            "plan campaign.toml --set transport.http2=yes",
        ),
    ]
}

fn values_of_voice() -> Vec<Row> {
    fn voice(what: &'static str, args: &'static str) -> Row {
        Row::new(what, args).after(|sandbox| {
            sandbox.write("campaign.toml", VOICE);
        })
    }
    vec![
        voice(
            "an account that is none",
            "plan campaign.toml --set exotel.account_sid=a/b",
        ),
        voice(
            "a caller that is none",
            "plan campaign.toml --set exotel.caller_id=Acme",
        ),
        voice(
            "a call flow that is none",
            "plan campaign.toml --set exotel.url=example.org",
        ),
        voice(
            "a currency that is none",
            "plan campaign.toml --set exotel.currency=rupees",
        ),
        voice(
            "too many retries",
            "plan campaign.toml --set 'exotel.retries={number_of_retries=4, interval_mins=5}'",
        ),
        voice(
            "retries at once",
            "plan campaign.toml --set 'exotel.retries={number_of_retries=2}'",
        ),
        voice(
            "a mechanism that is none",
            "plan campaign.toml --set 'exotel.retries={number_of_retries=2, interval_mins=5, mechanism=\"Fast\"}'",
        ),
        voice(
            "a date that is none",
            "plan campaign.toml --set 'exotel.schedule={send_at=\"tomorrow\"}'",
        ),
        voice(
            "a credit that is not told",
            "plan campaign.toml --set limits.min_credit=5",
        ),
    ]
}
