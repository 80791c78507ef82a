//! What a service and the node beside it have to do with each other.

use std::sync::Arc;

use super::prepare::Prepared;
use super::shared::{Listening, Shared};
use super::state_table::OutState;
use crate::connection::{ClusterSection, Directory};
use crate::state::{Backing, DeltaOwner};

/// A service that is ready, as its node sees it.
pub(crate) struct Face {
    /// Every socket that listens.
    pub(crate) listening: Vec<Listening>,
    /// Every own delta state by its name.
    pub(crate) owners: Vec<(String, Arc<DeltaOwner>)>,
}

impl Face {
    fn of(shared: &Shared) -> Self {
        let owners = shared.states.outs.iter().filter_map(|(name, state)| match state {
            OutState::Delta(owner) => Some((name.clone(), owner.clone())),
            OutState::Full(_) => None,
        });
        Self { listening: shared.listening(), owners: owners.collect() }
    }
}

impl Prepared {
    /// The service's name.
    pub(crate) fn name(&self) -> &str {
        &self.model.name
    }

    /// The cluster that its addresses name.
    pub(crate) fn cluster(&self) -> Option<&ClusterSection> {
        self.resolved.cluster.as_ref()
    }

    /// Finds in `directory` what its addresses do not say.
    pub(crate) fn find_in(mut self, directory: Arc<Directory>) -> Self {
        self.directory = directory;
        self
    }

    /// Has the data of an own delta state in common with other owners.
    pub(crate) fn share(mut self, state: &str, backing: Arc<dyn Backing>) -> Self {
        self.backings.insert(state.to_owned(), backing);
        self
    }

    /// Shows the service once it is ready.
    pub(crate) fn show(mut self, shown: impl FnOnce(Face) + Send + 'static) -> Self {
        self.on_ready.push(Box::new(move |shared| shown(Face::of(shared))));
        self
    }
}

#[cfg(test)]
#[cfg(feature = "flows")]
mod tests;
