//! The store that a command line names.

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
    let store = Store::open(&location).map_err(|error| vec![unusable(&error.to_string())])?;
    Ok((store, location))
}

/// The flows of a store that is there.
///
/// # Errors
/// There is none, or it cannot be opened.
pub(super) fn open(options: &Options) -> Result<Flows, Vec<Problem>> {
    let location = location(options.store.as_deref()).map_err(|problem| vec![problem])?;
    if let Location::Memory = location {
        let expected = "a store that several processes see";
        let problem = Problem::new("--store", expected, "memory, which goes with its process");
        return Err(vec![problem.with_hint("the path of a file, or postgres://…")]);
    }
    match StoreOptions::new().make(false).open(&location) {
        Ok(store) => Ok(Flows::of(&store)),
        Err(error) => {
            let hint =
                "`flow run FILE`, `flow start FILE` and `flow serve` make one; --store says which is meant";
            Err(vec![unusable(&error.to_string()).with_hint(hint)])
        }
    }
}

fn unusable(found: &str) -> Problem {
    Problem::new("--store", "an event store that can be used", found)
}

/// How the store is named in a command that is to be typed: nothing where it is found without being named, and never a password.
pub(super) fn flag(options: &Options) -> String {
    let location = options.store.as_ref().and_then(|store| store.parse::<Location>().ok());
    location.map(|location| format!(" --store {location}")).unwrap_or_default()
}
