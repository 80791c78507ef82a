//! Specs as files.

use std::path::Path;

use crate::launcher::arguments::Options;
use crate::launcher::{files, schemas};
use crate::model::Problem;
use crate::program::spec::Spec;
use crate::service::Programs;

/// Reads a spec.
///
/// # Errors
/// All that is wrong with the file.
pub(super) fn read(path: &Path) -> Result<Spec, Vec<Problem>> {
    let json = files::read_json(path).map_err(|problem| vec![problem])?;
    Spec::from_json(&json).map_err(|problems| in_file(problems, path))
}

/// The spec that the command line names, or a program's own.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn named(options: &Options, own: Option<&Programs>) -> Result<Spec, Vec<Problem>> {
    match own.filter(|_| !options.programs.names_spec) {
        Some(own) => own.spec().cloned(),
        None => read(&options.programs.spec),
    }
}

/// Reads a spec and asks the shipped schema too.
///
/// # Errors
/// All that is wrong with the file.
pub(super) fn read_by_schema(path: &Path) -> Result<Spec, Vec<Problem>> {
    let json = files::read_json(path).map_err(|problem| vec![problem])?;
    let spec = Spec::from_json(&json).map_err(|problems| in_file(problems, path))?;
    let problems = schemas::SPEC.problems(&json, &path.display().to_string());
    if problems.is_empty() { Ok(spec) } else { Err(problems) }
}

fn in_file(problems: Vec<Problem>, path: &Path) -> Vec<Problem> {
    let file = path.display().to_string();
    problems.into_iter().map(|problem| problem.in_file(&file)).collect()
}
