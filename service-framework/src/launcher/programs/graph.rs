//! `program graph`: what runs in which order, and what undoes it.

use std::process::ExitCode;

use super::spec_file;
use crate::launcher::arguments::Options;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::program::graph::{self, Format};
use crate::program::spec::Spec;
use crate::service::Programs;

/// Shows the programs that the command line names.
///
/// # Errors
/// All that is wrong with the spec, or that there is no such program.
pub(super) fn graph(options: &Options, own: Option<Programs>) -> Result<ExitCode, Vec<Problem>> {
    let spec = spec_file::named(options, own.as_ref())?;
    let programs = programs(&spec, options)?;
    let text = if options.json {
        format!("{:#}\n", graph::to_json(&spec, &programs))
    } else {
        graph::draw(&spec, &programs, Format::named(options.programs.format))
    };
    Ok(report::print(&text, exit::OK))
}

/// The places of the programs that are shown.
fn programs(spec: &Spec, options: &Options) -> Result<Vec<usize>, Vec<Problem>> {
    let Some(name) = &options.positional else { return Ok((0..spec.programs().len()).collect()) };
    let name = name.strip_prefix("programs.").filter(|_| spec.program(name).is_none()).unwrap_or(name);
    let names = spec.programs().iter().map(|program| program.name.as_str());
    let unknown = || {
        let expected = format!("a program of {}", options.programs.spec.display());
        vec![Problem::new("PROGRAM", expected, format!("{name:?}")).with_near_miss(name, names)]
    };
    spec.program_place(name).map(|place| vec![place]).ok_or_else(unknown)
}
