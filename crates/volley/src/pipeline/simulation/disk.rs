//! The disk: commits take time, overtake each other, fail from some moment on, and may be durable or not at a crash.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use volley_ledger::{BatchId, Conclusion, Intended, Intent, LedgerError, StorageError};
use volley_model::BatchState;

use super::super::outside::Journal;
use super::others;
use super::scenario::OurClock;
use super::world::{World, forever};

/// The ledger's writer.
pub(super) struct Disk(pub(super) Rc<World>);

/// What is asked of it.
enum Order {
    Intend(Box<Intent>),
    Conclude(BatchId, Box<Conclusion>),
    Absent(Vec<BatchId>, Timestamp),
}

/// An order on its way. Dropped before its end, it may have reached the disk.
struct Pending<'a> {
    world: &'a World,
    order: Option<Order>,
    /// Whether the storage had failed before this was asked for: then it never gets there.
    hopeless: bool,
}

impl Journal for Disk {
    async fn intend(&self, intent: Intent) -> Result<Intended, LedgerError> {
        let key = intent.batch.key.clone();
        self.0
            .say(|| format!("intend {key}, {} numbers", intent.batch.members.len()));
        if let Some(said) = others::in_the_way(&self.0, &intent) {
            self.look().await?;
            self.0.say(|| format!("not intended {key}: {said:?}"));
            return Ok(said);
        }
        self.commit(Order::Intend(Box::new(intent))).await?;
        let id = self.0.books.borrow().id_of(&key.0).expect("it was written");
        self.0.say(|| format!("intended {key} as {id}"));
        Ok(Intended::Durable(id))
    }

    async fn conclude(&self, id: BatchId, conclusion: Conclusion) -> Result<(), LedgerError> {
        let row = self.0.books.borrow_mut().row(id).clone();
        self.0.say(|| format!("conclude {id} {:?}", conclusion.outcome));
        if !self.0.crashed.get() {
            let watch = &mut *self.0.watch.borrow_mut();
            watch.concluded(&row.key);
            if row.state == BatchState::InDoubt {
                watch.passes.settle(&row.key);
            }
        }
        self.commit(Order::Conclude(id, Box::new(conclusion))).await?;
        self.0.say(|| format!("concluded {id}"));
        Ok(())
    }

    async fn absent(&self, ids: Vec<BatchId>, at: Timestamp) -> Result<(), LedgerError> {
        let world = &*self.0;
        world.say(|| format!("absent: {ids:?}"));
        if !world.crashed.get() {
            check_absences(world, &ids);
        }
        self.commit(Order::Absent(ids, at)).await
    }

    async fn body(&self, id: BatchId) -> Result<Option<Bytes>, LedgerError> {
        self.look().await?;
        Ok(self.0.books.borrow_mut().row(id).body.clone())
    }
}

impl Disk {
    /// Reads, and writes nothing.
    async fn look(&self) -> Result<(), LedgerError> {
        if self.0.step() {
            return forever().await;
        }
        tokio::time::sleep(self.0.millis_below(3)).await;
        if self.0.storage_failed.get() {
            return Err(self.failure());
        }
        Ok(())
    }

    async fn commit(&self, order: Order) -> Result<(), LedgerError> {
        let world = &*self.0;
        let mut pending = Pending {
            world,
            order: Some(order),
            hopeless: world.storage_failed.get(),
        };
        if world.step() {
            return forever().await;
        }
        let latency = if world.chance(0.02) {
            world.millis_below(3_000)
        } else {
            world.millis_below(8)
        };
        tokio::time::sleep(latency).await;
        if world.crashed.get() {
            return forever().await;
        }
        let left = world.commits_left.get();
        world.commits_left.set(left.map(|left| left.saturating_sub(1)));
        if left == Some(0) {
            world.storage_failed.set(true);
        }
        if world.storage_failed.get() {
            // Its group's COMMIT may have been durable all the same.
            drop(pending);
            return Err(self.failure());
        }
        pending.write();
        if world.step() {
            return forever().await;
        }
        Ok(())
    }

    fn failure(&self) -> LedgerError {
        self.0.say(|| "the storage fails");
        self.0.watch.borrow_mut().silenced = Some("the ledger had failed");
        LedgerError::Storage {
            step: "COMMIT",
            path: PathBuf::from("volley.db"),
            source: StorageError::File(Arc::new(io::Error::other("simulated"))),
        }
    }
}

/// An absence is told by a whole pass, and by a clock that can be trusted.
fn check_absences(world: &World, ids: &[BatchId]) {
    assert!(
        world.clock_may_be_trusted(),
        "lookups: an absence is stamped by a clock that is off"
    );
    let clock_is_right = world.scenario.our_clock == OurClock::Right;
    let watch = world.watch.borrow();
    for id in ids {
        let key = world.books.borrow_mut().row(*id).key.clone();
        watch.check_absence(&key, clock_is_right);
    }
}

impl Pending<'_> {
    fn write(&mut self) {
        let Some(order) = self.order.take() else { return };
        let books = &mut *self.world.books.borrow_mut();
        match order {
            Order::Intend(intent) => {
                if self.world.scenario.shared && !intent.simulated {
                    let size = self.world.scenario.limits.batch_size.get();
                    let size = usize::try_from(size).unwrap_or_default();
                    self.world.others.borrow_mut().check(&intent, books.run, size);
                }
                books.intend(&intent);
            }
            Order::Conclude(id, conclusion) => {
                books.conclude(id, &conclusion, &self.world.provider.borrow());
            }
            Order::Absent(ids, at) => books.absent(&ids, at),
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // A failing assertion elsewhere must not be followed by another here.
        if self.order.is_some() && !self.hopeless && !std::thread::panicking() && self.world.chance(0.5) {
            self.write();
            self.world.say(|| "… durable all the same");
        }
    }
}
