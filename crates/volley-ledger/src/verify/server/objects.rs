//! What a ledger's schema on a server is made of, held against what Volley makes: a rule that was dropped, lifted or changed keeps
//! nobody from sending twice.
//!
//! Each version of PostgreSQL writes definitions in its own way. So the server writes both of them down: the schema is made once
//! more beside the ledger's, under another name, in a transaction that is rolled back. Where that may not be, on a standby or for a
//! role that only reads, names and the functions' bodies alone are compared, with the text that makes them; and that is told.
//! Not here: sequences, rights, and what only makes it faster or slower.
//! Source: PostgreSQL 15's manual, "System Catalog Information Functions" and "System Catalogs".

use std::collections::{BTreeMap, HashSet};

use super::{Check, RESTORE};
use crate::LedgerError;
use crate::database::{self, Connection, params};
use crate::ledger::server::SCHEMA;

const QUERY: &str = include_str!("objects.sql");

const PUT_BACK: &str = "stop all runs, put it back as `volley ledger init` makes it in an empty database (`pg_dump --schema-only \
    --schema=volley` writes that down), and verify again; what it is to keep from happening may have happened meanwhile";
const TAKE_OUT: &str = "take it out again; the schema volley is Volley's alone";

/// Kind and name.
type Key = (String, String);
type Objects = BTreeMap<Key, Object>;

/// An object of the schema.
struct Object {
    /// As the server writes it down, of an object that was asked for.
    definition: Option<String>,
    /// What stands between the `$$` of a function.
    body: Option<String>,
    enabled: bool,
    /// The one that it goes with.
    table: Option<String>,
}

/// What is wrong with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Gone,
    Disabled,
    Changed,
    Foreign,
}

/// What the schema is to be made of.
pub(super) struct Made {
    objects: Objects,
    /// Why there are no definitions, if there are none.
    uncompared: Option<String>,
}

/// Makes it once more, and leaves nothing of it.
pub(super) fn made(connection: &Connection) -> database::Result<Made> {
    match twin(connection) {
        Ok(objects) => Ok(Made {
            objects,
            uncompared: None,
        }),
        Err(database::Error::Postgres(error)) if error.is_forbidden() => Ok(Made {
            objects: named(),
            uncompared: Some(error.to_string()),
        }),
        Err(error) => Err(error),
    }
}

fn twin(connection: &Connection) -> database::Result<Objects> {
    let transaction = connection.transaction()?;
    // The connection is one that only reads.
    transaction.execute_batch("SET TRANSACTION READ WRITE")?;
    // Of this connection alone, so that nobody is in another's way.
    let name: String =
        transaction.query_row("SELECT 'volley_twin_' || pg_backend_pid()", [], |row| row.get(0))?;
    transaction.execute_batch(&format!(
        "CREATE SCHEMA {name}; SET LOCAL search_path = {name}; {SCHEMA}"
    ))?;
    let mut objects = objects(&transaction, &name)?;
    for object in objects.values_mut() {
        object.definition = object.definition.take().map(|text| text.replace(&name, "volley"));
    }
    // Rolled back, as whatever is dropped uncommitted.
    Ok(objects)
}

fn objects(connection: &Connection, schema: &str) -> database::Result<Objects> {
    let mut statement = connection.prepare(QUERY)?;
    let objects = statement.query_map(params![schema], |row| {
        let object = Object {
            definition: row.get(2)?,
            body: row.get(3)?,
            enabled: row.get(4)?,
            table: row.get(5)?,
        };
        Ok(((row.get(0)?, row.get(1)?), object))
    })?;
    objects.collect()
}

/// What [`SCHEMA`]'s own text tells of what it makes.
fn named() -> Objects {
    let statements = SCHEMA.lines().filter(|line| line.starts_with("CREATE "));
    let named = statements.filter_map(|line| {
        let mut words = line.split([' ', '(']).skip(1);
        let kind = match words.next()? {
            "TABLE" => "table",
            "VIEW" => "view",
            "INDEX" => "index",
            "TRIGGER" => "trigger",
            "FUNCTION" | "AGGREGATE" => "function",
            _ => return None,
        };
        let body = line
            .ends_with("$$")
            .then(|| SCHEMA.split_once(line)?.1.split_once("$$"))
            .flatten();
        let object = Object {
            definition: None,
            body: body.map(|(body, _)| body.to_owned()),
            enabled: true,
            table: None,
        };
        Some(((kind.to_owned(), words.next()?.to_owned()), object))
    });
    named.collect()
}

impl Object {
    /// How it differs from what Volley made, if it does.
    fn fault(&self, made: &Self) -> Option<Fault> {
        let agrees = |made: &Option<String>, is: &Option<String>| made.is_none() || made == is;
        if !self.enabled {
            return Some(Fault::Disabled);
        }
        let is_as_made = agrees(&made.definition, &self.definition) && agrees(&made.body, &self.body);
        (!is_as_made).then_some(Fault::Changed)
    }
}

impl Fault {
    fn told(self) -> &'static str {
        match self {
            Self::Gone => "it is gone",
            Self::Disabled => "it is disabled",
            Self::Changed => "it is not as Volley made it",
            Self::Foreign => "it is not Volley's",
        }
    }

    fn remedy(self, kind: &str) -> &'static str {
        match self {
            Self::Gone if ["table", "column"].contains(&kind) => RESTORE,
            Self::Gone | Self::Disabled | Self::Changed => PUT_BACK,
            Self::Foreign => TAKE_OUT,
        }
    }
}

/// Each that differs, but none of a table that is itself gone or not Volley's.
fn differences(made: Objects, mut found: Objects) -> Vec<(Key, Fault)> {
    let is_table = |(kind, _): &&Key| kind == "table";
    let told: HashSet<String> = made
        .keys()
        .filter(|key| !found.contains_key(*key))
        .chain(found.keys().filter(|key| !made.contains_key(*key)))
        .filter(is_table)
        .map(|(_, name)| name.clone())
        .collect();
    let is_told = |object: &Object| object.table.as_ref().is_some_and(|table| told.contains(table));
    let mut differences = Vec::new();
    for (key, made) in made {
        let fault = match found.remove(&key) {
            None if is_told(&made) => None,
            None => Some(Fault::Gone),
            Some(is) => is.fault(&made),
        };
        differences.extend(fault.map(|fault| (key, fault)));
    }
    found.retain(|_, object| !is_told(object));
    differences.extend(found.into_keys().map(|key| (key, Fault::Foreign)));
    differences
}

impl Check {
    /// Whether everything is there that questions need. Without a table, a column, a view or a function nothing more can be asked.
    pub(super) fn objects(&mut self, made: Made) -> Result<bool, LedgerError> {
        let found = objects(&self.connection, "volley");
        let mut found = found.map_err(|error| self.failed(error))?;
        if made.uncompared.is_some() {
            // The text does not tell the names of these.
            let untold = ["column", "constraint"];
            found.retain(|(kind, _), _| !untold.contains(&kind.as_str()));
        }
        let mut whole = true;
        for ((kind, name), fault) in differences(made.objects, found) {
            let is_needed = ["table", "column", "view", "function"].contains(&kind.as_str());
            whole &= !(is_needed && fault == Fault::Gone);
            let place = format!("schema of {kind} {name}");
            self.found.find(place, fault.told(), fault.remedy(&kind));
        }
        self.found.uncompared = made.uncompared;
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn the_schema_s_own_text_tells_what_it_is_made_of() {
        let named = named();
        let of = |kind: &str| named.keys().filter(|(is, _)| is == kind).count();
        assert_eq!(
            ["table", "view", "index", "function", "trigger"].map(of),
            [28, 8, 5, 21, 65]
        );
        let body = |name: &str| named[&("function".to_owned(), name.to_owned())].body.as_deref();
        let text = body("refuse").unwrap();
        assert!(
            text.starts_with("\nBEGIN\n  RAISE") && text.ends_with("END "),
            "{text}"
        );
        assert_eq!(body("claimable"), None);
    }
}
