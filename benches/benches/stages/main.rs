//! What each stage of a run costs, over the shared corpus, in recipients and bytes a second: a file a stage.
//!
//! `cargo bench -p benches --bench stages` runs all of them, `… -- intake` those whose path has the word. CI runs each
//! body once, so that none rots; no time is asserted. Sizes are small for that, and for the processor's caches, which a
//! run does not leave either: batches are cut and sent while they are warm.

mod support;

mod count;

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

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("count") {
        return count::run(arguments);
    }
    divan::main();
    Ok(())
}
