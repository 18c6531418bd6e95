//! A seeded simulator of the dispatcher: provider, disk, clock, crashes and signals are simulated, the rest is real.
//!
//! One seed decides a whole history: some runs with faults (safety), then runs without until all is quiet (liveness).
//! The invariants of the guarantee are asserted where they could break: at every hand-over, at every commit, at the end of
//! every run. A failing seed says how to repeat it; then it tells what happened, step by step.
//! Half of a theme's histories are Octopush's and half are Exotel's: the faults are from one table, the oracles are the same.
//! What differs is in `provider/` (what it keeps), `network/` (what it says) and `history/parts.rs` (what a run is built from).
//! In some histories another worker is at the same campaign, which takes up numbers before ours can, and money.
//! Bounds: a history has at most a dozen batches of two or three numbers and a dozen runs; but for Exotel's lines of splits, which
//! are long now and then.
//! Not here: files, sockets, SQLite, the intake; the other harnesses kill and starve the real ones.
//!
//! `VOLLEY_SIM_HISTORIES=1000000` runs more of them, `VOLLEY_SIM_SEED=N` one.

mod scenario;
mod world;

mod input;
mod provider;

mod books;
mod others;
mod watch;

mod disk;
mod network;

mod history;
mod oracles;

use std::panic::{AssertUnwindSafe, catch_unwind};

use volley_provider::Provider;

use scenario::{Theme, provider_of};

/// Histories of all themes together, unless the environment says otherwise.
const HISTORIES: u64 = 10_000;

#[test]
fn whatever_fails_nobody_is_sent_to_twice_and_in_the_end_all_is_known() {
    simulate(Theme::Faults);
}

#[test]
fn a_ledger_that_fails_stops_the_sending_and_the_next_run_goes_on() {
    simulate(Theme::Storage);
}

#[test]
fn clocks_that_jump_and_days_that_pass_cost_no_key_its_meaning() {
    simulate(Theme::Clocks);
}

#[test]
fn a_tight_budget_is_never_passed_and_never_blocks() {
    simulate(Theme::Money);
}

/// Else a failing seed would be no help.
#[test]
fn a_seed_repeats_its_history() {
    for seed in 0..100 {
        assert_eq!(play(seed, false), play(seed, false), "seed {seed}");
    }
}

/// All histories of a theme, or the one that the environment names.
fn simulate(theme: Theme) {
    if let Some(seed) = from_environment("VOLLEY_SIM_SEED") {
        if Theme::of(seed) == theme {
            play(seed, true);
        }
        return;
    }
    let histories = from_environment("VOLLEY_SIM_HISTORIES").unwrap_or(HISTORIES);
    for provider in Provider::ALL {
        let mut hits = history::Hits::default();
        let is_meant = |seed: &u64| Theme::of(*seed) == theme && provider_of(*seed) == provider;
        for seed in (0..histories).filter(is_meant) {
            hits += play(seed, false);
        }
        println!("{theme:?} by {}: {hits:?}", provider.title());
        // A simulation that meets no faults proves nothing.
        assert!(
            histories < HISTORIES || hits.are_plenty(theme, provider),
            "{theme:?} by {}: {hits:?}",
            provider.title()
        );
    }
}

fn play(seed: u64, loud: bool) -> history::Hits {
    catch_unwind(AssertUnwindSafe(|| history::play(seed, loud))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        panic!(
            "seed {seed}: {said}; repeat with VOLLEY_SIM_SEED={seed} cargo test -p volley --lib simulation -- --nocapture"
        );
    })
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a whole number"))
}
