//! Octopush's error codes: what each proves, what it means and what to do about it.
//!
//! Sources: code 121 with status 400 stands on the pages of the API; the others are *assumed* from the numbered table
//! that Octopush published for its API before, in which 121 means the same. A code that is not in the table is
//! judged as a refusal and shown as it is.

use volley_model::Refusal;

/// What a code proves of the request that it answers. It counts in answers with status 400, 409 and 422 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// The request was refused; nothing was sent.
    Refused,
    /// Credentials, credit or the account: nothing was sent, and nothing will be.
    Account,
    /// Not processed now; the same request may come again.
    Later,
    /// It does not say whether anything was sent.
    Doubt,
    /// The request, or one with its key, was here before.
    Duplicate,
}

/// A code of Octopush's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// The number in the answer.
    pub(super) number: u32,
    /// What it proves.
    pub(super) class: Class,
    /// What it means, as the end of a sentence.
    pub(super) meaning: &'static str,
    /// What to do, as a sentence's beginning in lower case.
    pub(super) remedy: &'static str,
}

const ASK: &str = "ask Octopush's support, naming the code";
const BATCH_SIZE: &str = "lower limits.batch_size";
const COUNTRIES: &str = "leave the country out with input.allowed_countries";
const CREDENTIALS: &str = "check OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY";
const CREDIT: &str = "top the account up, then run the campaign again";
const DOUBT: &str = "run the campaign again after limits.settle, or see `volley doubt list`";
const LATER: &str = "wait, then run the campaign again";
const NUMBERS: &str = "check the numbers, and input.default_region";
const PREMIUM: &str =
    "set octopush.type to \"sms_premium\", or leave the country out with input.allowed_countries";
const REPORT: &str = "report it as a fault of volley, naming the code";
const RETRY: &str = "wait, then run the campaign again with --retry-refused";
const SENDER: &str = "set octopush.sender to 3 to 11 letters and digits, without spaces if need be";
const SHORTEN: &str = "shorten octopush.text, or set octopush.type to \"sms_premium\"";
const STOP: &str = "end octopush.text with the mention, such as STOP au 30101";
const TEXT: &str = "set octopush.text";
const TYPE: &str = "set octopush.type";

const fn code(number: u32, class: Class, meaning: &'static str, remedy: &'static str) -> Code {
    Code {
        number,
        class,
        meaning,
        remedy,
    }
}

/// All codes known, in rising order.
#[rustfmt::skip] // a table is read by its rows
const CODES: &[Code] = &[
    code(0, Class::Doubt, "it says that there was no error", ASK),
    code(100, Class::Refused, "the request came without a body", REPORT),
    code(101, Class::Account, "the login or the key is wrong", CREDENTIALS),
    code(102, Class::Refused, "the text has more than 160 characters", SHORTEN),
    code(103, Class::Refused, "the request has no recipient", REPORT),
    code(104, Class::Account, "the account has no credit left", CREDIT),
    code(105, Class::Account, "the credit is too low, and an order awaits validation", CREDIT),
    code(106, Class::Refused, "the sender is not one that Octopush takes", SENDER),
    code(107, Class::Refused, "the text is missing", TEXT),
    code(108, Class::Account, "the login is missing", CREDENTIALS),
    code(109, Class::Account, "the key is missing", CREDENTIALS),
    code(110, Class::Refused, "the recipients are missing", REPORT),
    code(111, Class::Refused, "the way of giving the recipients is missing", REPORT),
    code(112, Class::Refused, "the type of the message is missing", TYPE),
    code(113, Class::Account, "the account is not validated yet", ASK),
    code(114, Class::Account, "the account is under investigation for fraud", ASK),
    code(115, Class::Refused, "recipients and parameter values differ in number", REPORT),
    code(116, Class::Refused, "the mailing option needs a contact list", ASK),
    code(117, Class::Refused, "no number of the request is correct", NUMBERS),
    code(118, Class::Refused, "the test-SMS box of the web form is set wrongly", ASK),
    code(119, Class::Refused, "the text is too long for this type", SHORTEN),
    code(120, Class::Duplicate, "a request with this request_id was sent before", DOUBT),
    code(121, Class::Refused, "the STOP mention is missing from the text", STOP),
    code(122, Class::Refused, "the mention \"no PUB=STOP\" is missing from the text", STOP),
    code(123, Class::Refused, "the request's signature is missing", ASK),
    code(124, Class::Refused, "the request's signature is wrong", ASK),
    code(125, Class::Doubt, "an undefined error happened at Octopush", DOUBT),
    code(126, Class::Later, "a campaign awaits approval", LATER),
    code(127, Class::Later, "a campaign is being processed", LATER),
    code(128, Class::Refused, "there were too many attempts for this campaign", RETRY),
    code(129, Class::Later, "a campaign is being built", LATER),
    code(130, Class::Later, "a campaign is not finished", LATER),
    code(131, Class::Refused, "the campaign was not found", ASK),
    code(132, Class::Refused, "the campaign was sent already", ASK),
    code(133, Class::Duplicate, "this batch's id was used before", DOUBT),
    code(150, Class::Refused, "no country has this prefix", NUMBERS),
    code(151, Class::Refused, "the country is not served", COUNTRIES),
    code(152, Class::Refused, "low cost is not available in this country", PREMIUM),
    code(153, Class::Later, "the route is congested", LATER),
    code(201, Class::Refused, "credit transfers are available on request only", ASK),
    code(202, Class::Refused, "a sub-account or credit transfer was refused", ASK),
    code(203, Class::Refused, "the transfer's token is in use already", ASK),
    code(204, Class::Refused, "the transfer's token is wrong", ASK),
    code(205, Class::Refused, "a sub-account or credit transfer was refused", ASK),
    code(206, Class::Refused, "no campaign is taken during a credit transfer", RETRY),
    code(207, Class::Refused, "a sub-account or credit transfer was refused", ASK),
    code(208, Class::Refused, "a sub-account or credit transfer was refused", ASK),
    code(209, Class::Refused, "a sub-account or credit transfer was refused", ASK),
    code(210, Class::Refused, "a sub-account or credit transfer was refused", ASK),
    code(300, Class::Refused, "the account may not manage this list", ASK),
    code(301, Class::Refused, "the account has as many lists as it may", ASK),
    code(302, Class::Refused, "a list of this name exists", ASK),
    code(303, Class::Refused, "the list does not exist", ASK),
    code(304, Class::Refused, "the list is full", ASK),
    code(305, Class::Refused, "the request has too many contacts", BATCH_SIZE),
    code(306, Class::Refused, "the action on the list is unknown", REPORT),
    code(308, Class::Refused, "the list's file cannot be read", ASK),
    code(500, Class::Doubt, "Octopush could not process the request", DOUBT),
    code(501, Class::Doubt, "a connection inside Octopush failed", DOUBT),
];

/// The code of that number, if the table has it.
pub(super) fn known(code: u32) -> Option<&'static Code> {
    let at = CODES.binary_search_by_key(&code, |known| known.number).ok()?;
    CODES.get(at)
}

/// A refusal for a user to read: what Octopush answered, what that means, what to do.
pub fn explain(refusal: &Refusal) -> String {
    let mut explanation = format!("Octopush answered {}", refusal.status);
    if let Some(code) = refusal.code {
        explanation = format!("{explanation}, code {code}");
    }
    if !refusal.message.is_empty() {
        explanation = format!("{explanation}, {:?}", refusal.message);
    }
    match refusal.code.and_then(known) {
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
        404 | 405 => Some("check octopush.base_url"),
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
        for code in CODES {
            assert_eq!(known(code.number), Some(code));
            assert!(
                !code.meaning.is_empty() && !code.remedy.is_empty(),
                "{}",
                code.number
            );
        }
        for unknown in [1, 99, 134, 154, 200, 211, 307, 309, 499, 502, u32::MAX] {
            assert_eq!(known(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_explanation_says_what_happened_and_what_to_do() {
        check(
            400,
            Some(121),
            "Mention STOP is missing.",
            "Octopush answered 400, code 121, \"Mention STOP is missing.\": the STOP mention is missing from the text; \
             end octopush.text with the mention, such as STOP au 30101",
        );
        check(
            401,
            None,
            "",
            "Octopush answered 401; check OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY",
        );
        check(400, Some(777), "no", "Octopush answered 400, code 777, \"no\"");
        check(404, None, "", "Octopush answered 404; check octopush.base_url");
        check(415, None, "", "Octopush answered 415");
    }
}
