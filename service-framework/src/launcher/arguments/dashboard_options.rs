//! The command `dashboard`, its flags, those of `up` that concern it, and their values.

use clap::ArgMatches;

use super::commands::{Command, Name, Positional};
use super::flags::{COLOR, Flag, HELP, text};
use super::flow_options::one;

pub(crate) static DASHBOARD_LISTEN: Flag =
    Flag::new("listen", "where the page is served").value("HOST:PORT", text).more(&[
        "127.0.0.1:60859 if not said, or the next port that is free. A port that is said is not",
        "changed; 0 is one that the system chooses. Beyond this machine it asks for a token, which",
        "is in the URL that is printed; nothing of it is encrypted.",
    ]);

pub(crate) static ALLOW_ACTIONS: Flag =
    Flag::new("allow_actions", "let the page restart and stop services and change log levels")
        .more(&["Without it the page only shows."]);

pub(crate) static UP_DASHBOARD: Flag =
    Flag::new("dashboard", "show the system on a page in a browser, whose URL is printed")
        .value("HOST:PORT", text)
        .optional()
        .more(&["Where it is served is as for `dashboard --listen`."]);

pub(super) const DASHBOARD: Command = Command {
    name: Name::Dashboard,
    word: "dashboard",
    about: "Show everything that runs on a page in a browser.",
    usage: "[SYSTEM] [--listen HOST:PORT] [--allow_actions]",
    flags: &[&DASHBOARD_LISTEN, &ALLOW_ACTIONS, &COLOR, &HELP],
    positional: Some(Positional {
        name: "SYSTEM",
        help: "only this system, by its name or the process of `up`; also what starts later",
        required: false,
        choices: &[],
    }),
    commands: &[],
    takes_config: false,
    lesson: include_str!("help/dashboard.txt"),
};

/// Values of these flags; those that a command does not have keep their defaults.
#[derive(Debug)]
#[cfg_attr(not(feature = "dashboard"), expect(dead_code, reason = "read where there is a dashboard"))]
pub(crate) struct DashboardOptions {
    pub(crate) listen: Option<String>,
    pub(crate) allow_actions: bool,
    /// Where `up` serves it: nowhere if None, where the default is if that is not said.
    pub(crate) beside_up: Option<String>,
}

impl DashboardOptions {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Self {
            listen: one(matches, "listen"),
            allow_actions: one(matches, "allow_actions").unwrap_or_default(),
            beside_up: one(matches, "dashboard"),
        }
    }
}
