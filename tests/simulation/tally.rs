//! What was played, in numbers.

#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub histories: u64,
    pub transactions: u64,
    pub committed: u64,
    pub killed: u64,
    pub rolled_back: u64,
    pub hooks: u64,
    pub succeeded: u64,
    pub as_before: u64,
    pub leftovers: u64,
    pub requests: u64,
    pub faults: u64,
    /// Requests that were carried out after their hook had ended.
    pub ghosts: u64,
    pub ghost_purges: u64,
    /// Hooks that could not be judged, by the reason.
    pub haunted: u64,
    pub entangled: u64,
    pub undecided: u64,
    /// Answers that were lies.
    pub lies: u64,
    /// Hooks that were told one.
    pub lied_to: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.histories += other.histories;
        self.transactions += other.transactions;
        self.committed += other.committed;
        self.killed += other.killed;
        self.rolled_back += other.rolled_back;
        self.hooks += other.hooks;
        self.succeeded += other.succeeded;
        self.as_before += other.as_before;
        self.leftovers += other.leftovers;
        self.requests += other.requests;
        self.faults += other.faults;
        self.ghosts += other.ghosts;
        self.ghost_purges += other.ghost_purges;
        self.haunted += other.haunted;
        self.entangled += other.entangled;
        self.undecided += other.undecided;
        self.lies += other.lies;
        self.lied_to += other.lied_to;
    }

    /// Of the hooks, in percent.
    pub fn unjudged_share(&self) -> f64 {
        let unjudged = self.haunted + self.entangled + self.undecided;
        100.0 * unjudged as f64 / self.hooks.max(1) as f64
    }

    pub fn told(&self) -> String {
        format!(
            "{} histories: {} transactions ({} committed, {} rolled back, {} killed); {} hooks ({} succeeded, \
             {} left all as before, {} named what is left); {} requests, {} of them disturbed, {} lied to; {} \
             carried out after their hook had ended ({} purges); {} hooks were lied to; could not be judged: {} hooks \
             that could not know, {} entangled, {} that believed what cannot be told from the truth: {:.2} %",
            self.histories,
            self.transactions,
            self.committed,
            self.rolled_back,
            self.killed,
            self.hooks,
            self.succeeded,
            self.as_before,
            self.leftovers,
            self.requests,
            self.faults,
            self.lies,
            self.ghosts,
            self.ghost_purges,
            self.lied_to,
            self.haunted,
            self.entangled,
            self.undecided,
            self.unjudged_share(),
        )
    }
}
