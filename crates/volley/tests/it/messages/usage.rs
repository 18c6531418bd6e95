//! 2: wrong usage.

use super::Row;
use super::environment::send_once;
use super::provider::leave_a_doubt;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new("an unknown command", "sned campaign.toml"),
        Row::new("an unknown command below one", "doubt lst"),
        Row::new("an unknown flag", "send campaign.toml --max-costs 5"),
        Row::new("no campaign file", "send"),
        Row::new("no amount", "send campaign.toml --max-cost much"),
        Row::new("no count", "send campaign.toml --max-recipients many"),
        Row::new("no ticket", "octopush list-campaign status ' '"),
        Row::new(
            "no duration",
            "octopush list-campaign status sms_5f3fbce61266e --wait-max soon",
        ),
        Row::new("no shell of ours", "completions basch"),
        Row::new("no level", "report --log-level loud"),
        Row::new("no moment for colours", "report --color sometimes"),
        Row::new(
            "a flag without the one it needs",
            "send campaign.toml --rejects-include-skipped",
        ),
        Row::new("two lists", "octopush list-campaign create --list a --tag b"),
        Row::new("a word that is none", "doubt resolve 1 --reason 'nobody knows'"),
        Row::new("standard input twice", "plan campaign.toml - -"),
        Row::new(
            "rejects over an input",
            "send campaign.toml contacts.ndjson --rejects contacts.ndjson",
        ),
        Row::new(
            "rejects over the campaign",
            "send campaign.toml contacts.ndjson --rejects campaign.toml",
        ),
        Row::new(
            "rejects and summary in one file",
            "send campaign.toml contacts.ndjson --rejects out --summary-file out",
        ),
        Row::new("a campaign file for a name", "report campaign.toml"),
        Row::new("a path for a name", "doubt list campaigns/spring"),
        Row::new(
            "numbers erased without confirmation",
            "ledger forget spring --reason 'a year is over'",
        )
        .after(|sandbox| {
            sandbox.send(&["contacts.ndjson"]).run().expect(0);
        }),
        Row::new(
            "numbers freed without confirmation",
            "doubt resolve 1 --not-sent --reason 'it never came'",
        )
        .after(leave_a_doubt),
        Row::new(
            "numbers freed with another count",
            "doubt resolve 1 --not-sent --recipients 4 --reason 'it never came'",
        )
        .after(leave_a_doubt),
        Row::new(
            "prices without a currency",
            "exotel calls --price --set exotel.account_sid=acme1",
        )
        .after(|sandbox| {
            sandbox.volley(["ledger", "init"]).run().expect(0);
        }),
        Row::new(
            "a draft without its settings",
            "octopush list-campaign create --list customers --set octopush.base_url=MOCK/v1/public",
        ),
        Row::new(
            "a word on a batch that is not there",
            "doubt resolve 9 --abandon --reason 'nobody knows'",
        )
        .after(send_once),
        Row::new(
            "a word on a batch that is settled",
            "doubt resolve 1 --abandon --reason 'nobody knows'",
        )
        .after(send_once),
        Row::new(
            "a word without a reason",
            "doubt resolve 1 --abandon --reason ' '",
        )
        .after(leave_a_doubt),
        Row::new(
            "a cost that is none",
            "doubt resolve 1 --sent --ticket sms_1 --cost much --reason 'it came'",
        )
        .after(leave_a_doubt),
    ]
}
