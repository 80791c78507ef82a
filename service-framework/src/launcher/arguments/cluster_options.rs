//! Values of the flags that concern clusters.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;

use super::flow_options::{many, one};

/// Values of these flags; those that a command does not have keep their defaults.
#[derive(Debug)]
#[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "read where there are clusters"))]
pub(crate) struct ClusterOptions {
    pub(crate) join: Vec<String>,
    pub(crate) listen: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) cluster: String,
    pub(crate) data: Option<PathBuf>,
    pub(crate) keys: Option<PathBuf>,
    pub(crate) token: Option<PathBuf>,
    pub(crate) valid: Duration,
    pub(crate) insecure: bool,
    pub(crate) bootstrap: bool,
    pub(crate) no_bootstrap: bool,
    pub(crate) info: Vec<String>,
    /// Which node is asked, how long, and about whom.
    pub(crate) node: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) all: bool,
    pub(crate) to: Option<String>,
    /// Of a simulation.
    pub(crate) seed: Option<u64>,
    pub(crate) svg: Option<PathBuf>,
}

impl ClusterOptions {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Self {
            join: many(matches, "join"),
            listen: many(matches, "listen"),
            name: one(matches, "name"),
            cluster: one(matches, "cluster").unwrap_or_default(),
            data: one(matches, "data"),
            keys: one(matches, "keys"),
            token: one(matches, "token"),
            valid: one(matches, "valid").unwrap_or_default(),
            insecure: one(matches, "insecure").unwrap_or_default(),
            bootstrap: one(matches, "bootstrap").unwrap_or_default(),
            no_bootstrap: one(matches, "no_bootstrap").unwrap_or_default(),
            info: many(matches, "info"),
            node: one(matches, "node"),
            timeout: one(matches, "timeout").unwrap_or_default(),
            all: one(matches, "all").unwrap_or_default(),
            to: one(matches, "to"),
            seed: one(matches, "seed"),
            svg: one(matches, "svg"),
        }
    }
}
