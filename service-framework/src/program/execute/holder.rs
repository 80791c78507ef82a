//! Holders: which run somebody waits for, on which server that is, and whether it is still there.

use std::fmt;

use super::journal::{RUNNING, read_start, status, stream};
use crate::program::run::End;
use crate::store::{Store, has_no_process, name_in};

/// A run that others wait for.
pub(super) struct Holder {
    run: String,
    program: String,
    server: Server,
}

/// Who has a run.
enum Server {
    /// This process.
    Here,
    /// Somebody of this name.
    There(String),
    /// Somebody of this name, whose process is gone or has not renewed its lease.
    Gone(String),
    /// Nobody.
    None,
}

impl Holder {
    /// What the store says of a run, for the server that has the lease `own`.
    pub(super) fn of(store: &Store, run: &str, own: &str) -> Self {
        let program = read_start(store, run).map_or_else(|_| "?".to_owned(), |head| head.program);
        Self { run: run.to_owned(), program, server: server_of(store, run, own) }
    }

    /// Whether nobody goes on with it for now.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.server, Server::Gone(_) | Server::None)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, program, server } = self;
        write!(f, "which run {run} of {program} has, ")?;
        let soon = "it is taken up as soon as its lease has run out, by whoever has its spec";
        match server {
            Server::Here => f.write_str("which goes on here"),
            Server::There(name) => write!(f, "which goes on on {name}"),
            Server::Gone(name) => write!(f, "whose process is gone ({name}): {soon}"),
            Server::None => write!(f, "which nobody goes on with: {soon}"),
        }
    }
}

fn server_of(store: &Store, run: &str, own: &str) -> Server {
    let owner = store.stream(&stream(run)).ok().flatten().and_then(|info| info.mark.owner);
    let Some(owner) = owner else { return Server::None };
    if owner == own {
        return Server::Here;
    }
    let (lease, now) = (store.lease(&owner).ok().flatten(), store.now().ok());
    let lives = lease.as_ref().zip(now).is_some_and(|(lease, now)| lease.is_held(now));
    match lease.and_then(|lease| lease.owner) {
        None => Server::None,
        Some(who) if lives && !has_no_process(&who) => Server::There(name_in(&who).to_owned()),
        Some(who) => Server::Gone(name_in(&who).to_owned()),
    }
}

/// Whether a run is stuck.
pub(super) fn is_stuck(store: &Store, run: &str) -> bool {
    let info = store.stream(&stream(run)).ok().flatten();
    info.is_some_and(|info| info.mark.status == status(End::Stuck))
}

/// Whether a run has not ended, as far as can be seen.
pub(super) fn is_running(store: &Store, run: &str) -> bool {
    match store.stream(&stream(run)) {
        Ok(info) => info.is_some_and(|info| info.mark.status == RUNNING),
        Err(_) => true,
    }
}

/// Whether somebody goes on with a run, as far as its server's lease and process say.
pub(crate) fn is_attended(store: &Store, run: &str) -> bool {
    matches!(server_of(store, run, ""), Server::There(_))
}
