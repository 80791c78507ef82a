//! Which state is meant, and where it is: from an addresses file of its owner or of a replica, or from flags.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::connection::{Addresses, Endpoint, StateEntry};
use crate::launcher::arguments::Options;
use crate::launcher::{files, inputs};
use crate::model::{Problem, Side, StateModel, StateType, Type, child};

/// A state to show.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: StateType,
    pub(super) subscriber: Vec<Endpoint>,
    /// Empty for a full state.
    pub(super) requester: Vec<Endpoint>,
    pub(super) topic: Option<String>,
}

impl Target {
    /// A replica of it that takes whatever its owner sends.
    pub(super) fn model(&self) -> StateModel {
        let model = match self.kind {
            StateType::DeltaUpdate => StateModel::delta_in(&self.name, Type::Any),
            StateType::FullUpdate => StateModel::full_in(&self.name),
        };
        model.topic(self.topic.clone().unwrap_or_default()).anything()
    }

    /// The addresses of the replica.
    pub(super) fn addresses(&self) -> Json {
        let texts = |endpoints: &[Endpoint]| endpoints.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut sockets = json!({"subscriber": texts(&self.subscriber)});
        if self.kind == StateType::DeltaUpdate {
            sockets["requester"] = texts(&self.requester).into();
        }
        json!({"states": {"in": {&self.name: sockets}}})
    }
}

/// Endpoints in one line.
pub(super) fn listed(endpoints: &[Endpoint]) -> String {
    endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// What the command line means.
///
/// # Errors
/// All that is wrong with it and with the file that it names.
pub(super) fn find(options: &Options) -> Result<Target, Vec<Problem>> {
    let name = options.positional.as_deref();
    let target = match (&options.addresses, &options.subscriber, &options.requester) {
        (Some(file), None, None) => from_file(name, file)?,
        (None, Some(subscriber), requester) => from_flags(name, subscriber, requester.as_deref())?,
        (Some(_), ..) => {
            let expected = "either an addresses file or the addresses themselves";
            return Err(vec![Problem::new("--addresses_path", expected, "both")]);
        }
        (None, None, _) => {
            let expected = "where the state's owner publishes: -a ADDRESSES or --subscriber ADDRESS";
            return Err(vec![Problem::missing("command line", expected)]);
        }
    };
    Ok(Target { topic: options.topic.clone().filter(|topic| !topic.is_empty()), ..target })
}

fn from_flags(name: Option<&str>, subscriber: &str, requester: Option<&str>) -> Result<Target, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut read = |flag: &str, text: &str| match parse(flag, text) {
        Ok(endpoint) => vec![endpoint],
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    };
    let subscriber = read("--subscriber", subscriber);
    let answers = requester.map(|text| read("--requester", text));
    let kind = if answers.is_some() { StateType::DeltaUpdate } else { StateType::FullUpdate };
    let name = name.unwrap_or("state").to_owned();
    let target = Target { name, kind, subscriber, requester: answers.unwrap_or_default(), topic: None };
    if problems.is_empty() { Ok(target) } else { Err(problems) }
}

fn parse(flag: &str, text: &str) -> Result<Endpoint, Problem> {
    reachable(flag, inputs::endpoint(flag, text)?.as_peer())
}

/// What another process can connect to.
fn reachable(path: &str, endpoint: Endpoint) -> Result<Endpoint, Problem> {
    let expected = "an address that another process can connect to";
    let problem = |reason: &str| Problem::new(path, expected, format!("{endpoint}: {reason}"));
    match endpoint.unconnectable() {
        Some(reason) => {
            Err(problem(reason).with_hint("the owner's log tells at which address it listens: --subscriber"))
        }
        None => match &endpoint {
            Endpoint::Inproc(_) => Err(problem("it is inside one process")),
            Endpoint::Cluster(named) => Err(problem("it is that of whichever instance is found")
                .with_hint(format!("`cluster services {}` lists them: --subscriber", named.service))),
            Endpoint::Tcp { .. } | Endpoint::Ipc(_) => Ok(endpoint),
        },
    }
}

fn from_file(name: Option<&str>, path: &Path) -> Result<Target, Vec<Problem>> {
    let file = path.display().to_string();
    let json = files::read_json(path).map_err(|problem| vec![problem])?;
    let addresses = Addresses::from_json(&json, Some(&file))?;
    let in_file = |problems: Vec<Problem>| {
        problems.into_iter().map(|problem| problem.in_file(&file)).collect::<Vec<_>>()
    };
    let states = addresses.states();
    let entry = pick(name, &states).map_err(|problem| in_file(vec![problem]))?;
    from_entry(entry).map_err(in_file)
}

/// The state of this name; without a name, the only one.
fn pick<'a>(name: Option<&str>, states: &[StateEntry<'a>]) -> Result<StateEntry<'a>, Problem> {
    let mut names: Vec<&str> = states.iter().map(|state| state.name).collect();
    names.sort_unstable();
    names.dedup();
    let expected = match names.as_slice() {
        [] => "the addresses of a state, under `in` or `out`".to_owned(),
        names => format!("the name of one of its states: {}", names.join(", ")),
    };
    let Some(name) = name else {
        let only = states.first().filter(|_| names.len() == 1).copied();
        return only.ok_or_else(|| Problem::missing("states", expected));
    };
    let found = states.iter().find(|state| state.name == name).copied();
    found.ok_or_else(|| match names.as_slice() {
        [] => Problem::missing("states", expected),
        names => {
            Problem::new("states", expected, format!("{name:?}")).with_near_miss(name, names.iter().copied())
        }
    })
}

/// Where a replica of it connects: where the file's own does, or to what its owner binds.
fn from_entry(entry: StateEntry<'_>) -> Result<Target, Vec<Problem>> {
    let path = child(&child("states", entry.side.as_str()), entry.name);
    let (updates, answers) = match entry.side {
        Side::In => ("subscriber", "requester"),
        Side::Out => ("publisher", "replyer"),
    };
    let mut problems = Vec::new();
    let subscriber = peers(entry, &path, updates, &mut problems);
    let requester = peers(entry, &path, answers, &mut problems);
    let Some(subscriber) = subscriber else {
        let expected = format!("the socket `{updates}` with its address");
        return Err(vec![Problem::missing(path, expected)]);
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let kind = if requester.is_some() { StateType::DeltaUpdate } else { StateType::FullUpdate };
    let (name, requester) = (entry.name.to_owned(), requester.unwrap_or_default());
    Ok(Target { name, kind, subscriber, requester, topic: None })
}

/// Where others reach one of its sockets.
fn peers(
    entry: StateEntry<'_>,
    path: &str,
    socket: &str,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Endpoint>> {
    let (place, mut peers) = (child(path, socket), Vec::new());
    for endpoint in entry.socket(socket)? {
        match reachable(&place, endpoint.as_peer()) {
            Ok(peer) => peers.push(peer),
            Err(problem) => problems.push(problem),
        }
    }
    Some(peers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: Option<&str>, json: &Json) -> Result<(StateType, Json), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, json.to_string()).unwrap();
        let target = from_file(name, &path);
        target.map(|target| (target.kind, target.addresses()["states"]["in"].take())).map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            lines.join("\n").replace(&folder.path().display().to_string(), "FOLDER")
        })
    }

    #[test]
    fn an_owners_file_is_mirrored_and_a_replicas_is_taken_as_it_is() {
        let owner = json!({"states": {"out": {
            "book": {"publisher": "*:1", "replyer": "0.0.0.0:2"},
            "settings": {"publisher": "[::]:3"},
        }}});
        let book = json!({"book": {"subscriber": ["tcp://127.0.0.1:1"], "requester": ["tcp://127.0.0.1:2"]}});
        assert_eq!(found(Some("book"), &owner), Ok((StateType::DeltaUpdate, book)));
        let settings = json!({"settings": {"subscriber": ["tcp://[::1]:3"]}});
        assert_eq!(found(Some("settings"), &owner), Ok((StateType::FullUpdate, settings)));
        let replica = json!({"states": {"in": {"book": {"subscriber": ["a:1", "b:1"], "requester": "a:2"}}}});
        let book = json!({"book": {"subscriber": ["tcp://a:1", "tcp://b:1"], "requester": ["tcp://a:2"]}});
        assert_eq!(found(None, &replica), Ok((StateType::DeltaUpdate, book)), "the only one");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let two = json!({"states": {
            "in": {"book": {"subscriber": "a:1", "requester": "a:2"}},
            "out": {"settings": {"publisher": "a:0"}, "inner": {"publisher": "inproc://x"}},
        }});
        let problem = |name: Option<&str>, json: &Json| found(name, json).unwrap_err();
        insta::assert_snapshot!(problem(Some("bok"), &two), @"FOLDER/a.json: states: expected the name of one of its states: book, inner, settings, found \"bok\" (did you mean `book`?)");
        insta::assert_snapshot!(problem(None, &two), @"FOLDER/a.json: states: expected the name of one of its states: book, inner, settings, found nothing");
        insta::assert_snapshot!(problem(Some("settings"), &two), @"FOLDER/a.json: states.out.settings.publisher: expected an address that another process can connect to, found tcp://a:*: only a bind can let the system choose (the owner's log tells at which address it listens: --subscriber)");
        insta::assert_snapshot!(problem(Some("inner"), &two), @"FOLDER/a.json: states.out.inner.publisher: expected an address that another process can connect to, found inproc://x: it is inside one process");
        insta::assert_snapshot!(problem(Some("book"), &json!({"in": {}})), @"FOLDER/a.json: states: expected the addresses of a state, under `in` or `out`, found nothing");
        insta::assert_snapshot!(problem(None, &json!({"states": {"out": {"a": {"replyer": "a:1"}}}})), @"FOLDER/a.json: states.out.a: expected the socket `publisher` with its address, found nothing");
    }

    #[test]
    fn flags_make_a_full_state_or_with_a_requester_a_delta_one() {
        let kind = |requester| from_flags(None, "*:1", requester).map(|target| target.kind);
        assert_eq!(kind(None), Ok(StateType::FullUpdate));
        assert_eq!(kind(Some("127.0.0.1:2")), Ok(StateType::DeltaUpdate));
        let problems = from_flags(None, "127.0.0.1", Some("tpc://a:1")).unwrap_err();
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        --subscriber: expected an address: host:port, tcp://host:port, ipc://path or inproc://name, found "127.0.0.1": it has no port (add the port: host:8001)
        --requester: expected an address: host:port, tcp://host:port, ipc://path or inproc://name, found "tpc://a:1": `tpc` is no transport (did you mean tcp://?)
        "#);
    }
}
