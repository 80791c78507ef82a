//! `dashboard` in a build without it: how to get it.

use std::process::ExitCode;

use crate::launcher::arguments::Options;
use crate::launcher::features;
use crate::model::Problem;

/// The page that there cannot be.
#[cfg(not(feature = "dashboard"))]
#[derive(Debug)]
pub(in crate::launcher) enum Settings {}

#[cfg(not(feature = "dashboard"))]
pub(in crate::launcher) enum Dashboard {}

#[cfg(not(feature = "dashboard"))]
impl Dashboard {
    pub(in crate::launcher) fn start(settings: &Settings) -> std::io::Result<Self> {
        match *settings {}
    }

    pub(in crate::launcher) fn url(&self) -> &str {
        match *self {}
    }
}

/// Refuses the command.
pub(in crate::launcher) fn act(_: &Options) -> Result<ExitCode, Vec<Problem>> {
    Err(vec![features::missing("dashboard", "dashboard")])
}

/// Refuses the flag of `up`.
#[cfg(not(feature = "dashboard"))]
pub(in crate::launcher) fn beside_up(options: &Options) -> Result<Option<Settings>, Vec<Problem>> {
    match &options.dashboard.beside_up {
        None => Ok(None),
        Some(_) => Err(vec![features::missing("--dashboard", "dashboard")]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::arguments::parse;

    #[test]
    fn it_says_how_to_get_it() {
        let asked = parse(&["dashboard".to_owned()]).unwrap();
        let problems = act(&asked.options).unwrap_err();
        assert!(problems[0].hint.as_ref().unwrap().contains("--features dashboard"), "{problems:?}");
    }
}
