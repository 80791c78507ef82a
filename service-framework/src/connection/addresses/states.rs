//! The states of an addresses file as one finds them there, without a model.

use super::{Addresses, Of, Socket};
use crate::connection::Endpoint;
use crate::model::Side;

/// A state of a file, and where its sockets are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateEntry<'a> {
    pub(crate) side: Side,
    pub(crate) name: &'a str,
    sockets: &'a [Socket],
}

impl StateEntry<'_> {
    /// The endpoints of one of its sockets.
    pub(crate) fn socket(&self, name: &str) -> Option<&[Endpoint]> {
        self.sockets.iter().find(|socket| socket.name == name).map(|socket| &*socket.endpoints)
    }
}

impl Addresses {
    /// Every state, those that the file's service follows before those that it owns.
    pub(crate) fn states(&self) -> Vec<StateEntry<'_>> {
        let of_side = |side| {
            let entries =
                self.entries.iter().filter(move |entry| (entry.of, entry.side) == (Of::State, side));
            entries.map(move |entry| StateEntry { side, name: &entry.name, sockets: &entry.sockets })
        };
        of_side(Side::In).chain(of_side(Side::Out)).collect()
    }
}
