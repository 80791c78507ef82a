//! The store that a command line names.

use crate::launcher::arguments::Options;
use crate::launcher::store::location;
use crate::model::Problem;
use crate::store::Store;

/// Opens it.
///
/// # Errors
/// It is no store, or cannot be opened.
pub(super) fn open(options: &Options) -> Result<Store, Vec<Problem>> {
    let location = location(options.store.as_deref()).map_err(|problem| vec![problem])?;
    Store::open(&location)
        .map_err(|error| vec![Problem::new("--store", "an event store that can be used", error.to_string())])
}
