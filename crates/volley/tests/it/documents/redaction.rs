//! What differs from run to run in an output, taken out: times, dates, rates, tickets, and which process a worker was.
//!
//! The documents keep real ones; both sides go through here before they are compared.

/// The output without what another run would print differently.
pub(super) fn redacted(text: &str) -> String {
    let lines = text.lines().map(|line| redacted_line(line) + "\n");
    lines.collect()
}

fn redacted_line(line: &str) -> String {
    let line = match line.split_once(" throttled) in ") {
        // How long it took, how fast that was, and what it waited for.
        Some((before, _)) => format!("{before} throttled) in RATE"),
        None => line.to_owned(),
    };
    let line = match line.split_once(" requests/s of ") {
        Some((before, behind)) => {
            let before = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            format!("{before}RATE requests/s of {behind}")
        }
        None => line,
    };
    words_redacted(&without_worker(&line))
}

/// A run among others without the machine and the process that it was: `run 1 of HOST:PROCESS at TIME`.
fn without_worker(line: &str) -> String {
    let run = line.strip_prefix("run ").and_then(|rest| rest.split_once(" of "));
    let Some((number, (_, behind))) = run.and_then(|(number, rest)| Some((number, rest.split_once(" at ")?)))
    else {
        return line.to_owned();
    };
    if number.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("run {number} at {behind}")
    } else {
        line.to_owned()
    }
}

/// Dates, times and tickets; a date within a name stays.
fn words_redacted(line: &str) -> String {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '+');
    let mut out = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = if part_of_word(first) {
            rest.find(|c| !part_of_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, behind) = rest.split_at(end);
        let bare = word.trim_end_matches([':', '.']);
        let shown = if is_time(bare) {
            "TIME"
        } else if bare.strip_prefix("sms_").is_some_and(|id| is_hex(id, 16)) || is_hex(bare, 32) {
            "TICKET"
        } else {
            bare
        };
        out.push_str(shown);
        out.push_str(&word[bare.len()..]);
        rest = behind;
    }
    out
}

/// `2026-11-26`, or with a time of day behind it.
fn is_time(word: &str) -> bool {
    let bytes = word.as_bytes();
    let digit = |place: usize| bytes[place].is_ascii_digit();
    bytes.len() >= 10
        && [0, 1, 2, 3, 5, 6, 8, 9].into_iter().all(digit)
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes.get(10), None | Some(b'T'))
}

fn is_hex(word: &str, digits: usize) -> bool {
    word.len() == digits && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn only_times_rates_and_tickets_are_taken_out() {
    let check = |line: &str, expected: &str| assert_eq!(redacted(line), format!("{expected}\n"));
    check(
        "1 request (0 retried, 0 throttled) in 0.10 s: 31 recipients/s, limited by input",
        "1 request (0 retried, 0 throttled) in RATE",
    );
    check(
        "run 1 at 2026-11-26T11:19:07Z: complete, 19.5 requests/s of 20 allowed",
        "run 1 at TIME: complete, RATE requests/s of 20 allowed",
    );
    check(
        "  sms_910a2dec89025cc1 3 recipients, 0.13755993 EUR",
        "  TICKET 3 recipients, 0.13755993 EUR",
    );
    check(
        r#""concluded":"2026-11-26T11:20:10.453973Z""#,
        r#""concluded":"TIME""#,
    );
    check("2026-11-26 12", "TIME 12");
    check(
        "  4e5a1a5c213a46d90b0e30fc0f883d0f 3 recipients",
        "  TICKET 3 recipients",
    );
    check(
        "run 1 of machine-1:4242 at 2026-11-26T11:19:07Z: complete",
        "run 1 at TIME: complete",
    );
    // The nearest that stay.
    check("run it of course at once", "run it of course at once");
    check("3c971828a976c0e2", "3c971828a976c0e2");
    check(
        "campaign reminder-2026-12-01 (octopush)",
        "campaign reminder-2026-12-01 (octopush)",
    );
    check("sms_premium, 2026-11-2", "sms_premium, 2026-11-2");
    check("cost 0.13755993 EUR", "cost 0.13755993 EUR");
}
