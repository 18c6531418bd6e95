//! What a recipient, a batch and a commit cost whom, from the cases of `load-tests shared` that differ in one of them.

use crate::error::LoadError;
use crate::results::{CaseResults, Results};

use super::model::{Cores, Setting, to_f64};

const BATCH_SIZE: f64 = 500.0;
const SMALL_BATCH_SIZE: f64 = 50.0;
const MAX_IN_FLIGHT: usize = 64;

/// Seconds on a core.
#[derive(Debug, Clone, Copy)]
pub(super) struct Costs {
    /// A worker's intake, for each recipient.
    pub(super) intake: f64,
    /// A worker's ledger thread.
    pub(super) ledger: Linear,
    /// The rest of a worker.
    pub(super) sending: Linear,
    /// PostgreSQL's session that is asked who has a number.
    pub(super) asking: Linear,
    /// PostgreSQL's session that writes, for each number, batch and transaction.
    pub(super) claim: f64,
    pub(super) batch: f64,
    pub(super) commit: f64,
    /// What else PostgreSQL does, for each recipient: writing its log and its pages.
    pub(super) background: f64,
    /// The mock, for each recipient.
    pub(super) mock: f64,
    /// Not on a core: a way over loopback and back.
    pub(super) round_trip: f64,
}

/// So much for a batch, and so much for each of its recipients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linear {
    pub(super) batch: f64,
    pub(super) recipient: f64,
}

impl Linear {
    pub(super) fn of(self, batches: f64, batch_size: f64) -> f64 {
        batches * (self.batch + self.recipient * batch_size)
    }

    /// By what a recipient costs in large and in small batches.
    fn through(large: f64, small: f64) -> Self {
        let batch = (small - large) / (1.0 / SMALL_BATCH_SIZE - 1.0 / BATCH_SIZE);
        Self {
            batch: batch.max(0.0),
            recipient: (large - batch / BATCH_SIZE).max(0.0),
        }
    }
}

/// A case as it was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured<'a> {
    case: &'a CaseResults,
    pub(super) batch_size: f64,
    pub(super) workers: usize,
}

impl<'a> Measured<'a> {
    /// # Errors
    /// There is no such case: the results are of another version.
    pub(super) fn of(results: &'a Results, name: &str) -> Result<Self, LoadError> {
        let case = results.cases.iter().find(|case| case.name == name);
        let case = case.ok_or_else(|| LoadError::Scenario(format!("the results have no case {name}")))?;
        let workers = name
            .strip_prefix("postgres-")
            .and_then(|count| count.parse().ok());
        Ok(Self {
            case,
            batch_size: if name == "small-batches" {
                SMALL_BATCH_SIZE
            } else {
                BATCH_SIZE
            },
            workers: workers.unwrap_or(1),
        })
    }

    pub(super) fn get(&self, metric: &str) -> f64 {
        self.case.median.get(metric).copied().unwrap_or(0.0)
    }

    fn for_each(&self, metric: &str) -> f64 {
        self.get(metric) / self.get("recipients")
    }

    /// The same for the simulation.
    pub(super) fn setting(&self, costs: &Costs, cores: usize) -> Setting {
        let batches = self.get("recipients") / self.batch_size / to_f64(self.workers);
        Setting {
            workers: self.workers,
            batch_size: self.batch_size,
            max_in_flight: MAX_IN_FLIGHT,
            batches: whole(batches),
            cores: Cores::Together(to_f64(cores)),
            round_trip: costs.round_trip,
            flush: self.get("flush_ms") / 1e3,
            answer: 0.0,
        }
    }
}

impl Costs {
    /// # Errors
    /// The results lack a case.
    pub(super) fn of(results: &Results) -> Result<Self, LoadError> {
        let one = Measured::of(results, "postgres-1")?;
        let small = Measured::of(results, "small-batches")?;
        let paced = Measured::of(results, "paced")?;
        let linear = |metric| Linear::through(one.for_each(metric), small.for_each(metric));
        let rest = |case: &Measured<'_>| {
            case.for_each("cpu") - case.for_each("ledger_cpu") - case.for_each("intake_cpu")
        };
        // Of the writing session three costs, from three cases.
        let row = |case: &Measured<'_>| {
            let batches = case.get("recipients") / case.batch_size;
            [
                case.get("recipients"),
                batches,
                case.get("commits"),
                case.get("writing_cpu"),
            ]
        };
        let [claim, batch, commit] = solve([row(&one), row(&small), row(&paced)]);
        let sessions = one.for_each("writing_cpu") + one.for_each("asking_cpu");
        Ok(Self {
            intake: one.for_each("intake_cpu"),
            ledger: linear("ledger_cpu"),
            sending: Linear::through(rest(&one), rest(&small)),
            asking: linear("asking_cpu"),
            claim: claim.max(0.0),
            batch: batch.max(0.0),
            commit: commit.max(0.0),
            background: one.for_each("database_cpu") - sessions,
            mock: one.for_each("server_cpu"),
            round_trip: one.get("round_trip_us") / 1e6,
        })
    }
}

/// Three unknowns from three equations `a·x + b·y + c·z = d`, by Cramer's rule; 0 where they say nothing.
fn solve(rows: [[f64; 4]; 3]) -> [f64; 3] {
    let determinant = |columns: [usize; 3]| {
        let of = rows.map(|row| columns.map(|column| row[column]));
        (0..3)
            .map(|at| (at, (at + 1) % 3, (at + 2) % 3))
            .map(|(x, y, z)| of[0][x] * (of[1][y] * of[2][z] - of[1][z] * of[2][y]))
            .sum::<f64>()
    };
    let all = determinant([0, 1, 2]);
    if all.abs() < f64::EPSILON {
        return [0.0; 3];
    }
    [[3, 1, 2], [0, 3, 2], [0, 1, 3]].map(|columns| determinant(columns) / all)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
pub(super) fn whole(count: f64) -> usize {
    count.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_equations_have_the_solution_that_made_them() {
        let rows = [[1.0, 2.0, 3.0], [2.0, 1.0, 1.0], [0.5, 0.0, 4.0]];
        let told = rows.map(|[a, b, c]| [a, b, c, 2.0 * a + 3.0 * b + 5.0 * c]);
        for (found, expected) in solve(told).into_iter().zip([2.0, 3.0, 5.0]) {
            assert!((found - expected).abs() < 1e-9, "{found}");
        }
        assert!(solve([[1.0, 1.0, 1.0, 2.0]; 3]).iter().all(|none| *none == 0.0));
    }

    #[test]
    fn a_line_through_two_batch_sizes_is_met_at_both() {
        let line = Linear {
            batch: 50e-6,
            recipient: 2e-6,
        };
        let at = |size: f64| line.of(1.0, size) / size;
        let found = Linear::through(at(BATCH_SIZE), at(SMALL_BATCH_SIZE));
        assert!((found.batch - line.batch).abs() < 1e-12);
        assert!((found.recipient - line.recipient).abs() < 1e-12);
    }
}
