//! A run among others that send the same campaign: a thread with a connection of its own that beats, leases tokens, hears of
//! cool-downs and of the gate, finds the dead, and takes up what they left.
//!
//! ```text
//!            every second: the beat; who is silent; doubts that nobody asks about
//!  dispatcher ◄── news ─── thread ◄──► server's rows: run, pace, gate, probe
//!       └── lease, cool down, close, try, open ──►┘
//! ```
//! A token is a moment of the server's clock at which one request may go, and for how long after. The two clocks are held
//! against each other at every answer, so that a token is never early and void in time ([`Clocks`]). Whoever leases one lives:
//! the same statement asks. So what is handed over with a token that is not void is handed over by a run that nobody has buried,
//! since that takes 15 seconds of silence, and a token one at most.
//! Bounds: [`LEASED_MAX`] tokens a statement; [`POLL`] until news are heard.
//! Not here: whether a token is used, and what a gate is.

mod beats;
mod clocks;
mod set_back;
mod spacing;
mod thread;
mod uptime;

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc as queue, oneshot, watch};

use volley_model::Msisdn;

use crate::{BatchId, LedgerError, OpenDoubt};

pub(crate) use thread::Start;
pub use uptime::Uptime;

/// How often the thread looks what others have written: well within a second.
const POLL: Duration = Duration::from_millis(250);
/// How often a run shows that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// Tokens that one statement leases.
const LEASED_MAX: usize = 64;
/// No token outlives its lease for longer, however far ahead it is due.
const TOKEN_LIFE: Duration = Duration::from_secs(1);

/// An answer that says what the time is takes no longer.
const TIME_TAKES_MAX: Duration = Duration::from_secs(1);

/// A run's place among others; clones share it. The thread ends when the last is dropped.
#[derive(Debug, Clone)]
pub struct Among {
    asks: mpsc::Sender<Ask>,
    news: watch::Receiver<News>,
}

/// What comes with it, once.
#[derive(Debug)]
pub struct AmongThread {
    /// What the dead left, and is this run's to ask about from now on.
    pub left: queue::UnboundedReceiver<Left>,
    /// It ends when the last [`Among`] is dropped, and has nothing more to tell then.
    pub thread: JoinHandle<()>,
}

/// The right to hand one request over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Not before.
    pub due: Instant,
    /// Not from then on.
    pub void: Instant,
    /// Nor from then on: that is the same moment, unless the machine sleeps before it.
    pub void_asleep: Uptime,
    /// Whether the limit of recipients makes it come later than that of requests.
    pub put_off_by_recipients: bool,
    /// When one that is leased next would be due, about.
    pub next: Instant,
}

impl Token {
    /// Whether it is too late for it, by both clocks: a run that slept may have been buried since.
    pub fn is_void(&self, now: Instant, uptime: Uptime) -> bool {
        now >= self.void || uptime >= self.void_asleep
    }
}

/// A doubt that a dead run left.
#[derive(Debug, Clone)]
pub struct Left {
    /// The doubt.
    pub doubt: OpenDoubt,
    /// Its numbers, rising.
    pub members: Vec<Msisdn>,
}

/// Whether a run has asked about a doubt that it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Once, and it is one still.
    Yes,
    /// It may not, or cannot: others may.
    No,
}

/// What others have written.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// Nobody sends before that.
    pub cool_until: Option<Instant>,
    /// The campaign's gate.
    pub gate: GateNews,
    /// Why this run must end; the last news there are.
    pub end: Option<LedgerError>,
}

/// The gate that all who send a campaign have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateNews {
    /// Goes up whenever it closes or opens.
    pub generation: u64,
    /// Whether it is closed.
    pub closed: bool,
    /// Trials in a row that ended in doubt.
    pub trials_in_doubt: u32,
}

/// How a trial ended that this run had the right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialEnd {
    /// Somebody answered definitely: the gate opens for all.
    Definite,
    /// In doubt once more.
    Doubt,
    /// It was never sent.
    Neither,
}

/// What the thread is asked for.
#[derive(Debug)]
enum Ask {
    Lease(u32, oneshot::Sender<Result<Token, LedgerError>>),
    /// For so long, from then on: the server may be away before it hears of it.
    CoolDown(Duration, Uptime),
    Close,
    Try(Duration, oneshot::Sender<bool>),
    EndTrial(TrialEnd),
    Leave(BatchId, Asked),
    Time(oneshot::Sender<Timestamp>),
}

impl Among {
    /// Leases a token for a request to so many recipients, behind all that were leased before, whoever leased them. Waits
    /// while the server is away.
    ///
    /// # Errors
    /// This run was buried, or the server stays away.
    pub async fn lease(&self, recipients: u32) -> Result<Token, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Lease(recipients, reply));
        match answer.await {
            Ok(token) => token,
            Err(_) => Err(self.ended()),
        }
    }

    /// Nobody sends for so long from now.
    pub fn cool_down(&self, for_: Duration) {
        self.ask(Ask::CoolDown(for_, Uptime::now()));
    }

    /// The gate is closed for all.
    pub fn close(&self) {
        self.ask(Ask::Close);
    }

    /// Asks for the right to send one batch alone while the gate is closed, for at most so long; `false` if another has it, or
    /// the gate is open by now.
    pub async fn try_alone(&self, at_most: Duration) -> bool {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Try(at_most, reply));
        answer.await.unwrap_or(false)
    }

    /// Tells how that one ended.
    pub fn end_trial(&self, end: TrialEnd) {
        self.ask(Ask::EndTrial(end));
    }

    /// This run asks no more about a doubt, its own or one that it took up.
    pub fn leave(&self, doubt: BatchId, asked: Asked) {
        self.ask(Ask::Leave(doubt, asked));
    }

    /// The time, by the server's clock, which is the same for all. `None` where the run must end.
    pub async fn time(&self) -> Option<Timestamp> {
        loop {
            let (reply, answer) = oneshot::channel();
            let asked = Uptime::now();
            self.ask(Ask::Time(reply));
            let told = answer.await.ok()?;
            // Told so late, it is a time that has passed.
            if asked.elapsed() < TIME_TAKES_MAX {
                return Some(told);
            }
        }
    }

    /// What others have written, and a way to hear of more.
    pub fn news(&self) -> watch::Receiver<News> {
        self.news.clone()
    }

    fn ask(&self, ask: Ask) {
        // Where the thread has ended, the news say why, and every lease fails.
        drop(self.asks.send(ask));
    }

    fn ended(&self) -> LedgerError {
        let end = self.news.borrow().end.clone();
        end.unwrap_or_else(|| LedgerError::WriterStopped {
            detail: "the thread that leases tokens is gone".to_owned(),
        })
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_void_after_a_sleep_that_its_own_clock_did_not_count() {
        let (now, uptime) = (Instant::now(), Uptime::now());
        let life = Duration::from_millis(500);
        let token = Token {
            due: now,
            void: now + life,
            void_asleep: uptime + life,
            put_off_by_recipients: false,
            next: now,
        };
        let after = |awake: u64, asleep: u64| {
            let awake = Duration::from_millis(awake);
            token.is_void(now + awake, uptime + awake + Duration::from_millis(asleep))
        };
        assert!(!after(0, 0) && !after(499, 0) && !after(100, 399));
        assert!(after(500, 0));
        assert!(after(100, 400) && after(1, 3_600_000));
    }
}
