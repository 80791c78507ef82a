//! `store`: an event store as an operator has it. Where the event store is not built in, how to get it.

#[cfg(feature = "programs")]
mod actions;
#[cfg(feature = "programs")]
mod place;
#[cfg(feature = "programs")]
mod shown;

#[cfg(feature = "programs")]
pub(super) use actions::act;
#[cfg(feature = "programs")]
pub(super) use place::{location, process_name};

/// Says how to get what this program was built without.
///
/// # Errors
/// Always.
#[cfg(not(feature = "programs"))]
pub(super) fn act(
    _: &super::arguments::Options,
) -> Result<std::process::ExitCode, Vec<crate::model::Problem>> {
    Err(vec![super::features::missing("store", "programs")])
}
