//! Values of the flags that concern programs.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;

use super::parse::take;

/// Values of these flags; those that a command does not have keep their defaults.
#[derive(Debug)]
#[cfg_attr(not(feature = "programs"), expect(dead_code, reason = "read where there are programs"))]
pub(crate) struct ProgramOptions {
    /// The spec of programs, and how they are shown.
    pub(crate) spec: PathBuf,
    pub(crate) format: &'static str,
    /// What is behind the hooks of programs.
    pub(crate) hooks: PathBuf,
    /// Where requests for programs are taken.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// How long runs stay with a server that is silent.
    pub(crate) lease: Duration,
    /// Which runs that ended are kept.
    pub(crate) keep: Option<usize>,
    pub(crate) keep_for: Duration,
    pub(crate) forget_keys: bool,
    /// What one run begins with, under which key, and whether each step waits.
    pub(crate) args: Vec<String>,
    pub(crate) pool: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) step: bool,
    /// Which runs are listed, behind which one, how many at most, and what is said of one.
    pub(crate) status: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
    pub(crate) note: Option<String>,
}

impl ProgramOptions {
    pub(super) fn take(matches: &mut ArgMatches) -> Self {
        Self {
            spec: take(matches, "spec").unwrap_or_default(),
            format: take(matches, "format").unwrap_or_default(),
            hooks: take(matches, "hooks").unwrap_or_default(),
            host: take(matches, "host").unwrap_or_default(),
            port: take(matches, "port").unwrap_or_default(),
            lease: take(matches, "lease").unwrap_or_default(),
            keep: take(matches, "keep"),
            keep_for: take(matches, "keep-for").unwrap_or_default(),
            forget_keys: matches.get_flag("forget-keys"),
            args: take_many(matches, "arg"),
            pool: take(matches, "pool"),
            key: take(matches, "key"),
            step: matches.get_flag("step"),
            status: take(matches, "status"),
            after: take(matches, "after"),
            limit: take(matches, "limit").unwrap_or_default(),
            note: take(matches, "note"),
        }
    }
}

fn take_many(matches: &mut ArgMatches, name: &str) -> Vec<String> {
    matches.try_remove_many(name).ok().flatten().into_iter().flatten().collect()
}
