//! Where a campaign went that was copied into another ledger: from then on it is sent from there alone.
//!
//! That stands as a row of table `adoption`: the operator's word for a ledger that was moved. Whoever wants to send from the old
//! one all the same says so with `volley ledger adopt`, whose row comes behind.

use crate::Signature;
use crate::database::{self, Connection, params};
use crate::place::Place;

/// A campaign, as such a row names it.
pub(crate) fn campaign(name: &str) -> String {
    format!("campaign {name}")
}

/// The same of one that goes to a list or a tag.
pub(crate) fn list_campaign(ticket: &str) -> String {
    format!("list campaign {ticket}")
}

const TO: &str = " was copied to ";
const FROM: &str = " was copied from ";

/// Records on both sides that it was copied.
pub(crate) fn note(
    from: &Connection,
    to_place: &Place,
    to: &Connection,
    from_place: &Place,
    what: &str,
    signature: &Signature,
) -> database::Result<()> {
    record(
        from,
        &format!("{what}{TO}{}", to_place.ledger.display()),
        signature,
    )?;
    record(
        to,
        &format!("{what}{FROM}{}", from_place.ledger.display()),
        signature,
    )
}

fn record(connection: &Connection, detail: &str, signature: &Signature) -> database::Result<()> {
    let insert = "INSERT INTO adoption (at, who, reason, detail) VALUES (?1, ?2, ?3, ?4)";
    let at = signature.at.as_microsecond();
    connection
        .execute(insert, params![at, signature.who, signature.why, detail])
        .map(drop)
}

/// Where it went, unless the ledger was adopted since.
pub(crate) fn to(connection: &Connection, what: &str) -> database::Result<Option<String>> {
    let mut statement = connection.prepare("SELECT detail FROM adoption ORDER BY id")?;
    let mut moved = None;
    for detail in statement.query_map([], |row| row.get::<_, String>(0))? {
        let detail = detail?;
        match detail.strip_prefix(what).and_then(|rest| rest.strip_prefix(TO)) {
            Some(to) => moved = Some(to.to_owned()),
            None if detail.contains(TO) || detail.contains(FROM) => {}
            None => moved = None,
        }
    }
    Ok(moved)
}
