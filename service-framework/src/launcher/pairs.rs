//! Connections and states that two services share: those whose addresses meet or whose names match.

use std::fmt;

use crate::connection::{Endpoint, Of, Resolved, ResolvedSocket, other_end};
use crate::model::{self, ConnectionModel, Problem, ServiceModel, Side, StateModel};

/// The two ends of one connection or state.
pub(crate) struct Pair<'a> {
    ours: End<'a>,
    theirs: End<'a>,
    /// Each socket of ours with each of theirs, and whether they meet; none if an end has no address.
    sockets: Vec<(&'a ResolvedSocket, &'a ResolvedSocket, bool)>,
}

/// One end.
#[derive(Clone, Copy)]
enum End<'a> {
    Connection(&'a ConnectionModel),
    State(&'a StateModel),
}

/// Every pair of connections and of states of which one is of `ours` and one of `theirs`.
pub(crate) fn find<'a>(
    ours: (&'a ServiceModel, &'a Resolved),
    theirs: (&'a ServiceModel, &'a Resolved),
) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for our in ends(ours.0) {
        for their in ends(theirs.0).filter(|their| their.of() == our.of() && their.side() != our.side()) {
            let names = (ours.0.name.as_str(), theirs.0.name.as_str());
            let sockets = meetings(sockets(our, ours.1), &sockets(their, theirs.1), names);
            let is_pair = our.name() == their.name() && our.has_other_end() && their.has_other_end();
            if is_pair || sockets.iter().any(|(_, _, meets)| *meets) {
                pairs.push(Pair { ours: our, theirs: their, sockets });
            }
        }
    }
    pairs
}

fn ends(model: &ServiceModel) -> impl Iterator<Item = End<'_>> {
    model.connections.iter().map(End::Connection).chain(model.states.iter().map(End::State))
}

impl<'a> End<'a> {
    fn of(self) -> Of {
        match self {
            Self::Connection(_) => Of::Connection,
            Self::State(_) => Of::State,
        }
    }

    fn side(self) -> Side {
        match self {
            Self::Connection(connection) => connection.side,
            Self::State(state) => state.side,
        }
    }

    fn name(self) -> &'a str {
        match self {
            Self::Connection(connection) => &connection.name,
            Self::State(state) => &state.name,
        }
    }

    fn has_other_end(self) -> bool {
        match self {
            Self::Connection(connection) => connection.kind.other_end().is_some(),
            Self::State(_) => true,
        }
    }
}

impl End<'_> {
    fn counted(self) -> String {
        match self {
            Self::Connection(_) => self.to_string(),
            Self::State(_) => format!("states.{self}"),
        }
    }
}

/// The names of all ends of a service that have another end, as they are counted.
pub(crate) fn all_ends(model: &ServiceModel) -> Vec<String> {
    ends(model).filter(|end| end.has_other_end()).map(End::counted).collect()
}

impl fmt::Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.side(), self.name())
    }
}

impl fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.ours, self.theirs)
    }
}

impl Pair<'_> {
    /// The names of our end and of theirs, as they are counted, such as `out.ask` and `states.in.book`.
    pub(crate) fn names(&self) -> (String, String) {
        (self.ours.counted(), self.theirs.counted())
    }

    /// Whether it is our end from which messages go: it asks, publishes, or owns the state.
    pub(crate) fn begins_here(&self) -> bool {
        self.ours.side() == Side::Out
    }

    /// What goes over it.
    pub(crate) fn what(&self) -> &'static str {
        match self.ours {
            End::State(_) => "state",
            End::Connection(connection) if connection.kind.returns() => "requests",
            End::Connection(_) => "messages",
        }
    }

    /// Whether an address of one end leads to the other.
    pub(crate) fn meets(&self) -> bool {
        self.sockets.iter().any(|(_, _, meets)| *meets)
    }

    /// What keeps the two ends from understanding each other.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        match (self.ours, self.theirs) {
            (End::Connection(ours), End::Connection(theirs)) => model::compare(ours, theirs),
            (End::State(ours), End::State(theirs)) => {
                let mut problems = model::compare_states(ours, theirs);
                problems.extend(self.swapped());
                problems
            }
            _ => Vec::new(),
        }
    }

    /// Sockets of a state that meet the other one of the other end.
    fn swapped(&self) -> impl Iterator<Item = Problem> {
        let swapped = self.sockets.iter().filter(|(our, their, meets)| *meets && !is_pair(our, their));
        swapped.map(|(our, their, _)| {
            let expected = format!("the address of the {} of {}", other_end(our.socket), self.theirs);
            let path = format!("states.{}.{}", self.ours, our.socket);
            Problem::new(path, expected, format!("that of its {}", their.socket))
        })
    }

    /// Ends of one name that do not reach each other, which may be meant so, and states of which half is reached.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Self { ours, theirs, sockets } = self;
        if sockets.is_empty() {
            return Vec::new();
        }
        if !sockets.iter().any(|(_, _, meets)| *meets) {
            return vec![format!("{ours} and {theirs} have one name, but their addresses do not meet")];
        }
        let is_told =
            |our: &ResolvedSocket| sockets.iter().any(|(one, _, meets)| *meets && one.socket == our.socket);
        let missed =
            sockets.iter().filter(|(our, their, meets)| !meets && is_pair(our, their) && !is_told(our));
        let warning = |(our, their, _): &(&ResolvedSocket, &ResolvedSocket, bool)| match our.binds {
            true => format!("{theirs}.{} does not reach {ours}.{}", their.socket, our.socket),
            false => format!("{ours}.{} does not reach {theirs}.{}", our.socket, their.socket),
        };
        missed.map(warning).collect()
    }
}

fn is_pair(our: &ResolvedSocket, their: &ResolvedSocket) -> bool {
    other_end(our.socket) == their.socket
}

fn meetings<'a>(
    ours: Vec<&'a ResolvedSocket>,
    theirs: &[&'a ResolvedSocket],
    names: (&str, &str),
) -> Vec<(&'a ResolvedSocket, &'a ResolvedSocket, bool)> {
    let with_theirs = |our| theirs.iter().map(move |their| (our, *their, meets(our, their, names)));
    ours.into_iter().flat_map(with_theirs).collect()
}

/// Whether they do, by their addresses or, of services of these names, by what is looked for in a cluster.
fn meets(our: &ResolvedSocket, their: &ResolvedSocket, (our_name, their_name): (&str, &str)) -> bool {
    match (our.binds, their.binds) {
        (true, false) => reached(&our.endpoints, &their.endpoints) || is_named(our, our_name, their),
        (false, true) => reached(&their.endpoints, &our.endpoints) || is_named(their, their_name, our),
        _ => false,
    }
}

/// Whether a socket looks in its cluster for another one, which is of this service.
fn is_named(bound: &ResolvedSocket, service: &str, connecting: &ResolvedSocket) -> bool {
    let mut named = connecting.endpoints.iter().filter_map(Endpoint::discovered);
    is_pair(bound, connecting) && named.any(|named| named.service == service && named.name == bound.name)
}

/// What `model` looks for in its cluster that another service of that name does not have.
pub(crate) fn strangers(resolved: &Resolved, other: &ServiceModel) -> Vec<Problem> {
    let mut problems = Vec::new();
    for socket in &resolved.sockets {
        let named = socket.endpoints.iter().filter_map(Endpoint::discovered);
        for named in named.filter(|named| named.service == other.name) {
            let there = ends(other).filter(|end| end.of() == socket.of && end.side() != socket.side);
            let names: Vec<&str> = there.map(End::name).collect();
            if !names.contains(&named.name.as_str()) {
                let expected = format!("a {} of `{}`", socket.of.word(), other.name);
                let problem = Problem::new(&socket.place, expected, named.to_string());
                problems.push(problem.with_near_miss(&named.name, names));
            }
        }
    }
    problems
}

fn reached(bound: &[Endpoint], connecting: &[Endpoint]) -> bool {
    bound.iter().any(|bound| connecting.iter().any(|endpoint| bound.is_reached_by(endpoint)))
}

fn sockets<'a>(end: End<'_>, resolved: &'a Resolved) -> Vec<&'a ResolvedSocket> {
    let is_it = |socket: &&ResolvedSocket| {
        (socket.of, socket.side, &*socket.name) == (end.of(), end.side(), end.name())
    };
    resolved.sockets.iter().filter(is_it).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Addresses;
    use crate::model::Type;

    #[test]
    fn what_is_looked_for_by_its_name_is_compared_and_a_name_that_is_not_there_said() {
        let desk = ConnectionModel::replyer("cancel").requires("order_id", Type::Str);
        let (mut desk, there) =
            service(desk, serde_json::json!({"in": {"cancel": {"replyer": "127.0.0.1:0"}}}));
        desk.name = "desk".to_owned();
        let asks = |address: &str| {
            let orders = ConnectionModel::requester("orders").requires("order_id", Type::Int);
            let addresses = serde_json::json!({
                "cluster": {"name": "shop"}, "out": {"orders": {"requester": address}},
            });
            service(orders, addresses)
        };
        let (client, here) = asks("cluster://desk/cancel");
        let pairs = find((&client, &here), (&desk, &there));
        assert_eq!(pairs.len(), 1);
        assert!(pairs[0].problems()[0].to_string().contains("order_id"), "{:?}", pairs[0].problems());
        assert_eq!((pairs[0].warnings(), strangers(&here, &desk)), (vec![], vec![]));
        let (client, here) = asks("cluster://desk/cancle");
        assert!(find((&client, &here), (&desk, &there)).is_empty());
        let problem = strangers(&here, &desk)[0].to_string();
        assert!(problem.ends_with("found cluster://desk/cancle (did you mean `cancel`?)"), "{problem}");
        let (client, here) = asks("cluster://other/cancel");
        assert!(find((&client, &here), (&desk, &there)).is_empty() && strangers(&here, &desk).is_empty());
    }
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
        (pairs.len(), pairs.first().and_then(|pair| pair.warnings().pop()))
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

    fn service_with(state: StateModel, addresses: Json) -> (ServiceModel, Resolved) {
        let model = ServiceModel { states: vec![state], ..ServiceModel::default() };
        let resolved = Addresses::from_json(&addresses, None).unwrap().resolve(&model).resolved;
        (model, resolved)
    }

    /// The first pair of a replica with these addresses and the owner of `book`: its warnings and its problems.
    fn of_book(name: &str, subscriber: &str, requester: &str) -> Option<(Vec<String>, Vec<String>)> {
        let book = json!({"publisher": "*:1", "replyer": "*:2"});
        let owner = service_with(
            StateModel::delta_out("book", Type::Any),
            json!({"states": {"out": {"book": book}}}),
        );
        let sockets = json!({"subscriber": subscriber, "requester": requester});
        let replica =
            service_with(StateModel::delta_in(name, Type::Any), json!({"states": {"in": {name: sockets}}}));
        let pairs = find((&replica.0, &replica.1), (&owner.0, &owner.1));
        let problems = |pair: &Pair<'_>| pair.problems().iter().map(ToString::to_string).collect();
        pairs.first().map(|pair| (pair.warnings(), problems(pair)))
    }

    #[test]
    fn states_are_found_by_address_and_by_name() {
        let right = Some((vec![], vec![]));
        assert_eq!(of_book("book", "a:1", "a:2"), right);
        assert_eq!(of_book("prices", "a:1", "a:2"), right);
        assert_eq!(of_book("prices", "a:3", "a:4"), None);
        let warnings = |found: Option<(Vec<String>, Vec<String>)>| found.unwrap().0;
        assert_eq!(
            warnings(of_book("book", "a:3", "a:4")),
            ["in.book and out.book have one name, but their addresses do not meet"]
        );
        assert_eq!(
            warnings(of_book("book", "a:1", "a:4")),
            ["in.book.requester does not reach out.book.replyer"]
        );
    }

    #[test]
    fn sockets_of_states_that_meet_the_wrong_ones_are_a_problem() {
        let (warnings, problems) = of_book("book", "a:2", "a:1").unwrap();
        assert_eq!(warnings, [""; 0]);
        assert_eq!(
            problems,
            [
                "states.in.book.subscriber: expected the address of the publisher of out.book, found that of its replyer",
                "states.in.book.requester: expected the address of the replyer of out.book, found that of its publisher",
            ]
        );
    }
}
