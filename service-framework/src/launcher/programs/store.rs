//! The store that a command line names.

use crate::launcher::arguments::Options;
use crate::launcher::store::location;
use crate::model::Problem;
use crate::store::{Location, Store, StoreOptions};

/// Opens it, and makes it if it is not there.
///
/// # Errors
/// It is no store, or cannot be opened.
pub(super) fn open_or_make(options: &Options) -> Result<Store, Vec<Problem>> {
    let location = location(options.store.as_deref()).map_err(|problem| vec![problem])?;
    Store::open(&location).map_err(|error| vec![unusable(error.to_string())])
}

/// Opens one that is there.
///
/// # Errors
/// There is none, or it cannot be opened.
pub(super) fn open(options: &Options) -> Result<Store, Vec<Problem>> {
    let location = location(options.store.as_deref()).map_err(|problem| vec![problem])?;
    if let Location::Memory = location {
        let expected = "a store that several processes see";
        let problem = Problem::new("--store", expected, "memory, which goes with its process");
        return Err(vec![problem.with_hint("the path of a file, or postgres://…")]);
    }
    StoreOptions::new().make(false).open(&location).map_err(|error| {
        let hint = "`program run` and `program serve` make one; --store says which is meant";
        vec![unusable(error.to_string()).with_hint(hint)]
    })
}

fn unusable(found: String) -> Problem {
    Problem::new("--store", "an event store that can be used", found)
}
