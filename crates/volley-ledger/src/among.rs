//! A run among others that send the same campaign: a thread with a connection of its own that beats, leases tokens, hears of
//! cool-downs and of the gate, finds the dead, and takes up what they left.
//!
//! ```text
//!            every second: the beat; who is silent; doubts that nobody asks about
//!  dispatcher ◄── news ─── thread ◄──► server's rows: run, pace, gate, probe
//!       └── lease, cool down, close, try, open ──►┘
//! ```
//! The [`thread`] has the order of all that, [`server`] its connection. By moments of the server's clock ([`clocks`], [`set_back`])
//! it [`lease`]s [`token`]s, [`spacing`] apart; what others have written is [`heard`], what this run has to say is [`told`]; it
//! shows signs of [`life`], counts the others' [`beats`], and takes up what the dead have [`left`].
//!
//! A token is a moment of the server's clock at which one request may go, and for how long after. The two clocks are held
//! against each other at every answer, so that a token is never early and void in time ([`clocks`]). Whoever leases one lives:
//! the same statement asks. So what is handed over with a token that is not void is handed over by a run that nobody has buried,
//! since that takes 15 seconds of silence, and a token one at most.
//! Bounds: [`LEASED_MAX`](lease::LEASED_MAX) tokens a statement; [`POLL`] until news are heard.
//! Not here: whether a token is used, and what a gate is.

mod thread;

mod server;

mod clocks;
mod set_back;
mod uptime;

mod lease;
mod spacing;
mod token;

mod heard;
mod told;

mod beats;
mod left;
mod life;

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc as queue, oneshot, watch};

use crate::{BatchId, LedgerError};

pub use heard::{GateNews, News};
pub use left::{Asked, Left};
pub(crate) use thread::Start;
pub use token::Token;
pub use told::TrialEnd;
pub use uptime::Uptime;

/// How often the thread looks what others have written: well within a second.
const POLL: Duration = Duration::from_millis(250);
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

/// What the thread is asked for.
#[derive(Debug)]
enum Ask {
    Lease(u32, lease::Reply),
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
