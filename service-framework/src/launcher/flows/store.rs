//! The store that a command line names.

use std::time::Duration;

use crate::flow::Flows;
use crate::launcher::arguments::Options;
use crate::launcher::store::location;
use crate::model::Problem;
use crate::store::{Location, Store, StoreOptions};

/// The store itself, made if it is not there.
///
/// # Errors
/// It is no store, or cannot be opened.
pub(super) fn open_or_make(options: &Options) -> Result<(Store, Location), Vec<Problem>> {
    let location = location(options.store.as_deref()).map_err(|problem| vec![problem])?;
    made(location)
}

/// As [`open_or_make`], for what others have to find in it.
///
/// # Errors
/// It is no store, cannot be opened, or goes with this process.
pub(super) fn open_or_make_shared(options: &Options) -> Result<Store, Vec<Problem>> {
    made(shared(options)?).map(|(store, _)| store)
}

fn made(location: Location) -> Result<(Store, Location), Vec<Problem>> {
    let store = Store::open(&location).map_err(|error| vec![unusable(&error.to_string())])?;
    Ok((store, location))
}

/// Closes a store whose users have been told to end: nothing of it is left beside its file.
pub(super) fn close(store: Store) {
    if !store.close(Duration::from_secs(1)) {
        tracing::debug!("something still uses the store; it is closed by whoever opens it next");
    }
}

/// The flows of a store that is there.
///
/// # Errors
/// There is none, or it cannot be opened.
pub(super) fn open(options: &Options) -> Result<Flows, Vec<Problem>> {
    let location = shared(options)?;
    match StoreOptions::new().make(false).open(&location) {
        Ok(store) => Ok(Flows::of(&store)),
        Err(error) => {
            let problem = unusable(&error.to_string());
            Err(vec![if is_there(&location) { problem } else { problem.with_hint(MADE_BY) }])
        }
    }
}

const MADE_BY: &str =
    "`flow run FILE`, `flow start FILE` and `flow serve` make one; --store says which is meant";

/// Whether there is something where the store is to be, so that none is made there.
fn is_there(location: &Location) -> bool {
    match location {
        Location::File(path) => path.exists(),
        _ => true,
    }
}

/// Where the store is, which is not this process.
fn shared(options: &Options) -> Result<Location, Vec<Problem>> {
    let location = location(options.store.as_deref()).map_err(|problem| vec![problem])?;
    if let Location::Memory = location {
        let expected = "a store that several processes see";
        let problem = Problem::new("--store", expected, "memory, which goes with its process");
        return Err(vec![problem.with_hint("the path of a file, or postgres://…")]);
    }
    Ok(location)
}

fn unusable(found: &str) -> Problem {
    Problem::new("--store", "an event store that can be used", found)
}

/// How the store is named in a command that is to be typed: nothing where it is found without being named, and never a password.
pub(super) fn flag(options: &Options) -> String {
    let location = options.store.as_ref().and_then(|store| store.parse::<Location>().ok());
    location.map(|location| format!(" --store {location}")).unwrap_or_default()
}
