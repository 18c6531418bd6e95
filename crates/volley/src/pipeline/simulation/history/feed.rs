//! The intake's side of the channel: batches go, and where another worker is at the campaign, some come back and are cut anew.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use volley_intake::Returned;
use volley_model::{LineCounts, Msisdn, PlannedBatch};
use volley_provider::Sealer;

use super::super::super::neighbours::Returns;
use super::super::super::reading::Queued;
use super::super::input::{self, Planned};
use super::super::world::{World, forever};

/// What is still to be sent.
struct Left<'a> {
    world: &'a World,
    planned: &'a Planned,
    simulated: bool,
    cut: VecDeque<PlannedBatch>,
    /// Who is in the open batch, and its lines.
    open: Vec<Msisdn>,
    lines: LineCounts,
}

/// Never ends.
pub(super) async fn feed(
    world: &World,
    sealer: &Sealer,
    planned: &Planned,
    simulated: bool,
    send: mpsc::Sender<Queued>,
) {
    let slow = world.chance(0.2);
    let shared = world.scenario.shared;
    let mut left = Left {
        world,
        planned,
        simulated,
        cut: planned.batches.clone().into(),
        open: Vec::new(),
        lines: LineCounts::default(),
    };
    let mut returns = Returns::new();
    if shared {
        left.keep_open();
    }
    while !send.is_closed() {
        if let Some(batch) = left.cut.pop_front() {
            if slow {
                tokio::time::sleep(world.millis_below(2_000)).await;
            }
            let queued = Queued {
                batch: sealer.seal(batch),
                places: Vec::new(),
                way_back: shared.then(|| returns.way_back(Vec::new())),
            };
            if send.send(queued).await.is_err() {
                break;
            }
            while let Some(returned) = returns.try_next() {
                left.take_back(returned);
            }
        } else if !returns.is_quiet() {
            if let Some(returned) = returns.next().await {
                left.take_back(returned);
            }
        } else if left.open.is_empty() {
            break;
        } else {
            left.close();
        }
    }
    drop(send);
    forever::<()>().await;
}

impl Left<'_> {
    fn batch_size(&self) -> usize {
        usize::try_from(self.world.scenario.limits.batch_size.get()).unwrap_or_default()
    }

    /// The last batch waits for whoever comes back, unless it is full.
    fn keep_open(&mut self) {
        let size = self.batch_size();
        if let Some(last) = self.cut.pop_back_if(|last| last.members.len() < size) {
            (self.open, self.lines) = (last.members, last.lines);
        }
    }

    fn close(&mut self) {
        let members = std::mem::take(&mut self.open);
        let lines = std::mem::take(&mut self.lines);
        self.cut
            .push_back(input::batch(self.world, members, lines, self.simulated));
    }

    fn take_back(&mut self, returned: Returned) {
        self.lines += LineCounts {
            planned: 0,
            ..returned.lines
        };
        for member in returned.members {
            if returned.held.iter().any(|(held, _)| *held == member) {
                // As what, the real intake knows.
                self.lines.already_sent += 1;
                self.planned.theirs.set(self.planned.theirs.get() + 1);
                continue;
            }
            self.lines.planned += 1;
            self.open.push(member);
            if self.open.len() == self.batch_size() {
                self.close();
            }
        }
    }
}
