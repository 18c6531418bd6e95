//! 3: credentials, files that the campaign names, outputs, and what a command cannot do as things stand.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::Row;
use crate::support::{KEY, Sandbox};

const SEND: &str = "send campaign.toml contacts.ndjson";

pub(super) fn rows() -> Vec<Row> {
    [credentials(), files(), outputs(), message()]
        .into_iter()
        .flatten()
        .collect()
}

fn credentials() -> Vec<Row> {
    vec![
        Row::new("no credentials", SEND).env(&[("OCTOPUSH_API_KEY", "")]),
        Row::new("credentials twice", SEND).env(&[("OCTOPUSH_API_KEY_FILE", "key")]),
        Row::new("a credential that fits no header", SEND).env(&[("OCTOPUSH_API_KEY", "secret\r\nx: y")]),
        Row::new("a credential's file that is not there", SEND)
            .env(&[("OCTOPUSH_API_KEY", ""), ("OCTOPUSH_API_KEY_FILE", "key")]),
        Row::new("a credential's file that others may write", SEND)
            .env(&[("OCTOPUSH_API_KEY", ""), ("OCTOPUSH_API_KEY_FILE", "key")])
            .after(|sandbox| {
                let key = sandbox.write("key", KEY);
                fs::set_permissions(key, Permissions::from_mode(0o666)).expect("our own file");
            }),
    ]
}

fn files() -> Vec<Row> {
    const CA: &str = "send campaign.toml contacts.ndjson --set transport.ca_file=ca.pem --set octopush.base_url=https://localhost:1/";
    const SUPPRESS: &str = "plan campaign.toml contacts.ndjson --set 'input.suppress=[\"optouts.txt\"]'";
    vec![
        Row::new("a suppression file that is not there", SUPPRESS),
        Row::new("a suppression file with something else in it", SUPPRESS).after(|sandbox| {
            sandbox.write("optouts.txt", "+33612345678\nnobody\n");
        }),
        Row::new("a certificate file that is not there", CA),
        Row::new("a certificate file without a certificate", CA).after(|sandbox| {
            sandbox.write("ca.pem", "nothing of the kind\n");
        }),
        Row::new("a certificate file that is broken", CA).after(|sandbox| {
            sandbox.write(
                "ca.pem",
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            );
        }),
        Row::new("a certificate that is none", CA).after(|sandbox| {
            sandbox.write(
                "ca.pem",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            );
        }),
        Row::new(
            "a file of list settings with an unknown key",
            "octopush list-campaign create --file sale.toml --set octopush.base_url=MOCK/v1/public",
        )
        .after(|sandbox| {
            sandbox.write("sale.toml", "list = \"a\"\nsendr = \"Acme\"\n");
        }),
        Row::new(
            "parameters with an unknown field",
            "octopush parameters edit --file params.toml",
        )
        .after(|sandbox| {
            sandbox.write(
                "params.toml",
                "[callbacks]\nemail_for_inbound = \"a@example.org\"\n",
            );
        }),
    ]
}

fn outputs() -> Vec<Row> {
    vec![
        Row::new(
            "rejects into no folder",
            "send campaign.toml contacts.ndjson --rejects nowhere/rejects.ndjson",
        ),
        Row::new(
            "a summary into no folder",
            "send campaign.toml contacts.ndjson --summary-file nowhere/summary.json",
        ),
        Row::new("man pages into no folder", "man --directory nowhere"),
    ]
}

fn message() -> Vec<Row> {
    vec![
        Row::new("a date that has passed", "send campaign.toml contacts.ndjson --set octopush.send_at=2020-01-01T09:00:00Z"),
        Row::new("no STOP mention for French numbers", "send campaign.toml contacts.ndjson --set octopush.text=Hello"),
        Row::new("another text than was sent", "send campaign.toml contacts.ndjson --set 'octopush.text=Bye. STOP au 30101'")
            .after(send_once),
        Row::new("another sender and text than were sent", "send campaign.toml contacts.ndjson --set octopush.sender=Emca --set 'octopush.text=Bye. STOP au 30101'")
            .after(send_once),
        Row::new("another host than was sent to", "send campaign.toml contacts.ndjson --set octopush.base_url=https://localhost:1/")
            .after(send_once),
        Row::new("another account than was sent by", SEND)
            .after(send_once)
            .env(&[("OCTOPUSH_API_LOGIN", "other@example.org")]),
        Row::new("a campaign whose numbers were erased", SEND).after(|sandbox| {
            send_once(sandbox);
            let forget = ["ledger", "forget", "spring", "--yes", "--reason", "a year is over"];
            assert_eq!(sandbox.volley(forget).run().code(), 0);
        }),
        Row::new("a budget over batches without a price", "send campaign.toml contacts.ndjson --set limits.max_cost=5 --set limits.unit_price=1")
            .after(super::provider::leave_a_doubt),
        Row::new(
            "another currency than it counts in",
            "send campaign.toml contacts.ndjson --set exotel.currency=USD",
        )
        .after(|sandbox| {
            let campaign = sandbox.voice_campaign().set("exotel.currency", "INR");
            campaign.set("limits.unit_price", "1").write();
            send_once(sandbox);
        }),
        Row::new("another provider than was sent by", SEND).after(|sandbox| {
            send_once(sandbox);
            sandbox.voice_campaign().write();
        }),
        Row::new("a campaign that the ledger does not have", "report sprong").after(send_once),
        Row::new("a campaign in an empty ledger", "report spring").after(|sandbox| {
            assert_eq!(sandbox.volley(["ledger", "init"]).run().code(), 0);
        }),
        Row::new("numbers of a campaign that is not there", "ledger forget sprong --yes --reason 'a year is over'").after(send_once),
        Row::new("a ticket of nobody's", "octopush campaign cancel sms_5f3fbce61266e --set octopush.base_url=MOCK/v1/public").after(send_once),
    ]
}

pub(super) fn send_once(sandbox: &Sandbox) {
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
}
