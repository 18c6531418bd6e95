//! Exotel's error codes: what each proves, what it means and what to do about it.
//!
//! Sources: "Error codes" of the newer reference names 1010, 1012 and 1100; the others are *assumed* from Exotel's
//! documentation of its trunks, whose answers have the same envelope. That campaigns use the same codes is *assumed* too. A
//! code that is not in the table is judged as a refusal and shown as it is.

use volley_model::Refusal;

/// What a code asks for, and what it proves of the request that it answers. It counts where the status, or that of the one
/// item of an answer, is 400, 409 or 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Fix the request: it was refused, and nothing was created.
    Request,
    /// A parameter, perhaps one number of many: the request was refused, and nothing was created.
    Parameter,
    /// Stop the run: credentials or the account. Nothing was created, and nothing will be.
    Account,
    /// Already there: a thing of this name, whose id only the listing tells.
    Done,
    /// It does not say whether anything was created.
    Doubt,
}

impl Class {
    /// The class in a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "fix the request",
            Self::Parameter => "fix the parameter",
            Self::Account => "stops the run",
            Self::Done => "already done",
            Self::Doubt => "in doubt",
        }
    }
}

/// A code of Exotel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The number in the answer.
    pub number: u32,
    /// Its name: ours, after Exotel's message.
    pub name: &'static str,
    /// What it asks for.
    pub class: Class,
    /// What it means, as the end of a sentence.
    pub meaning: &'static str,
    /// What to do, as a sentence's beginning in lower case.
    pub remedy: &'static str,
}

const BATCH_SIZE: &str = "lower limits.batch_size";
const CREDENTIALS: &str = "check EXOTEL_API_KEY, EXOTEL_API_TOKEN, exotel.account_sid and exotel.base_url";
const CREDIT: &str = "top the account up, then run the campaign again";
const DOUBT: &str = "run the campaign again after limits.settle, or see `volley doubt list`";
const MANDATORY: &str = "give the parameter that the message names";
const PARAMETER: &str = "check what the message names: exotel.caller_id is an ExoPhone of the account, exotel.url a call flow of it";
const PATH: &str = "check the id, exotel.account_sid and exotel.base_url";
const REPORT: &str = "report it as a fault of volley, naming the code";

const fn code(
    number: u32,
    name: &'static str,
    class: Class,
    meaning: &'static str,
    remedy: &'static str,
) -> Code {
    Code {
        number,
        name,
        class,
        meaning,
        remedy,
    }
}

#[rustfmt::skip] // a table is read by its rows
const CODES: &[Code] = &[
    code(1000, "not_found", Class::Request, "there is no such thing", PATH),
    code(1001, "parameter_missing", Class::Request, "a mandatory parameter is missing", MANDATORY),
    code(1002, "parameter_invalid", Class::Parameter, "a parameter is invalid", PARAMETER),
    code(1003, "not_permitted", Class::Account, "the account may not use this, or it does not exist", CREDENTIALS),
    code(1007, "body_unreadable", Class::Request, "the request's body could not be read", REPORT),
    code(1008, "exists_already", Class::Done, "there is one of this name already", DOUBT),
    code(1010, "credentials_wrong", Class::Account, "the key or the token is wrong", CREDENTIALS),
    code(1011, "content_type_unsupported", Class::Request, "the content type is not supported", REPORT),
    code(1012, "device_unavailable", Class::Request, "the user's device is not available", REPORT),
    code(1100, "internal_error", Class::Doubt, "an error happened inside Exotel", DOUBT),
];

/// The table: every code known, in rising order.
pub fn codes() -> &'static [Code] {
    CODES
}

/// The code of that number, if the table has it.
pub(super) fn known(code: u32) -> Option<&'static Code> {
    let at = CODES.binary_search_by_key(&code, |known| known.number).ok()?;
    CODES.get(at)
}

/// A refusal for a user to read: what Exotel answered, what that means, what to do.
pub fn explain(refusal: &Refusal) -> String {
    let mut explanation = format!("Exotel answered {}", refusal.status);
    let known = refusal.code.and_then(known);
    if let Some(code) = refusal.code {
        let name = known.map_or("unknown", |known| known.name);
        explanation = format!("{explanation}, code {code} ({name})");
    }
    if !refusal.message.is_empty() {
        explanation = format!("{explanation}, {:?}", refusal.message);
    }
    match known {
        Some(known) => format!("{explanation}: {}; {}", known.meaning, known.remedy),
        None => match remedy_for_status(refusal.status) {
            Some(remedy) => format!("{explanation}; {remedy}"),
            None => explanation,
        },
    }
}

/// What to do where no known code says more.
fn remedy_for_status(status: u16) -> Option<&'static str> {
    match status {
        401 | 403 => Some(CREDENTIALS),
        402 => Some(CREDIT),
        404 | 405 => Some(PATH),
        413 => Some(BATCH_SIZE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, code: Option<u32>, message: &str, expected: &str) {
        let refusal = Refusal {
            status,
            code,
            message: message.to_owned(),
        };
        assert_eq!(explain(&refusal), expected);
    }

    #[test]
    fn every_code_is_found_and_has_a_meaning_and_a_remedy() {
        assert!(CODES.is_sorted_by(|one, next| one.number < next.number));
        let names: std::collections::BTreeSet<&str> = CODES.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), CODES.len(), "each has a name of its own");
        for code in CODES {
            assert_eq!(known(code.number), Some(code));
            assert!(
                !code.meaning.is_empty() && !code.remedy.is_empty(),
                "{}",
                code.number
            );
        }
        for unknown in [0, 999, 1004, 1005, 1006, 1009, 1013, 1101, u32::MAX] {
            assert_eq!(known(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_explanation_says_what_happened_and_what_to_do() {
        check(
            400,
            Some(1001),
            "Campaigns is mandatory",
            "Exotel answered 400, code 1001 (parameter_missing), \"Campaigns is mandatory\": a mandatory parameter is \
             missing; give the parameter that the message names",
        );
        check(
            401,
            None,
            "",
            "Exotel answered 401; check EXOTEL_API_KEY, EXOTEL_API_TOKEN, exotel.account_sid and exotel.base_url",
        );
        check(
            400,
            Some(1004),
            "no",
            "Exotel answered 400, code 1004 (unknown), \"no\"",
        );
        check(
            402,
            None,
            "",
            "Exotel answered 402; top the account up, then run the campaign again",
        );
        check(415, None, "", "Exotel answered 415");
    }
}
