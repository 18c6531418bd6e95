//! From the ledger to the parts of a run, as a real run prepares them. Whose campaign it is shows in what the parts are.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use volley_model::{BatchState, BodyHash, Currency};
use volley_provider::exotel::{self, Exotel};
use volley_provider::octopush::{self, DUPLICATE_CODES_DEFAULT, Octopush};
use volley_provider::{Api, ExotelCredentials, OctopushCredentials, Provider, Sealer, Secret};
use volley_transport::{Endpoint, Pace, PaceConfig};

use crate::pipeline::pacing::Pacing;

use super::super::super::budget::{Budget, Tariff};
use super::super::super::dispatch::{Dispatch, Parts};
use super::super::super::refusals::Refusals;
use super::super::super::settle::{Doubt, Doubts};
use super::super::books::Books;
use super::super::disk::Disk;
use super::super::network::Network;
use super::super::provider::exotel::Habits;
use super::super::world::{SimulatedClock, World};

pub(crate) type Simulated = Dispatch<Network, Disk, SimulatedClock>;

/// From the ledger to the parts of a run, as a real run prepares them.
pub(super) fn prepare(world: &Rc<World>, simulated: bool) -> Simulated {
    let limits = &world.scenario.limits;
    let now = world.wall();
    let books = &mut *world.books.borrow_mut();
    world.provider.borrow_mut().catch_up(world.elapsed());
    let ledger_last_at = books.last_at;
    let open = books
        .rows
        .iter()
        .filter(|row| row.state == BatchState::Intended && !row.simulated);
    world
        .watch
        .borrow_mut()
        .begin(world.elapsed(), open.map(|row| &row.key));
    books.enter(now);
    let (settled, reserved) = books.spending();
    let doubts = Doubts::default();
    for doubt in books.doubts() {
        let failed_at = doubt.failed_at.filter(|_| !books.unended).unwrap_or(now);
        doubts.add(Doubt::of_an_earlier_run(&doubt, failed_at, limits.settle, now));
    }
    let parts = Parts {
        sealer: Arc::new(sealer(world, books, simulated)),
        api: api(world.scenario.provider()),
        refusals: Refusals::none(),
        duplicate_codes: DUPLICATE_CODES_DEFAULT.to_vec(),
        simulated,
        lacks_stop_mention: false,
        tariff: Tariff {
            unit_price: limits.unit_price,
            charges_per_unit: world.scenario.exotel().map_or(1, Habits::charges_per_unit),
            removes_blacklisted: false,
        },
        currency: Currency::EUR,
        endpoint: Endpoint::parse("https://provider.example").expect("an endpoint"),
        wire: Network(Rc::clone(world)),
        company: None,
        pace: Pacing::Own(Pace::new(PaceConfig {
            requests_per_second: limits.requests_per_second,
            burst: limits.burst,
            recipients_per_second: limits.recipients_per_second,
            batch_size: limits.batch_size,
        })),
        journal: Disk(Rc::clone(world)),
        clock: SimulatedClock(Rc::clone(world)),
        budget: Budget::new(limits.max_cost, settled, reserved),
        doubts,
        ledger_last_at,
    };
    Dispatch::new(parts, limits)
}

fn api(provider: Provider) -> Api {
    match provider {
        Provider::Octopush => {
            let credentials = OctopushCredentials {
                login: "simulated".to_owned(),
                key: Secret::new("simulated"),
            };
            Api::Octopush(Octopush::new(&credentials).expect("they fit"))
        }
        Provider::Exotel => {
            let credentials = ExotelCredentials {
                key: Secret::new("simulated"),
                token: Secret::new("simulated"),
            };
            Api::Exotel(Exotel::new(&credentials, "acme1").expect("they fit"))
        }
    }
}

/// Gives batches and their children their keys.
fn sealer(world: &World, books: &Books, simulated: bool) -> Sealer {
    let mut generations: HashMap<BodyHash, u32> = HashMap::new();
    for hash in books.generations() {
        *generations.entry(hash).or_default() += 1;
    }
    match world.scenario.exotel() {
        None => Sealer::Octopush(octopush::Sealer::new(
            "account",
            "simulated",
            simulated,
            generations,
        )),
        Some(habits) => Sealer::Exotel {
            sealer: exotel::Sealer::new("account", "simulated", generations),
            encoder: habits.encoder(),
        },
    }
}
