//! Which store is meant.

use std::env;

use crate::model::Problem;
use crate::store::{Location, name_of_process};

/// Names the store where the command line does not.
const VARIABLE: &str = "SERVICE_FRAMEWORK_STORE";
/// The store if nothing names one.
const DEFAULT: &str = "service_framework.db";

/// The store of `--store`, of the environment, or the one of this folder.
///
/// # Errors
/// What is said is no place.
pub(crate) fn location(said: Option<&str>) -> Result<Location, Problem> {
    let of_environment = || env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let (from, text) = match said {
        Some(text) => ("--store", text.to_owned()),
        None => (VARIABLE, of_environment().unwrap_or_else(|| DEFAULT.to_owned())),
    };
    text.parse().map_err(|expected: String| Problem::new(from, expected, format!("{text:?}")))
}

/// What this process is called in a store.
pub(in crate::launcher) fn process_name() -> String {
    name_of_process(std::process::id())
}
