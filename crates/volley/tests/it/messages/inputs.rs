//! 4: inputs that cannot be read to their end; and 5: inputs of which every line is invalid.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Row;
use crate::support::contacts;

pub(super) fn rows_of_4() -> Vec<Row> {
    vec![
        Row::new("no such file", "send campaign.toml contacts.ndjsn"),
        Row::new("a folder", "send campaign.toml ."),
        Row::new("an empty pipe", "send campaign.toml").stdin(""),
        Row::new("nothing on standard input", "plan campaign.toml"),
        Row::new("a gzip file that breaks off", "send campaign.toml cut.gz").after(|sandbox| {
            let whole = gzip();
            sandbox.write("cut.gz", &whole[..whole.len() - 10]);
        }),
        Row::new(
            "a gzip file that breaks off, planned",
            "plan campaign.toml cut.gz",
        )
        .after(|sandbox| {
            let whole = gzip();
            sandbox.write("cut.gz", &whole[..whole.len() - 10]);
        }),
        Row::new("a gzip file that is garbled", "send campaign.toml garbled.gz").after(|sandbox| {
            let mut whole = gzip();
            let end = whole.len() - 6;
            whole[end] ^= 0xff;
            sandbox.write("garbled.gz", whole);
        }),
        Row::new("a zstd file that breaks off", "send campaign.toml cut.zst").after(|sandbox| {
            let whole = zstd::encode_all(contacts(0..50).as_bytes(), 3).expect("memory");
            sandbox.write("cut.zst", &whole[..whole.len() - 10]);
        }),
    ]
}

fn gzip() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(contacts(0..50).as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

pub(super) fn rows_of_5() -> Vec<Row> {
    vec![
        Row::new("every line is invalid", "send campaign.toml contacts.ndjson").after(|sandbox| {
            sandbox.write("contacts.ndjson", "{}\n{\"phone_number\":\"+33\"}\nhello\n");
        }),
        Row::new(
            "some lines are, and none may be",
            "send campaign.toml contacts.ndjson --fail-on-invalid",
        )
        .after(|sandbox| sandbox.append("contacts.ndjson", "{}\n")),
    ]
}
