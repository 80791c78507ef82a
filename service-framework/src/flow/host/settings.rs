//! How a host runs flows.

use std::time::Duration;

use crate::flow::engine::Limits;

/// How a host runs flows.
#[derive(Clone, Debug, PartialEq)]
pub struct HostSettings {
    /// How this process is called in the store, such as `host:pid`.
    pub name: String,
    /// How long what it works on is its own while it does not renew its lease; 10 s unless told. What a host had that was killed is
    /// taken up after this time.
    pub lease: Duration,
    /// How many flows go on at once at most; 1000 unless told. Those that wait do not count.
    pub most_hot: usize,
    /// What URLs of callbacks begin with, such as `https://flows.example`.
    pub public_url: String,
    /// What a script may take.
    pub limits: Limits,
    /// Most moves of one flow: calls, awaits and their outcomes; ten million unless told. One more and it fails.
    pub most_moves: u64,
    /// After how many moves what a flow stands at is saved, so that it need not be replayed from its beginning; 1000 unless told.
    pub save_every: u64,
    /// How often a flow's interpreter may die without a reason before it is parked; 3 unless told.
    pub most_deaths: usize,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            name: "host".to_owned(),
            lease: Duration::from_secs(10),
            most_hot: 1000,
            public_url: "http://127.0.0.1:60857".to_owned(),
            limits: Limits::default(),
            most_moves: 10_000_000,
            save_every: 1000,
            most_deaths: 3,
        }
    }
}
