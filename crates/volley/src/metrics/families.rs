//! Which figures a run has: names and units by Prometheus' convention, every sample from the start, so that a rate has a zero
//! to begin from.
//!
//! Counters count this run alone; what may also shrink (doubts, what waits) is a gauge. There is none for a recipient, and no
//! label whose values grow with the input.

use volley_model::Amount;

use super::exposition::Exposition;
use super::{Board, Subject};
use crate::pipeline::{Phase, Snapshot};
use crate::summary::code_of;

/// All figures, as text.
pub(super) fn text(board: &Board) -> String {
    let latest = board.latest();
    let snapshot = latest.as_ref().map(|posted| &posted.snapshot);
    let mut out = Exposition::default();
    process(&mut out, board, snapshot);
    // Before the run begins nothing is known of it.
    if let Some(snapshot) = snapshot {
        lines(&mut out, snapshot);
        batches(&mut out, snapshot);
        requests(&mut out, snapshot);
        money(&mut out, snapshot);
        limits(&mut out, snapshot);
        parts(&mut out, snapshot);
    }
    out.into_text()
}

fn process(out: &mut Exposition, board: &Board, snapshot: Option<&Snapshot>) {
    out.gauge("volley_build_info", "The version that runs.")
        .with(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let Subject {
        campaign,
        provider,
        command,
    } = &board.subject;
    let run = snapshot.map_or_else(String::new, |snapshot| snapshot.run.to_string());
    out.gauge(
        "volley_run_info",
        "Whose figures these are; the run is empty until the ledger is loaded.",
    )
    .with(
        &[
            ("campaign", campaign),
            ("provider", provider),
            ("command", command),
            ("run", &run),
        ],
        1,
    );
    out.gauge(
        "volley_run_start_time_seconds",
        "When the run began, in Unix time.",
    )
    .is(board.began_at.as_second());
    let now = snapshot.map_or(Phase::Loading, |snapshot| snapshot.phase);
    let mut phases = out.gauge("volley_phase", "What the run is at: 1 for that phase.");
    for phase in Phase::ALL {
        phases = phases.with(&[("phase", phase.name())], u8::from(phase == now));
    }
    let stopping = snapshot.is_some_and(|snapshot| snapshot.stopping.is_some());
    out.gauge(
        "volley_stopping",
        "Whether the run stops early; /healthz tells why.",
    )
    .is(u8::from(stopping));
}

fn lines(out: &mut Exposition, snapshot: &Snapshot) {
    let lines = &snapshot.lines;
    out.counter("volley_lines_read_total", "Lines of the inputs read.")
        .is(lines.read());
    out.counter(
        "volley_lines_total",
        "Lines of the inputs by what became of them, for good. Refused: by the provider, now or earlier. Already sent: reached earlier, or settled in this run from an earlier one.",
    )
    .with(&[("outcome", "accepted")], snapshot.account.accepted)
    .with(&[("outcome", "refused")], snapshot.lines_refused())
    .with(&[("outcome", "invalid")], lines.invalid)
    .with(&[("outcome", "duplicate")], lines.duplicate)
    .with(&[("outcome", "suppressed")], lines.suppressed)
    .with(&[("outcome", "already_sent")], lines.already_sent);
    out.gauge(
        "volley_lines_open",
        "Lines of the inputs that are not decided: read and not sent yet, or in doubt.",
    )
    .with(&[("state", "pending")], snapshot.lines_pending())
    .with(&[("state", "in_doubt")], snapshot.lines_in_doubt());
    let mut rejected = out.counter("volley_lines_invalid_total", "Invalid lines by reason.");
    for (reason, count) in &snapshot.invalid_by_reason {
        rejected = rejected.with(&[("reason", reason.name())], count);
    }
    if let Some(share) = snapshot.share {
        out.gauge(
            "volley_input_read_ratio",
            "The share of the inputs' bytes that is read, 0 to 1.",
        )
        .is(share);
    }
}

fn batches(out: &mut Exposition, snapshot: &Snapshot) {
    let account = &snapshot.account;
    out.counter(
        "volley_batches_total",
        "Batches decided in this run, settled doubts included.",
    )
    .with(&[("state", "accepted")], account.batches_accepted)
    .with(&[("state", "refused")], account.batches_refused);
    out.gauge("volley_batches_in_doubt", "Batches of the campaign in doubt now.")
        .is(snapshot.batches_in_doubt);
    out.counter("volley_doubts_opened_total", "Batches that came in doubt.")
        .is(account.doubts_opened);
    out.counter(
        "volley_doubts_settled_total",
        "Doubts settled in this run, earlier ones included.",
    )
    .is(account.doubts_settled);
    out.counter("volley_tickets_total", "Tickets that the provider gave.")
        .is(account.tickets);
    out.counter(
        "volley_contacts_total",
        "Contacts by the provider's own count, of accepted batches.",
    )
    .is(account.contacts);
    out.counter(
        "volley_dropped_total",
        "Recipients of accepted batches that the provider did not count.",
    )
    .is(account.dropped);
}

fn requests(out: &mut Exposition, snapshot: &Snapshot) {
    let account = &snapshot.account;
    let again = account.requests_retried;
    out.counter(
        "volley_requests_total",
        "Sending requests handed over: first ones, and those that went again or ask about a doubt.",
    )
    .with(&[("attempt", "first")], account.requests_sent - again)
    .with(&[("attempt", "again")], again);
    out.counter(
        "volley_requests_throttled_total",
        "Requests that the provider put off for everybody.",
    )
    .is(account.requests_throttled);
    out.counter(
        "volley_attempts_total",
        "Ended attempts by what the wire proves of them; unsent ones are no requests.",
    )
    .with(&[("evidence", "answered")], account.attempts.answered)
    .with(&[("evidence", "not_processed")], account.attempts.not_processed)
    .with(&[("evidence", "lost")], account.attempts.lost)
    .with(&[("evidence", "unsent")], account.attempts.unsent);
    out.gauge(
        "volley_in_flight_requests",
        "Sending requests handed over and unanswered.",
    )
    .is(account.in_flight);
    out.histogram(
        "volley_request_duration_seconds",
        "From handing a sending request over to its answer's end, or to giving it up.",
        &account.latency,
    );
}

fn money(out: &mut Exposition, snapshot: &Snapshot) {
    let code = code_of(snapshot.currency).unwrap_or_default();
    let currency = ("currency", code.as_str());
    out.counter(
        "volley_cost_total",
        "What this run's accepted batches cost: as the provider says, and as estimated where it does not.",
    )
    .with(
        &[currency, ("price", "confirmed")],
        snapshot.account.cost_confirmed,
    )
    .with(
        &[currency, ("price", "estimated")],
        snapshot.account.cost_estimated,
    );
    out.gauge(
        "volley_budget_used",
        "What the campaign has cost over all its runs, and what is reserved for what is under way or in doubt.",
    )
    .with(&[currency], snapshot.spent);
    let mut optional = |name, help, amount: Option<Amount>| {
        if let Some(amount) = amount {
            out.gauge(name, help).with(&[currency], amount);
        }
    };
    optional(
        "volley_budget_limit",
        "limits.max_cost, where it is set.",
        snapshot.limits.max_cost,
    );
    optional(
        "volley_credit_left",
        "The account's credit, as the provider last told it.",
        snapshot.credit_left,
    );
}

fn limits(out: &mut Exposition, snapshot: &Snapshot) {
    let limits = &snapshot.limits;
    out.gauge("volley_requests_per_second_limit", "limits.requests_per_second.")
        .is(limits.requests_per_second);
    if let Some(rate) = limits.recipients_per_second {
        out.gauge(
            "volley_recipients_per_second_limit",
            "limits.recipients_per_second, where it is set.",
        )
        .is(rate);
    }
    out.gauge("volley_in_flight_requests_limit", "limits.max_in_flight.")
        .is(limits.max_in_flight);
    let mut waits = out.counter(
        "volley_waited_seconds_total",
        "Time that batches waited, summed over all of them, by what they waited for.",
    );
    for (waited, limit) in snapshot.account.waits.by_limit() {
        waits = waits.with(&[("limit", limit)], waited.as_secs_f64());
    }
}

fn parts(out: &mut Exposition, snapshot: &Snapshot) {
    out.gauge(
        "volley_gate_open",
        "Whether batches may go one beside the other: 0 at the start, and from a doubt on, until one batch alone has gone well.",
    )
    .is(u8::from(snapshot.gate_is_open));
    out.gauge(
        "volley_connections_open",
        "Connections to the provider that live now.",
    )
    .is(snapshot.connections.open);
    out.counter(
        "volley_connections_opened_total",
        "Connections to the provider opened.",
    )
    .is(snapshot.connections.opened);
    out.counter(
        "volley_ledger_orders_total",
        "Intents and outcomes that wait for the ledger no more: durable, failed, or given up.",
    )
    .is(snapshot.ledger.acknowledged);
    out.gauge(
        "volley_ledger_orders_waiting",
        "Intents and outcomes that wait for their commit.",
    )
    .is(snapshot.ledger.waiting);
}
