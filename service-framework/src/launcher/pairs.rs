//! Connections that two services share: those whose addresses meet or whose names match.

use crate::connection::{Endpoint, Of, Resolved};
use crate::model::{self, ConnectionModel, Problem, ServiceModel};

/// The two ends of one connection.
pub(crate) struct Pair<'a> {
    pub(crate) ours: &'a ConnectionModel,
    pub(crate) theirs: &'a ConnectionModel,
    meeting: Meeting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meeting {
    /// One end connects to what the other binds.
    Meets,
    /// Both ends have addresses, which are of different places.
    Misses,
    /// An end has no address.
    Unknown,
}

/// Every pair of connections of which one is of `ours` and one of `theirs`.
pub(crate) fn find<'a>(
    ours: (&'a ServiceModel, &Resolved),
    theirs: (&'a ServiceModel, &Resolved),
) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for our in &ours.0.connections {
        for their in theirs.0.connections.iter().filter(|their| their.side != our.side) {
            let meeting = meeting((our, ours.1), (their, theirs.1));
            if meeting == Meeting::Meets
                || (our.name == their.name && has_other_end(our) && has_other_end(their))
            {
                pairs.push(Pair { ours: our, theirs: their, meeting });
            }
        }
    }
    pairs
}

fn has_other_end(connection: &ConnectionModel) -> bool {
    connection.kind.other_end().is_some()
}

impl Pair<'_> {
    /// What keeps the two ends from understanding each other.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        model::compare(self.ours, self.theirs)
    }

    /// Ends of one name that do not reach each other, which may be meant so.
    pub(crate) fn warning(&self) -> Option<String> {
        let Self { ours, theirs, meeting } = self;
        let names = format!("{}.{} and {}.{}", ours.side, ours.name, theirs.side, theirs.name);
        (*meeting == Meeting::Misses)
            .then(|| format!("{names} have one name, but their addresses do not meet"))
    }
}

fn meeting(ours: (&ConnectionModel, &Resolved), theirs: (&ConnectionModel, &Resolved)) -> Meeting {
    let ends = [endpoints(ours), endpoints(theirs)];
    let [Some((our_bind, our)), Some((their_bind, their))] = ends else { return Meeting::Unknown };
    let meets = match (our_bind, their_bind) {
        (true, false) => reached(our, their),
        (false, true) => reached(their, our),
        _ => false,
    };
    if meets { Meeting::Meets } else { Meeting::Misses }
}

fn reached(bound: &[Endpoint], connecting: &[Endpoint]) -> bool {
    bound.iter().any(|bound| connecting.iter().any(|endpoint| bound.is_reached_by(endpoint)))
}

/// Whether the connection binds, and its endpoints.
fn endpoints<'a>((connection, resolved): (&ConnectionModel, &'a Resolved)) -> Option<(bool, &'a [Endpoint])> {
    let is_it = |socket: &&crate::connection::ResolvedSocket| {
        (socket.of, socket.side, &socket.name) == (Of::Connection, connection.side, &connection.name)
    };
    resolved.sockets.iter().find(is_it).map(|socket| (socket.binds, &*socket.endpoints))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Addresses;
    use serde_json::{Value as Json, json};

    fn service(connection: ConnectionModel, addresses: Json) -> (ServiceModel, Resolved) {
        let model = ServiceModel { connections: vec![connection], ..ServiceModel::default() };
        let resolved = Addresses::from_json(&addresses, None).unwrap().resolve(&model).resolved;
        (model, resolved)
    }

    /// How many pairs, and the warning of the first.
    fn found(
        ours: ConnectionModel,
        at: Json,
        theirs: ConnectionModel,
        their_at: Json,
    ) -> (usize, Option<String>) {
        let (ours, theirs) = (service(ours, at), service(theirs, their_at));
        let pairs = find((&ours.0, &ours.1), (&theirs.0, &theirs.1));
        (pairs.len(), pairs.first().and_then(Pair::warning))
    }

    #[test]
    fn ends_are_found_by_address_and_by_name() {
        let echo = || ConnectionModel::replyer("echo");
        let ask = |name: &str| ConnectionModel::requester(name);
        let at = || json!({"in": {"echo": {"replyer": "127.0.0.1:1"}}});
        let by = |name: &str, address: &str| json!({"out": {name: {"requester": [address]}}});

        assert_eq!(found(echo(), at(), ask("other"), by("other", "localhost:1")), (1, None));
        assert_eq!(found(ask("other"), by("other", "localhost:1"), echo(), at()), (1, None));
        assert_eq!(found(echo(), at(), ask("other"), by("other", "localhost:2")), (0, None));
        assert_eq!(found(echo(), at(), ask("echo"), json!({})), (1, None));
        let (count, warning) = found(echo(), at(), ask("echo"), by("echo", "localhost:2"));
        assert_eq!(count, 1);
        assert_eq!(
            warning.as_deref(),
            Some("in.echo and out.echo have one name, but their addresses do not meet")
        );
        assert_eq!(found(echo(), at(), echo(), at()), (0, None));
        assert_eq!(found(echo(), at(), ConnectionModel::external_request("echo"), json!({})), (0, None));
    }
}
