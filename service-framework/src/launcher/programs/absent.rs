//! `program` in a build without programs: how to get them.

use std::process::ExitCode;

use crate::launcher::arguments::{Options, ProgramCommand};
use crate::model::Problem;

/// Refuses every command.
pub(in crate::launcher) fn act(_: ProgramCommand, _: &Options) -> Result<ExitCode, Vec<Problem>> {
    let problem = Problem::new("program", "a build with the feature `programs`", "one without");
    let hint =
        "build it with `--features programs`, or `--features service-framework/programs` in a workspace";
    Err(vec![problem.with_hint(hint)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::arguments::parse;

    #[test]
    fn it_says_how_to_get_them() {
        let asked = parse(&["program".to_owned(), "check".to_owned()]).unwrap();
        let problems = act(ProgramCommand::Check, &asked.options).unwrap_err();
        assert!(problems[0].to_string().contains("--features programs"), "{problems:?}");
    }
}
