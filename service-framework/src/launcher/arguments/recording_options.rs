//! Values of the flags that concern recordings.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;

use super::flow_options::{many, one};
use super::recording_flags::Speed;

/// Values of these flags; those that a command does not have keep their defaults.
#[derive(Debug)]
#[cfg_attr(not(feature = "recording"), expect(dead_code, reason = "read where there are recordings"))]
pub(crate) struct RecordingOptions {
    /// Where a service or a system that is started is recorded.
    pub(crate) record: Option<PathBuf>,
    pub(crate) output: Option<PathBuf>,
    pub(crate) time: Option<Duration>,
    pub(crate) without_bodies: bool,
    /// Which messages are meant.
    pub(crate) services: Vec<String>,
    pub(crate) connections: Vec<String>,
    pub(crate) topics: Vec<String>,
    pub(crate) kinds: Vec<String>,
    pub(crate) workflow: Option<String>,
    pub(crate) from: Option<Duration>,
    pub(crate) until: Option<Duration>,
    pub(crate) grep: Option<String>,
    /// What is shown.
    pub(crate) summary: bool,
    pub(crate) states: bool,
    /// Where it is replayed, and how.
    pub(crate) to: Option<String>,
    pub(crate) bind: Vec<String>,
    pub(crate) speed: Speed,
    pub(crate) ignore: Vec<String>,
    pub(crate) wait: Duration,
    pub(crate) stay: Duration,
    pub(crate) timeout: Duration,
}

impl RecordingOptions {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Self {
            record: one(matches, "record"),
            output: one(matches, "output"),
            time: one(matches, "for"),
            without_bodies: one(matches, "without_bodies").unwrap_or_default(),
            services: many(matches, "service"),
            connections: many(matches, "connection"),
            topics: many(matches, "topic"),
            kinds: many(matches, "kind"),
            workflow: one(matches, "workflow"),
            from: one(matches, "from"),
            until: one(matches, "until"),
            grep: one(matches, "grep"),
            summary: one(matches, "summary").unwrap_or_default(),
            states: one(matches, "states").unwrap_or_default(),
            to: one(matches, "to"),
            bind: many(matches, "bind"),
            speed: one(matches, "speed").unwrap_or(Speed::Times(1.0)),
            ignore: many(matches, "ignore"),
            wait: one(matches, "wait").unwrap_or_default(),
            stay: one(matches, "stay").unwrap_or_default(),
            timeout: one(matches, "timeout").unwrap_or_default(),
        }
    }
}
