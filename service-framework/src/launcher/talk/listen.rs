//! `listen`: what a publisher publishes, as it comes.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread;

use super::{address, run, service_with, sockets, with_topic};
use crate::launcher::arguments::Options;
use crate::launcher::report;
use crate::launcher::say::say;
use crate::model::{ConnectionModel, Problem};
use crate::service::{HandlerError, Stop};
use crate::value::Value;

/// What the connection is called here, where nobody sees it.
const NAME: &str = "messages";

/// Prints the arguments of each message as JSON, a line each.
///
/// # Errors
/// All that is wrong with the command line. Nothing was opened then.
pub(in crate::launcher) fn listen(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let address = address(options).map_err(|problem| vec![problem])?;
    let stop = Stop::new();
    if options.count == Some(0) {
        stop.stop();
    }
    let hearing = Hearing { left: options.count, stop: stop.clone() };
    let service = service_with("listen", model(options)).owns(hearing).handler(NAME, hear);
    if let Some(time) = options.seconds {
        let ends = stop.clone();
        thread::spawn(move || {
            thread::sleep(time);
            ends.stop();
        });
    }
    run(service, sockets("in", NAME, "subscriber", &address), options, &stop)
}

/// How many messages are still wanted, if not all.
struct Hearing {
    left: Option<u64>,
    stop: Stop,
}

fn hear(args: Value, hearing: &mut Hearing) -> Result<(), HandlerError> {
    // More may have come before the stop is seen.
    if hearing.left == Some(0) {
        return Ok(());
    }
    hearing.left = hearing.left.map(|left| left - 1);
    if let Err(error) = write(&args) {
        // A reader that went away has heard enough.
        if !report::is_reader_gone(&error) {
            say!("error: {}", report::unwritable(&error));
        }
        hearing.left = Some(0);
    }
    if hearing.left == Some(0) {
        hearing.stop.stop();
    }
    Ok(())
}

fn model(options: &Options) -> ConnectionModel {
    let model = ConnectionModel::subscriber(NAME).anything();
    with_topic(if options.bind { model.binds() } else { model }, options)
}

fn write(args: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", args.to_json())?;
    stdout.flush()
}
