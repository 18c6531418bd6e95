//! How long an answer of the server's is waited for. It may hang, or what lies between, and its connections look alive all the
//! while.
//!
//! Whoever has waited in vain takes the connection for lost: what it asked for may have been done, or may yet be.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// For a connection to be set up: more than one host may be tried.
const TO_CONNECT: Duration = Duration::from_secs(30);
/// For an answer to whoever begins a run, or gives a word: some wait a minute for a lock.
const TO_BEGIN: Duration = Duration::from_secs(90);
/// For an answer to a run at work, where `silence` does not say less.
const AT_WORK_MAX: Duration = Duration::from_secs(30);
/// For an answer to whoever is in a hurry.
const HURRIED: Duration = Duration::from_secs(1);

/// Told once that nothing is waited for any more; clones hear it.
#[derive(Debug, Clone)]
pub struct Hurry(Arc<watch::Sender<bool>>);

impl Default for Hurry {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Hurry {
    /// From now on an answer is waited for a second, and a server that is away is not waited for at all.
    pub fn tell(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    async fn told(&self) {
        // It fails only once there is nobody left to tell, and we could.
        let _ = self.0.subscribe().wait_for(|told| *told).await;
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    /// `None`: for as long as it takes.
    at_most: Option<Duration>,
    hurry: Hurry,
}

impl Patience {
    /// Of whoever only looks, or erases: what is asked may take long, and whoever asks can end it.
    pub(crate) fn endless() -> Self {
        Self {
            at_most: None,
            hurry: Hurry::default(),
        }
    }

    pub(crate) fn to_begin(hurry: Hurry) -> Self {
        Self {
            at_most: Some(TO_BEGIN),
            hurry,
        }
    }

    /// Of a run: twice as long as it may be silent. If it alone is cut off, it is buried by then.
    pub(crate) fn at_work(silence: Duration, hurry: Hurry) -> Self {
        Self {
            at_most: Some((silence * 2).min(AT_WORK_MAX)),
            hurry,
        }
    }

    pub(crate) fn hurry(&self) -> &Hurry {
        &self.hurry
    }

    /// The same, of a connection that is to come about.
    pub(super) fn to_connect(&self) -> Self {
        Self {
            at_most: Some(self.at_most.map_or(TO_CONNECT, |at_most| at_most.min(TO_CONNECT))),
            hurry: self.hurry.clone(),
        }
    }

    /// What a future comes to; `None` if it takes too long.
    pub(super) async fn bound<T>(self, future: impl Future<Output = T>) -> Option<T> {
        let too_long = async {
            match self.at_most {
                Some(at_most) => tokio::time::sleep(at_most).await,
                None => std::future::pending().await,
            }
        };
        let hurried = async {
            self.hurry.told().await;
            tokio::time::sleep(HURRIED).await;
        };
        tokio::select! {
            biased;
            done = future => Some(done),
            () = too_long => None,
            () = hurried => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_waited_for_no_longer_than_is_said_and_a_second_in_a_hurry() {
        let silence = Duration::from_secs(3);
        for (patience, seconds) in [
            (Patience::to_begin(Hurry::default()), 90),
            (Patience::at_work(silence, Hurry::default()), 6),
            (Patience::at_work(Duration::from_hours(1), Hurry::default()), 30),
            (Patience::endless().to_connect(), 30),
            (Patience::at_work(silence, Hurry::default()).to_connect(), 6),
        ] {
            let begun = Instant::now();
            assert_eq!(patience.bound(std::future::pending::<()>()).await, None);
            assert_eq!(begun.elapsed(), Duration::from_secs(seconds));
        }
        let hurry = Hurry::default();
        let patience = Patience::at_work(silence, hurry.clone());
        let answered = patience.clone().bound(tokio::time::sleep(Duration::from_secs(5)));
        assert_eq!(answered.await, Some(()));
        let begun = Instant::now();
        let tell = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            hurry.tell();
        };
        let (given_up, ()) = tokio::join!(patience.bound(std::future::pending::<()>()), tell);
        assert_eq!((given_up, begun.elapsed()), (None, Duration::from_secs(3)));
    }
}
