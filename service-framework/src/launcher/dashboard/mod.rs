//! `dashboard`, and `up --dashboard`: what runs, on a page that this process serves to a browser.
//!
//! It sees what `ps` sees, through the same control sockets, and asks nobody while no page is open. The page is plain files
//! that are part of the program ([`files`](page/index.html)); it has no way to the internet and needs none. Whoever may not
//! see it gets nothing ([`guard`]).

#[cfg(any(not(feature = "dashboard"), test))]
mod absent;
#[cfg(feature = "dashboard")]
mod actions;
#[cfg(feature = "dashboard")]
mod answer;
#[cfg(feature = "dashboard")]
mod command;
#[cfg(feature = "dashboard")]
mod exact;
#[cfg(feature = "dashboard")]
mod files;
#[cfg(feature = "dashboard")]
mod graph;
#[cfg(feature = "dashboard")]
mod guard;
#[cfg(feature = "dashboard")]
mod hosts;
#[cfg(feature = "dashboard")]
mod listed;
#[cfg(feature = "dashboard")]
mod log;
#[cfg(feature = "dashboard")]
mod paths;
#[cfg(feature = "dashboard")]
mod query;
#[cfg(feature = "dashboard")]
mod routes;
#[cfg(feature = "dashboard")]
mod secret;
#[cfg(feature = "dashboard")]
mod server;
#[cfg(feature = "dashboard")]
mod settings;
#[cfg(feature = "dashboard")]
mod snapshot;
#[cfg(feature = "dashboard")]
mod states;
#[cfg(feature = "dashboard")]
mod taps;
#[cfg(feature = "dashboard")]
mod visitor;
#[cfg(feature = "dashboard")]
mod watcher;

#[cfg(not(feature = "dashboard"))]
pub(super) use absent::{Dashboard, Settings, act, beside_up};
#[cfg(feature = "dashboard")]
pub(super) use {
    command::{act, beside_up},
    server::Dashboard,
    settings::Settings,
};
