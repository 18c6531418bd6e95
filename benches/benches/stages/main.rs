//! What each stage of a run costs, over the shared corpus, in recipients and bytes a second: a file a stage.
//!
//! `cargo bench -p benches --bench stages` runs all of them, `… -- intake` those whose path has the word. CI runs each
//! body once, so that none rots; no time is asserted. Sizes are small for that, and for the processor's caches, which a
//! run does not leave either: batches are cut and sent while they are warm.

mod support;

mod lines;
mod parse;

mod dedupe;
mod normalise;
mod segments;

mod encode;
mod intake;

mod exchange;
mod ledger;

/// As Volley's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}
