//! Cores that all who want one share fairly: of so many jobs each goes on at the same speed, at most at that of one core.

pub(super) struct Pool<T> {
    cores: f64,
    /// What is left of each job, in seconds of one core.
    jobs: Vec<(f64, T)>,
    busy: f64,
}

impl<T> Pool<T> {
    pub(super) fn new(cores: f64) -> Self {
        Self {
            cores,
            jobs: Vec::new(),
            busy: 0.0,
        }
    }

    pub(super) fn add(&mut self, seconds: f64, job: T) {
        self.jobs.push((seconds, job));
    }

    /// How much of a core each job has.
    fn speed(&self) -> f64 {
        (self.cores / super::to_f64(self.jobs.len())).min(1.0)
    }

    /// When the first of them is done.
    pub(super) fn next_in(&self) -> Option<f64> {
        let least = self.jobs.iter().map(|(left, _)| *left).min_by(f64::total_cmp)?;
        Some(least.max(0.0) / self.speed())
    }

    pub(super) fn pass(&mut self, seconds: f64) {
        if self.jobs.is_empty() {
            return;
        }
        let speed = self.speed();
        self.busy += seconds * speed * super::to_f64(self.jobs.len());
        for (left, _) in &mut self.jobs {
            *left -= seconds * speed;
        }
    }

    /// Takes the one out that is done: that of which least is left, of several the one that came first.
    pub(super) fn take_done(&mut self) -> Option<T> {
        let left = |at: &usize| self.jobs[*at].0;
        let at = (0..self.jobs.len()).min_by(|one, other| left(one).total_cmp(&left(other)))?;
        Some(self.jobs.remove(at).1)
    }

    /// The share of its cores that was used in so many seconds.
    pub(super) fn used(&self, seconds: f64) -> f64 {
        self.busy / self.cores / seconds
    }
}
