//! `node` and `cluster` in a build without clusters: how to get them.

use std::process::ExitCode;

use crate::launcher::arguments::{ClusterCommand, Options};
use crate::launcher::features;
use crate::model::Problem;

/// Refuses every command.
pub(in crate::launcher) fn act(command: ClusterCommand, _: &Options) -> Result<ExitCode, Vec<Problem>> {
    let word = if command == ClusterCommand::Node { "node" } else { "cluster" };
    Err(vec![features::missing(word, "cluster")])
}

/// The node that there cannot be.
#[cfg(not(feature = "cluster"))]
pub(in crate::launcher) enum Beside {}

/// Why a service cannot join its cluster.
#[cfg(not(feature = "cluster"))]
pub(in crate::launcher) enum NotJoined {
    Wrong(Vec<Problem>),
    #[expect(dead_code, reason = "with clusters a node may fail to start")]
    Failed(String),
}

/// Refuses a service whose addresses name a cluster.
#[cfg(not(feature = "cluster"))]
pub(in crate::launcher) fn join(
    prepared: crate::service::Prepared,
    _: Option<&std::path::Path>,
) -> Result<(crate::service::Prepared, Option<Beside>), NotJoined> {
    match prepared.names_cluster() {
        true => Err(NotJoined::Wrong(vec![features::missing("`cluster` in the addresses", "cluster")])),
        false => Ok((prepared, None)),
    }
}

#[cfg(not(feature = "cluster"))]
impl Beside {
    pub(in crate::launcher) fn drain(&self) {
        match *self {}
    }

    pub(in crate::launcher) fn drainer(&self) -> fn() {
        match *self {}
    }

    pub(in crate::launcher) fn leave(self) {
        match self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::arguments::parse;

    #[test]
    fn it_says_how_to_get_them() {
        let asked = parse(&["cluster".to_owned(), "members".to_owned()]).unwrap();
        let problems = act(ClusterCommand::Members, &asked.options).unwrap_err();
        assert!(problems[0].hint.as_ref().unwrap().contains("--features cluster"), "{problems:?}");
    }
}
