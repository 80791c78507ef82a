//! `flow` in a build without flows: how to get them.

use std::process::ExitCode;

use crate::launcher::arguments::{FlowCommand, Options};
use crate::launcher::resolve::Places;
use crate::launcher::{Services, features};
use crate::model::Problem;

/// Refuses every command.
pub(in crate::launcher) fn act(
    _: FlowCommand,
    _: &Options,
    _: Services,
    _: &Places,
) -> Result<ExitCode, Vec<Problem>> {
    Err(vec![features::missing("flow", "flows")])
}

/// Nobody asks for it: there are no interpreters without flows.
#[cfg(not(feature = "flows"))]
pub(in crate::launcher) fn interpret(_: &[String]) -> Option<ExitCode> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::arguments::parse;

    #[test]
    fn it_says_how_to_get_them() {
        let asked = parse(&["flow".to_owned(), "list".to_owned()]).unwrap();
        let problems =
            act(FlowCommand::List, &asked.options, Services::none(), &Places::default()).unwrap_err();
        assert!(problems[0].hint.as_ref().unwrap().contains("--features flows"), "{problems:?}");
    }
}
