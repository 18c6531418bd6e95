//! A number as Exotel takes it and as it writes it back.
//!
//! *Sources*: "create campaign": E.164 preferred, otherwise the system matches a country; a landline with its STD code.
//! That this country is India, what is a number at all (6 to 16 digits, with `+` or without), and how a number is written
//! back, is *assumed*; the last is a switch.

use super::config::NumberText;
use crate::record::Number;

/// Digits of an Indian number behind its calling code.
const INDIAN_DIGITS: usize = 10;

/// Reads a number, or nothing if it is invalid.
pub(super) fn read(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix('+') {
        return if digits.starts_with(' ') {
            None
        } else {
            Number::parse(text)
        };
    }
    // Any valid number has these digits; one that has not must not become valid by a calling code.
    Number::parse(&format!("+{text}")).filter(|_| !text.starts_with(' '))?;
    match text.strip_prefix('0') {
        Some(national) => Number::parse(&format!("+91{national}")),
        None if text.len() == INDIAN_DIGITS => Number::parse(&format!("+91{text}")),
        None => Number::parse(&format!("+{text}")),
    }
}

/// Writes a number back.
pub(super) fn write(number: Number, style: NumberText) -> String {
    let plain = number.to_string();
    match style {
        NumberText::AsSent => plain,
        NumberText::National => match plain.strip_prefix("+91") {
            Some(national) => format!("0{national}"),
            None => plain,
        },
        NumberText::WithoutPlus => plain[1..].to_owned(),
    }
}

/// Writes a number in a refusal: one that is none stays as it is.
pub(super) fn quote(text: &str, style: NumberText) -> String {
    match read(text) {
        Some(number) if style != NumberText::AsSent => write(number, style),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_e164_or_indian() {
        let check = |text: &str, expected: Option<&str>| {
            let number = read(text).map(|number| number.to_string());
            assert_eq!(number.as_deref(), expected, "{text}");
        };
        check("+919812345678", Some("+919812345678"));
        check("919812345678", Some("+919812345678"));
        check("9812345678", Some("+919812345678"));
        check("09812345678", Some("+919812345678"));
        check("08012342400", Some("+918012342400"));
        check("33612345678", Some("+33612345678"));
        check("+123456", Some("+123456"));
        check("+12345", None);
        check("12345", None);
        check("1234567890123456", Some("+1234567890123456"));
        check("12345678901234567", None);
        check("+ 919812345678", None);
        check(" 919812345678", None);
        check("98123 45678", None);
        check("98123-45678", None);
        check("", None);
    }

    #[test]
    fn a_number_is_written_as_the_switch_says() {
        let check = |style: NumberText, text: &str, expected: &str| assert_eq!(quote(text, style), expected);
        check(NumberText::AsSent, "9812345678", "9812345678");
        check(NumberText::National, "+919812345678", "09812345678");
        check(NumberText::National, "+33612345678", "+33612345678");
        check(NumberText::WithoutPlus, "09812345678", "919812345678");
        check(NumberText::WithoutPlus, "+12345", "+12345");
    }
}
