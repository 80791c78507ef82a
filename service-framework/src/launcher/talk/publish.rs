//! `publish`: messages from the command line or from standard input.

use std::io::{self, BufRead as _};
use std::process::ExitCode;

use super::{STANDARD_INPUT, address, arguments, run, service_with, sockets, with_topic};
use crate::launcher::arguments::Options;
use crate::model::{ConnectionModel, Problem};
use crate::service::{HandlerError, Stop, ToSend};
use crate::value::Value;

/// What the connection is called here, where nobody sees it.
const NAME: &str = "messages";

/// Publishes one message, or one for each line of standard input as it comes.
///
/// # Errors
/// All that is wrong with the command line. Nothing was published then.
pub(in crate::launcher) fn publish(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let address = address(options);
    let one = options.further.first().filter(|text| *text != STANDARD_INPUT);
    let one = one.map(|text| arguments(text)).transpose();
    let (address, one) = match (address, one) {
        (Ok(address), Ok(one)) => (address, one),
        (address, one) => return Err(address.err().into_iter().chain(one.err()).collect()),
    };
    let service = service_with("publish", model(options)).main(move |to_send: ToSend| match &one {
        Some(args) => Ok(to_send.publish(NAME, args)?),
        None => publish_lines(&to_send),
    });
    run(service, sockets("out", NAME, "publisher", &address), options, &Stop::new())
}

/// A line of standard input that is no message. Those before it were published.
#[derive(Debug, thiserror::Error)]
#[error("standard input, line {number}: {reason}")]
struct BadLine {
    number: usize,
    reason: String,
}

fn publish_lines(to_send: &ToSend) -> Result<(), HandlerError> {
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        let bad = |reason: String| BadLine { number, reason };
        let line = line.map_err(|error| bad(error.to_string()))?;
        if !line.trim().is_empty() {
            let args: Value = arguments(&line).map_err(|problem| bad(problem.to_string()))?;
            to_send.publish(NAME, &args)?;
        }
    }
    Ok(())
}

fn model(options: &Options) -> ConnectionModel {
    let model = ConnectionModel::publisher(NAME).anything().waits_after_creation(options.wait);
    with_topic(if options.connect { model.connects() } else { model }, options)
}
