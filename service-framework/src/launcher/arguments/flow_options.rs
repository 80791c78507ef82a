//! Values of the flags that concern flows.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;

/// Values of these flags; those that a command does not have keep their defaults.
#[derive(Debug)]
#[cfg_attr(not(feature = "flows"), expect(dead_code, reason = "read where there are flows"))]
pub(crate) struct FlowOptions {
    /// What a flow is started with.
    pub(crate) args: Vec<String>,
    /// Which scripts it may start, besides those that it says by name.
    pub(crate) along: Vec<String>,
    /// Its id, that of a new one, or what the ids of some begin with.
    pub(crate) id: Option<String>,
    /// What it is called, or what some are.
    pub(crate) name: Option<String>,
    pub(crate) follow: bool,
    /// Where callbacks come in, and requests may go.
    pub(crate) listen: Option<String>,
    pub(crate) public_url: Option<String>,
    pub(crate) resolve: Vec<String>,
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) allow_private: bool,
    pub(crate) secrets: Vec<String>,
    /// The spec of programs that scripts run.
    pub(crate) programs: Option<PathBuf>,
    /// Which parts are served; all if none is said.
    pub(crate) only: Vec<String>,
    /// How many scripts run at once, and what each may take.
    pub(crate) workers: Option<usize>,
    pub(crate) cpu_limit: Duration,
    pub(crate) memory_limit: u64,
    /// Those of the above that whoever serves a store decides, and that were said.
    pub(crate) of_serving: Vec<&'static str>,
    /// Which flows are meant.
    pub(crate) status: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) all: bool,
    /// After how many steps.
    pub(crate) step: Option<u64>,
    /// How long ago a flow has to have ended.
    pub(crate) older_than: Duration,
}

const OF_SERVING: [&str; 10] = [
    "listen",
    "public_url",
    "resolve",
    "allow_host",
    "allow_private",
    "secret",
    "programs",
    "workers",
    "cpu_limit",
    "memory_limit",
];

fn is_said(matches: &ArgMatches, name: &str) -> bool {
    matches.try_contains_id(name).unwrap_or_default()
        && matches.value_source(name) == Some(ValueSource::CommandLine)
}

impl FlowOptions {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Self {
            args: many(matches, "arg"),
            along: many(matches, "with_script"),
            id: one(matches, "id"),
            name: one(matches, "name"),
            follow: one(matches, "follow").unwrap_or_default(),
            listen: one(matches, "listen"),
            public_url: one(matches, "public_url"),
            resolve: many(matches, "resolve"),
            allow_hosts: many(matches, "allow_host"),
            allow_private: one(matches, "allow_private").unwrap_or_default(),
            secrets: many(matches, "secret"),
            programs: one(matches, "programs"),
            only: many(matches, "only"),
            workers: one(matches, "workers"),
            cpu_limit: one(matches, "cpu_limit").unwrap_or_default(),
            memory_limit: one(matches, "memory_limit").unwrap_or_default(),
            of_serving: OF_SERVING.into_iter().filter(|name| is_said(matches, name)).collect(),
            status: one(matches, "status"),
            since: one(matches, "since"),
            until: one(matches, "until"),
            after: one(matches, "after"),
            all: one(matches, "all").unwrap_or_default(),
            step: one(matches, "step"),
            older_than: one(matches, "older_than").unwrap_or_default(),
        }
    }
}

pub(super) fn one<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.try_get_one(name).ok().flatten().cloned()
}

pub(super) fn many(matches: &ArgMatches, name: &str) -> Vec<String> {
    let found = matches.try_get_many::<String>(name).ok().flatten();
    found.into_iter().flatten().cloned().collect()
}
