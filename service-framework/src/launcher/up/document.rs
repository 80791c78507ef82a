//! `describe SYSTEM.json --asyncapi`: all services of a system in one AsyncAPI document, with the addresses at which they listen.

use std::process::ExitCode;

use super::checks::{Instance, Plan};
use crate::launcher::arguments::Options;
use crate::launcher::asyncapi::{self, Document, Listens};
use crate::launcher::report;
use crate::launcher::services::Services;
use crate::model::{NO_VERSION, Problem};

/// Prints the document of the system that the command line names.
///
/// # Errors
/// Its file cannot be read, is no system, or the model of a service cannot be had.
pub(in crate::launcher) fn asyncapi(
    options: &Options,
    services: &Services,
) -> Result<ExitCode, Vec<Problem>> {
    let plan = Plan::of_files(options, services)?;
    if plan.models.iter().any(Option::is_none) {
        return Err(plan.problems);
    }
    if !plan.problems.is_empty() {
        report::problems(&plan.problems, options.color, "up would not start it");
    }
    Ok(asyncapi::print(&of_plan(&plan)))
}

fn of_plan(plan: &Plan) -> Document {
    let mut document = Document::new(&plan.system.name, NO_VERSION);
    for (place, (entry, model)) in plan.system.services.iter().zip(&plan.models).enumerate() {
        let instances = plan.instances.iter().filter(|instance| instance.entry == place);
        let listens: Vec<Listens> = instances.flat_map(listening).collect();
        if let Some(model) = model {
            document.add(Some(&entry.name), model, &listens);
        }
    }
    document
}

/// Where an instance listens.
fn listening(instance: &Instance) -> impl Iterator<Item = Listens> {
    let binding = instance.resolved.sockets.iter().filter(|socket| socket.binds);
    binding.filter_map(|socket| {
        let address = socket.endpoints.first()?.to_string();
        Some((socket.side, socket.name.clone(), address))
    })
}
