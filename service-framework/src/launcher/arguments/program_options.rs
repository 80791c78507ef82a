//! Values of the flags that concern programs.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::parse::take;

/// Values of these flags; those that a command does not have keep their defaults.
#[derive(Debug)]
#[cfg_attr(not(feature = "programs"), expect(dead_code, reason = "read where there are programs"))]
pub(crate) struct ProgramOptions {
    /// The spec of programs, and how they are shown.
    pub(crate) spec: PathBuf,
    /// Whether the line says which spec and which hooks, so that a program's own do not count.
    pub(crate) names_spec: bool,
    pub(crate) names_hooks: bool,
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
    /// The folder of a crate that is written.
    pub(crate) output: Option<PathBuf>,
}

impl ProgramOptions {
    pub(super) fn take(matches: &mut ArgMatches) -> Self {
        let is_said = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let (names_spec, names_hooks) = (is_said("spec"), is_said("hooks"));
        Self {
            names_spec,
            names_hooks,
            output: take(matches, "output"),
            spec: take(matches, "spec").unwrap_or_default(),
            format: take(matches, "format").unwrap_or_default(),
            hooks: take(matches, "hooks").unwrap_or_default(),
            host: take(matches, "host").unwrap_or_default(),
            port: take(matches, "port").unwrap_or_default(),
            lease: take(matches, "lease").unwrap_or_default(),
            keep: take(matches, "keep"),
            keep_for: take(matches, "keep_for").unwrap_or_default(),
            forget_keys: matches.get_flag("forget_keys"),
            args: take_many(matches, "arg"),
            pool: take(matches, "pool"),
            key: take(matches, "key"),
            // A flag of this name may have a value elsewhere.
            step: matches.try_get_one("step").ok().flatten().copied().unwrap_or_default(),
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
