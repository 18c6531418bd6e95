//! When requests were handed over and answered, as the ledger has it.
//!
//! Output: metrics of [`Times`], the two series that are plotted, and a word for the bodies sent. Times are microseconds of the ledger.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use crate::error::LoadError;

const SECOND: f64 = 1_000_000.0;
/// Points of a plotted curve: as many as one can see.
const POINTS: usize = 60;

/// Curves that are plotted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Series {
    /// Seconds since the first request, and recipients a second around then.
    pub throughput: Vec<(f64, f64)>,
    /// Shares of the requests, and the milliseconds within which they were answered, counted from when each was due.
    pub latency: Vec<(f64, f64)>,
}

/// A request that was answered.
struct Request {
    handed_over: f64,
    answered: f64,
    recipients: f64,
}

/// One word for all bodies that were accepted, whatever their order: two runs that put the same set of bodies on the wire
/// have the same.
pub(crate) fn bodies(ledger: &Path) -> Result<String, LoadError> {
    let failed = |error: rusqlite::Error| LoadError::Ledger(error.into());
    let connection = Connection::open_with_flags(ledger, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let mut statement = connection
        .prepare("SELECT request_key, body_hash FROM batch WHERE state = 'accepted' ORDER BY request_key")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut word = DefaultHasher::new();
    while let Some(row) = rows.next().map_err(failed)? {
        word.write(
            row.get_ref(0)
                .and_then(|key| Ok(key.as_bytes()?))
                .map_err(failed)?,
        );
        word.write(
            row.get_ref(1)
                .and_then(|hash| Ok(hash.as_blob()?))
                .map_err(failed)?,
        );
    }
    Ok(format!("{:016x}", word.finish()))
}

/// The accepted requests, in the order in which they were handed over.
pub(crate) struct Times(Vec<Request>);

impl Times {
    /// Reads them from a ledger that no run holds.
    pub(crate) fn read(ledger: &Path) -> Result<Self, LoadError> {
        let failed = |error: rusqlite::Error| LoadError::Ledger(error.into());
        let connection =
            Connection::open_with_flags(ledger, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        let mut statement = connection
            .prepare(
                "SELECT attempt.handed_over_at, attempt.ended_at, batch.member_count
                 FROM attempt JOIN batch ON batch.id = attempt.batch
                 WHERE attempt.handed_over_at IS NOT NULL
                 ORDER BY attempt.handed_over_at",
            )
            .map_err(failed)?;
        let rows = statement.query_map([], |row| {
            Ok(Request {
                handed_over: row.get(0)?,
                answered: row.get(1)?,
                recipients: row.get(2)?,
            })
        });
        rows.map_err(failed)?
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
            .map_err(failed)
    }

    /// The metrics; `rate` is what the campaign allows a second.
    pub(crate) fn metrics(&self, rate: Option<f64>, metrics: &mut BTreeMap<String, f64>) {
        let [first, .., last] = self.0.as_slice() else {
            return;
        };
        let mut put = |name: &str, value: f64| metrics.insert(name.to_owned(), value);
        let answered = self.0.iter().map(|request| request.answered).fold(0.0, f64::max);
        let count = as_f64(self.0.len());
        put(
            "answered_per_second",
            count / ((answered - first.handed_over) / SECOND),
        );
        put(
            "handed_over_per_second",
            (count - 1.0) / ((last.handed_over - first.handed_over) / SECOND),
        );
        put("most_in_a_second", as_f64(self.most_in_a_second()));
        let answers = sorted(
            self.0
                .iter()
                .map(|request| request.answered - request.handed_over),
        );
        put("answer_seconds", quantile(&answers, 0.5) / SECOND);
        if let Some(rate) = rate {
            let latencies = self.latencies(rate);
            for (name, share) in [
                ("p50_ms", 0.5),
                ("p90_ms", 0.9),
                ("p99_ms", 0.99),
                ("max_ms", 1.0),
            ] {
                put(name, quantile(&latencies, share) / 1_000.0);
            }
        }
    }

    /// The curves.
    pub(crate) fn series(&self, rate: Option<f64>) -> Series {
        let latency = rate.map(|rate| self.latencies(rate)).map(|latencies| {
            let share = |point: usize| as_f64(point) / as_f64(POINTS);
            (0..=POINTS)
                .map(|point| (share(point), quantile(&latencies, share(point)) / 1_000.0))
                .collect()
        });
        Series {
            throughput: self.throughput(),
            latency: latency.unwrap_or_default(),
        }
    }

    /// From the intended start: the n-th request was due n / rate after the first, whenever it went. What waits is
    /// counted as waiting, and not left out.
    fn latencies(&self, rate: f64) -> Vec<f64> {
        let Some(first) = self.0.first() else {
            return Vec::new();
        };
        sorted(self.0.iter().enumerate().map(|(at, request)| {
            let due = first.handed_over + as_f64(at) / rate * SECOND;
            // The burst may go before its time.
            request.answered - due.min(request.handed_over)
        }))
    }

    /// Most hand-overs within one second, wherever it begins.
    fn most_in_a_second(&self) -> usize {
        let mut most = 0;
        let mut begin = 0;
        for (at, request) in self.0.iter().enumerate() {
            while request.handed_over - self.0[begin].handed_over >= SECOND {
                begin += 1;
            }
            most = most.max(at + 1 - begin);
        }
        most
    }

    fn throughput(&self) -> Vec<(f64, f64)> {
        let Some(first) = self.0.first() else {
            return Vec::new();
        };
        let end = self.0.iter().map(|request| request.answered).fold(0.0, f64::max);
        let step = ((end - first.handed_over) / as_f64(POINTS)).max(1.0);
        let mut buckets = vec![0.0; POINTS];
        for request in &self.0 {
            let place = (request.answered - first.handed_over) / step;
            let bucket = (1..POINTS).take_while(|&at| as_f64(at) <= place).count();
            buckets[bucket] += request.recipients;
        }
        let point = |(at, recipients): (usize, f64)| {
            let middle = (as_f64(at) + 0.5) * step / SECOND;
            (middle, recipients / (step / SECOND))
        };
        buckets.into_iter().enumerate().map(point).collect()
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The value that a share of the sorted values does not exceed; 0 of none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let wanted = share * as_f64(sorted.len());
    let above = (1..sorted.len())
        .take_while(|&count| as_f64(count) < wanted)
        .count();
    sorted.get(above).copied().unwrap_or_default()
}

/// A count as a float: counts here are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(handed_over_ms: &[u32]) -> Times {
        let request = |&at: &u32| Request {
            handed_over: f64::from(at) * 1_000.0,
            answered: f64::from(at) * 1_000.0 + 5_000.0,
            recipients: 500.0,
        };
        Times(handed_over_ms.iter().map(request).collect())
    }

    #[test]
    fn a_second_holds_what_lies_within_it_wherever_it_begins() {
        assert_eq!(times(&[0, 999, 1_000, 1_500, 1_998]).most_in_a_second(), 4);
        assert_eq!(times(&[0, 1_000, 2_000]).most_in_a_second(), 1);
        assert_eq!(times(&[]).most_in_a_second(), 0);
    }

    #[test]
    fn latency_counts_from_when_a_request_was_due() {
        // Due at 0, 100 and 200 ms; the second went 300 ms late.
        let latencies = times(&[0, 400, 401]).latencies(10.0);
        assert_eq!(latencies, [5_000.0, 206_000.0, 305_000.0]);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let check = |share: f64, expected: f64| {
            assert!((quantile(&values, share) - expected).abs() < 1e-9, "{share}");
        };
        for (share, expected) in [(0.0, 1.0), (0.25, 1.0), (0.5, 2.0), (0.51, 3.0), (1.0, 4.0)] {
            check(share, expected);
        }
    }
}
