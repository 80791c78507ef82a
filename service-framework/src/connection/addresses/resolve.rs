//! Addresses beside a model: each socket of the service gets its endpoints, or a problem.

use super::{Addresses, ClusterSection, Endpoint, Entry, Of, Socket, in_file};
use crate::model::{Problem, ServiceModel, Side, StateModel, StateType, child, near_miss};

/// The endpoints of every socket of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resolved {
    /// In the order of the model.
    pub(crate) sockets: Vec<ResolvedSocket>,
    /// The cluster that the service joins, if it joins one.
    pub(crate) cluster: Option<ClusterSection>,
}

/// One socket and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResolvedSocket {
    /// Connection or state.
    pub(crate) of: Of,
    /// The side of the service on which its name stands.
    pub(crate) side: Side,
    /// The name in models and addresses.
    pub(crate) name: String,
    /// The name of the socket, such as `replyer`.
    pub(crate) socket: &'static str,
    /// Whether it binds; else it connects.
    pub(crate) binds: bool,
    /// One if it binds, at least one if it connects.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Where they stand, and in which file.
    pub(crate) place: String,
    pub(crate) file: Option<String>,
}

impl Resolved {
    /// The endpoints of a connection.
    #[must_use]
    pub(crate) fn connection(&self, side: Side, name: &str) -> Option<&[Endpoint]> {
        let mut sockets = self.sockets.iter().filter(|socket| socket.of == Of::Connection);
        sockets.find(|socket| socket.side == side && socket.name == name).map(|socket| &*socket.endpoints)
    }

    /// The endpoints of one socket of a state.
    #[must_use]
    pub(crate) fn state(&self, side: Side, name: &str, socket: &str) -> Option<&[Endpoint]> {
        let is_it = |found: &&ResolvedSocket| {
            (found.of, found.side, &*found.name, found.socket) == (Of::State, side, name, socket)
        };
        self.sockets.iter().find(is_it).map(|found| &*found.endpoints)
    }
}

impl ResolvedSocket {
    /// Whether it binds what `other` binds, so that only one of them can be open, each in a process of its own.
    #[must_use]
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        let both = self.endpoints.first().zip(other.endpoints.first());
        self.binds && other.binds && both.is_some_and(|(ours, theirs)| ours.excludes(theirs))
    }
}

/// What a model and its addresses make together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resolution {
    /// Sockets that have what they need.
    pub(crate) resolved: Resolved,
    /// What must be mended before any socket is opened.
    pub(crate) problems: Vec<Problem>,
    /// What the author may want to know; one file may serve several services.
    pub(crate) warnings: Vec<String>,
}

/// A socket that a model asks for.
pub(crate) struct Need {
    /// Connection or state.
    pub(crate) of: Of,
    /// The side on which its name stands.
    pub(crate) side: Side,
    /// The name in models and addresses.
    pub(crate) name: String,
    /// The name of the socket, such as `replyer`.
    pub(crate) socket: &'static str,
    /// Whether it binds; else it connects.
    pub(crate) binds: bool,
    /// How many owners a replica follows.
    owners: usize,
}

impl Addresses {
    /// Gives each socket that the model asks for its endpoints.
    #[must_use]
    pub(crate) fn resolve(&self, model: &ServiceModel) -> Resolution {
        let needs = needs(model);
        let mut resolution = Resolution::default();
        for group in needs.chunk_by(|a, b| (a.of, a.side, &a.name) == (b.of, b.side, &b.name)) {
            match self.entry(&group[0]) {
                Some(entry) => self.lay_beside(entry, group, &mut resolution),
                None => resolution.problems.push(self.missing(&group[0], &needs)),
            }
        }
        resolution.problems.extend(self.without_cluster(&resolution.resolved));
        resolution.resolved.cluster.clone_from(&self.cluster);
        self.lay_shared(model, &mut resolution);
        let clashes = clashes(&resolution.resolved);
        resolution.problems.extend(clashes.into_iter().map(|(socket, other)| Self::clash(socket, other)));
        resolution.problems = std::mem::take(&mut resolution.problems)
            .into_iter()
            .map(|problem| in_file(problem, self.file.as_deref()))
            .collect();
        resolution.warnings.extend(self.unused(model, &needs));
        resolution
    }

    fn entry(&self, need: &Need) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| (entry.of, entry.side, &entry.name) == (need.of, need.side, &need.name))
    }

    /// A name without addresses; the one that was probably meant to be it is a name that no model has.
    fn missing(&self, need: &Need, needs: &[Need]) -> Problem {
        let path = self.path(need.of, need.side, &need.name);
        let expected = format!("the address of the {} {} `{}`", need.side, need.of.word(), need.name);
        let problem = Problem::missing(path, expected);
        let strangers = self.entries.iter().filter(|entry| !is_needed(entry, needs));
        if strangers.clone().any(|entry| entry.name == need.name) {
            return problem.with_hint("it stands on the other side, or under the other heading");
        }
        let alike = strangers.filter(|entry| (entry.of, entry.side) == (need.of, need.side));
        match near_miss(&need.name, alike.map(|entry| entry.name.as_str())) {
            Some(near) => problem.with_hint(format!("`{near}` has an address, but no model: was it meant?")),
            None => problem,
        }
    }

    fn lay_beside(&self, entry: &Entry, needs: &[Need], resolution: &mut Resolution) {
        let path = self.path(entry.of, entry.side, &entry.name);
        for need in needs {
            match entry.sockets.iter().find(|socket| socket.name == need.socket) {
                Some(socket) => {
                    let place = child(&path, need.socket);
                    resolution.problems.extend(misplaced(socket, need, &place));
                    resolution.resolved.sockets.push(need.with(socket, place, self.file.clone()));
                }
                None => resolution.problems.push(socketless(entry, need, &path)),
            }
        }
        let known = needs.iter().map(|need| need.socket);
        let strange = entry.sockets.iter().filter(|socket| known.clone().all(|known| known != socket.name));
        if entry.sockets.len() > needs.len() {
            let unknown = |socket: &Socket| Problem::unknown_key(&path, &socket.name, known.clone());
            resolution.problems.extend(strange.map(unknown));
        }
    }

    /// Addresses that only a cluster can tell, where the file names none.
    fn without_cluster(&self, resolved: &Resolved) -> Vec<Problem> {
        let discovers = |socket: &&ResolvedSocket| {
            !socket.binds && socket.endpoints.iter().any(|endpoint| endpoint.discovered().is_some())
        };
        let problem = |socket: &ResolvedSocket| {
            let expected = "a `cluster` at the top of the file, which knows where instances are";
            Problem::new(&socket.place, expected, "a cluster:// address and no `cluster`")
                .with_hint(r#"for instance "cluster": {"name": "shop", "join": ["10.0.0.5:60858"]}"#)
        };
        match self.cluster {
            Some(_) => Vec::new(),
            None => resolved.sockets.iter().filter(discovers).map(problem).collect(),
        }
    }

    /// States that the cluster is to have: delta states that the service owns. The file may serve other services, too.
    fn lay_shared(&self, model: &ServiceModel, resolution: &mut Resolution) {
        let owned = |state: &&StateModel| state.side == Side::Out && state.kind == StateType::DeltaUpdate;
        let owned: Vec<&str> = model.states.iter().filter(owned).map(|state| state.name.as_str()).collect();
        for name in self.cluster.iter().flat_map(|cluster| &cluster.share) {
            if owned.contains(&name.as_str()) {
                continue;
            }
            if self.entries.iter().any(|entry| entry.of == Of::State && entry.name == *name) {
                continue;
            }
            let file = self.file.as_deref().unwrap_or("the addresses");
            match near_miss(name, owned.iter().copied()) {
                Some(near) => resolution.problems.push(
                    Problem::new("cluster.share", "out delta states", format!("{name:?}"))
                        .with_hint(format!("did you mean {near:?}?")),
                ),
                None => resolution
                    .warnings
                    .push(format!("{file}: `{}` has no out delta state {name:?} to share", model.name)),
            }
        }
    }

    fn clash(socket: &ResolvedSocket, other: &ResolvedSocket) -> Problem {
        let found = format!("{}, which `{}` binds too", socket.endpoints[0], other.place);
        Problem::new(&socket.place, "an address of its own", found)
    }

    /// Names of the file that the model does not have, in one line: the file may serve other services, too.
    fn unused(&self, model: &ServiceModel, needs: &[Need]) -> Option<String> {
        let unused = self.entries.iter().filter(|entry| !is_needed(entry, needs));
        let names: Vec<_> = unused.map(|entry| self.path(entry.of, entry.side, &entry.name)).collect();
        let file = self.file.as_deref().unwrap_or("the addresses");
        (!names.is_empty()).then(|| format!("{file}: `{}` has no model of {}", model.name, names.join(", ")))
    }
}

fn is_needed(entry: &Entry, needs: &[Need]) -> bool {
    needs.iter().any(|need| (need.of, need.side, &need.name) == (entry.of, entry.side, &entry.name))
}

impl Need {
    fn new(of: Of, side: Side, name: &str, (socket, binds): (&'static str, bool)) -> Self {
        Self { of, side, name: name.to_owned(), socket, binds, owners: 1 }
    }

    fn with(&self, socket: &Socket, place: String, file: Option<String>) -> ResolvedSocket {
        ResolvedSocket {
            of: self.of,
            side: self.side,
            name: self.name.clone(),
            socket: self.socket,
            binds: self.binds,
            endpoints: socket.endpoints.clone(),
            place,
            file,
        }
    }
}

/// Every socket of a model; those of one name stand together.
pub(crate) fn needs(model: &ServiceModel) -> Vec<Need> {
    let connections = model.connections.iter().filter_map(|connection| {
        let socket = (connection.kind.as_str(), connection.is_bound()?);
        Some(Need::new(Of::Connection, connection.side, &connection.name, socket))
    });
    let states = model.states.iter().flat_map(|state| {
        let owners = state.topics.len().max(1);
        let need = move |socket| Need { owners, ..Need::new(Of::State, state.side, &state.name, socket) };
        sockets_of(state).into_iter().map(need)
    });
    connections.chain(states).collect()
}

/// The sockets of a state, and whether each binds.
fn sockets_of(state: &StateModel) -> Vec<(&'static str, bool)> {
    match (state.kind, state.side) {
        (StateType::DeltaUpdate, Side::In) => vec![("subscriber", false), ("requester", false)],
        (StateType::DeltaUpdate, Side::Out) => vec![("publisher", !state.is_x_pub), ("replyer", true)],
        (StateType::FullUpdate, Side::In) => vec![("subscriber", false)],
        (StateType::FullUpdate, Side::Out) => vec![("publisher", !state.is_x_pub)],
    }
}

/// A name whose socket stands under another word.
fn socketless(entry: &Entry, need: &Need, path: &str) -> Problem {
    let expected = format!("the socket `{}` with its address", need.socket);
    match entry.sockets.as_slice() {
        [] => Problem::missing(path, expected),
        sockets => {
            let names: Vec<_> = sockets.iter().map(|socket| format!("`{}`", socket.name)).collect();
            Problem::new(path, expected, names.join(" and "))
                .with_hint(format!("the name of a socket is the type of its {}", need.of.word()))
        }
    }
}

/// Endpoints that suit the other kind of socket.
fn misplaced(socket: &Socket, need: &Need, path: &str) -> Vec<Problem> {
    if need.binds {
        if let Some(found) = socket.endpoints.iter().find(|endpoint| endpoint.discovered().is_some()) {
            let expected = "an address of this host, since this socket binds";
            let problem = Problem::new(path, expected, found.to_string());
            let hint = "a service with a `cluster` is found by its own name; port 0 is any free one";
            return vec![problem.with_hint(hint)];
        }
        let count = socket.endpoints.len();
        let problem =
            || Problem::new(path, "one address, since this socket binds", format!("a list of {count}"));
        return socket.is_list.then(problem).into_iter().collect();
    }
    if need.of == Of::State
        && need.side == Side::Out
        && let Some(found) = socket.endpoints.iter().find(|endpoint| endpoint.discovered().is_some())
    {
        let expected = "an address that stays, since the publisher of a state follows nobody";
        return vec![Problem::new(path, expected, found.to_string())];
    }
    let unconnectable = |endpoint: &Endpoint| {
        let reason = endpoint.unconnectable()?;
        Some(Problem::new(path, "an address to connect to", format!("{endpoint}: {reason}")))
    };
    let (count, owners) = (socket.endpoints.len(), need.owners);
    let uneven = (owners > 1 && count != owners).then(|| {
        let expected = format!("{owners} addresses, one for each topic");
        Problem::new(path, expected, count.to_string())
    });
    socket.endpoints.iter().filter_map(unconnectable).chain(uneven).collect()
}

/// Sockets that would bind the address of one before them.
fn clashes(resolved: &Resolved) -> Vec<(&ResolvedSocket, &ResolvedSocket)> {
    let bound = |socket: &&ResolvedSocket| socket.binds && socket.endpoints.len() == 1;
    let sockets: Vec<_> = resolved.sockets.iter().filter(bound).collect();
    let same = |a: &ResolvedSocket, b: &ResolvedSocket| {
        a.endpoints == b.endpoints && !a.endpoints.iter().any(Endpoint::is_wildcard)
    };
    let earlier = |index: usize| sockets[..index].iter().find(|other| same(sockets[index], other));
    (0..sockets.len()).filter_map(|index| Some((sockets[index], *earlier(index)?))).collect()
}
