//! Octopush's error codes: what each proves, what it means and what to do about it.
//!
//! Sources: code 121 with status 400 stands on the pages of the API; the others are *assumed* from the numbered table
//! that Octopush published for its API before, in which 121 means the same. A code that is not in the table is
//! judged as a refusal and shown as it is.

use volley_model::Refusal;

/// What a code asks for, and what it proves of the request that it answers. It counts in answers with status 400, 409
/// and 422 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Fix the request: it was refused, and nothing was sent.
    Request,
    /// These recipients, not the message: the request was refused, and nothing was sent.
    Recipient,
    /// Stop the run: credentials, credit or the account. Nothing was sent, and nothing will be.
    Account,
    /// Later: not processed now; the same request may come again.
    Later,
    /// Already done: the request, or one with its key, was here before.
    Done,
    /// It does not say whether anything was sent.
    Doubt,
}

impl Class {
    /// The class in a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "fix the request",
            Self::Recipient => "these recipients",
            Self::Account => "stops the run",
            Self::Later => "later",
            Self::Done => "already done",
            Self::Doubt => "in doubt",
        }
    }
}

/// A code of Octopush's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The number in the answer.
    pub number: u32,
    /// Its name: ours, for the provider gives none.
    pub name: &'static str,
    /// What it asks for.
    pub class: Class,
    /// What it means, as the end of a sentence.
    pub meaning: &'static str,
    /// What to do, as a sentence's beginning in lower case.
    pub remedy: &'static str,
}

const ASK: &str = "ask Octopush's support, naming the code";
const BATCH_SIZE: &str = "lower limits.batch_size";
const COUNTRIES: &str = "leave the country out with input.allowed_countries";
const CREDENTIALS: &str = "check OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY";
const CREDIT: &str = "top the account up, then run it again";
const DOUBT: &str = "run it again later, or see `volley doubt list`";
const LATER: &str = "wait, then run it again";
const NUMBERS: &str = "check the numbers, and input.default_region";
const LIST: &str = "check the list's name at the provider";
const PREMIUM: &str = "send it as sms_premium, or leave the country out with input.allowed_countries";
const REPORT: &str = "report it as a fault of volley, naming the code";
const RETRY: &str = "wait, then run it again; a campaign with --retry-refused";
const SENT: &str = "it is not sent again";
const SENDER: &str = "give a sender of 3 to 11 letters and digits, without spaces if need be";
const SHORTEN: &str = "shorten the text, or send it as sms_premium";
const STOP: &str = "end the text with the mention, such as STOP au 30101";
const TEXT: &str = "give the text";
const TICKET: &str = "check the ticket: a cancelled campaign is gone";
const TYPE: &str = "give the type";

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
    code(0, "ok", Class::Doubt, "it says that there was no error", ASK),
    code(100, "body_missing", Class::Request, "the request came without a body", REPORT),
    code(101, "credentials_wrong", Class::Account, "the login or the key is wrong", CREDENTIALS),
    code(102, "text_over_160", Class::Request, "the text has more than 160 characters", SHORTEN),
    code(103, "recipients_empty", Class::Request, "the request has no recipient", REPORT),
    code(104, "credit_used_up", Class::Account, "the account has no credit left", CREDIT),
    code(105, "credit_awaits_order", Class::Account, "the credit is too low, and an order awaits validation", CREDIT),
    code(106, "sender_invalid", Class::Request, "the sender is not one that Octopush takes", SENDER),
    code(107, "text_missing", Class::Request, "the text is missing", TEXT),
    code(108, "login_missing", Class::Account, "the login is missing", CREDENTIALS),
    code(109, "key_missing", Class::Account, "the key is missing", CREDENTIALS),
    code(110, "recipients_missing", Class::Request, "the recipients are missing", REPORT),
    code(111, "recipients_unspecified", Class::Request, "the way of giving the recipients is missing", REPORT),
    code(112, "type_missing", Class::Request, "the type of the message is missing", TYPE),
    code(113, "account_not_validated", Class::Account, "the account is not validated yet", ASK),
    code(114, "account_under_investigation", Class::Account, "the account is under investigation for fraud", ASK),
    code(115, "parameters_mismatched", Class::Request, "recipients and parameter values differ in number", REPORT),
    code(116, "mailing_without_list", Class::Request, "the mailing option needs a contact list", ASK),
    code(117, "no_correct_number", Class::Recipient, "no number of the request is correct", NUMBERS),
    code(118, "test_box_wrong", Class::Request, "the test-SMS box of the web form is set wrongly", ASK),
    code(119, "text_too_long", Class::Request, "the text is too long for this type", SHORTEN),
    code(120, "request_repeated", Class::Done, "a request with this request_id was sent before", DOUBT),
    code(121, "stop_mention_missing", Class::Request, "the STOP mention is missing from the text", STOP),
    code(122, "no_pub_mention_missing", Class::Request, "the mention \"no PUB=STOP\" is missing from the text", STOP),
    code(123, "signature_missing", Class::Request, "the request's signature is missing", ASK),
    code(124, "signature_wrong", Class::Request, "the request's signature is wrong", ASK),
    code(125, "undefined_error", Class::Doubt, "an undefined error happened at Octopush", DOUBT),
    code(126, "campaign_awaits_approval", Class::Later, "a campaign awaits approval", LATER),
    code(127, "campaign_in_process", Class::Later, "a campaign is being processed", LATER),
    code(128, "too_many_attempts", Class::Request, "there were too many attempts for this campaign", RETRY),
    code(129, "campaign_being_built", Class::Later, "a campaign is being built", LATER),
    code(130, "campaign_unfinished", Class::Later, "a campaign is not finished", LATER),
    code(131, "campaign_not_found", Class::Request, "the campaign was not found", TICKET),
    code(132, "campaign_already_sent", Class::Done, "the campaign was sent already", SENT),
    code(133, "batch_id_repeated", Class::Done, "this batch's id was used before", DOUBT),
    code(150, "prefix_unknown", Class::Recipient, "no country has this prefix", NUMBERS),
    code(151, "country_not_served", Class::Recipient, "the country is not served", COUNTRIES),
    code(152, "low_cost_unavailable", Class::Recipient, "low cost is not available in this country", PREMIUM),
    code(153, "route_congested", Class::Later, "the route is congested", LATER),
    code(201, "transfer_on_request", Class::Request, "credit transfers are available on request only", ASK),
    code(202, "transfer_refused_202", Class::Request, "a sub-account or credit transfer was refused", ASK),
    code(203, "token_in_use", Class::Request, "the transfer's token is in use already", ASK),
    code(204, "token_wrong", Class::Request, "the transfer's token is wrong", ASK),
    code(205, "transfer_refused_205", Class::Request, "a sub-account or credit transfer was refused", ASK),
    code(206, "campaigns_paused_by_transfer", Class::Request, "no campaign is taken during a credit transfer", RETRY),
    code(207, "transfer_refused_207", Class::Request, "a sub-account or credit transfer was refused", ASK),
    code(208, "transfer_refused_208", Class::Request, "a sub-account or credit transfer was refused", ASK),
    code(209, "transfer_refused_209", Class::Request, "a sub-account or credit transfer was refused", ASK),
    code(210, "transfer_refused_210", Class::Request, "a sub-account or credit transfer was refused", ASK),
    code(300, "list_not_permitted", Class::Request, "the account may not manage this list", ASK),
    code(301, "lists_exhausted", Class::Request, "the account has as many lists as it may", ASK),
    code(302, "list_exists", Class::Request, "a list of this name exists", ASK),
    code(303, "list_unknown", Class::Request, "the list does not exist", LIST),
    code(304, "list_full", Class::Request, "the list is full", ASK),
    code(305, "contacts_too_many", Class::Request, "the request has too many contacts", BATCH_SIZE),
    code(306, "list_action_unknown", Class::Request, "the action on the list is unknown", REPORT),
    code(308, "list_file_unreadable", Class::Request, "the list's file cannot be read", ASK),
    code(500, "not_processed", Class::Doubt, "Octopush could not process the request", DOUBT),
    code(501, "connection_failed", Class::Doubt, "a connection inside Octopush failed", DOUBT),
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

/// A refusal for a user to read: what Octopush answered, what that means, what to do.
pub fn explain(refusal: &Refusal) -> String {
    let answered = answered(refusal);
    match refusal.code.and_then(known) {
        Some(known) => format!("{answered}: {}; {}", known.meaning, known.remedy),
        None => match remedy_for_status(refusal.status) {
            Some(remedy) => format!("{answered}; {remedy}"),
            None => answered,
        },
    }
}

/// The first part of it: what Octopush answered, where the code's own remedy does not fit.
pub fn answered(refusal: &Refusal) -> String {
    let mut answered = format!("Octopush answered {}", refusal.status);
    if let Some(code) = refusal.code {
        let name = known(code).map_or("unknown", |known| known.name);
        answered = format!("{answered}, code {code} ({name})");
    }
    if !refusal.message.is_empty() {
        answered = format!("{answered}, {:?}", refusal.message);
    }
    answered
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
            "Octopush answered 400, code 121 (stop_mention_missing), \"Mention STOP is missing.\": the STOP mention is \
             missing from the text; \
             end the text with the mention, such as STOP au 30101",
        );
        check(
            401,
            None,
            "",
            "Octopush answered 401; check OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY",
        );
        check(
            400,
            Some(777),
            "no",
            "Octopush answered 400, code 777 (unknown), \"no\"",
        );
        check(404, None, "", "Octopush answered 404; check octopush.base_url");
        check(415, None, "", "Octopush answered 415");
    }
}
