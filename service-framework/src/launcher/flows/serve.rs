//! `flow serve`: runs the flows of a store until a signal asks it to end.

use std::process::ExitCode;
use std::sync::mpsc::channel;

use super::plan::{Plan, SERVE};
use super::store;
use crate::flow::Flows;
use crate::launcher::arguments::Options;
use crate::launcher::resolve::Places;
use crate::launcher::{Services, exit, limits, programs, report, run, signals};
use crate::model::Problem;

/// Serves until a signal comes.
///
/// # Errors
/// All that is wrong with the command line, or the store cannot be used. Nothing was started.
pub(super) fn serve(options: &Options, own: Services, places: &Places) -> Result<ExitCode, Vec<Problem>> {
    let plan = Plan::read(options, own, places)?.fixed();
    let (store, location) = store::open_or_make(options)?;
    run::start_logs("flows", options)?;
    let plan = plan.prepare(&Flows::of(&store), options)?;
    limits::raise_open_files();
    let (asked, asking) = channel();
    let first = move |signal| {
        // Nobody else listens.
        let _ = asked.send(signal);
    };
    // Interpreters end with this process.
    if let Err(error) = signals::on_stop(first, programs::kill_hooks) {
        tracing::error!("cannot watch for signals: {error}");
        return Ok(ExitCode::from(exit::FAILED));
    }
    let serving = match plan.start(&Flows::of(&store), SERVE) {
        Ok(serving) => serving,
        Err(error) => {
            tracing::error!("{}", report::chain(&error));
            return Ok(ExitCode::from(exit::FAILED));
        }
    };
    let parts = plan.parts();
    if !serving.own().is_empty() {
        tracing::info!("flows have {}", serving.own());
    }
    match serving.callbacks() {
        Some((address, url)) => {
            tracing::info!(store = %location, parts, callbacks = %address, %url, "serving flows")
        }
        None => tracing::info!(store = %location, parts, "serving flows"),
    }
    let _ = asking.recv();
    tracing::info!("stopping");
    let has_stopped = serving.stop(options.grace);
    drop(plan);
    store::close(store);
    if has_stopped {
        return Ok(ExitCode::from(exit::OK));
    }
    tracing::error!(
        "flows have not come to a wait within the grace period; they are taken up after the lease"
    );
    Ok(ExitCode::from(exit::FAILED))
}
