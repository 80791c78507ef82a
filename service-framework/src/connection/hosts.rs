//! Host names among addresses, looked up before a socket is opened.
//!
//! libzmq looks no names up for a bind and says "no such device"; for a connection it does, again and again, and says
//! nothing. So a bind gets a number here, or a problem; a connection to a name that nobody knows yet gets a warning,
//! since a name may come later.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::addresses::{Endpoint, Host, Resolved, ResolvedSocket};
use crate::model::Problem;

/// What all lookups together may take; a name server that is away takes longer to say nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// What there is to say about the host names of a service.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

/// What is known of a name.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Addresses(Vec<IpAddr>),
    /// It is that of a network interface, which a bind can name.
    Interface,
    Unknown(String),
    /// Nobody has said in time.
    Late,
}

/// Looks up the host names of all sockets, puts numbers where sockets bind, and says which names are not known.
pub(crate) fn settle(resolved: &mut Resolved, bind_all: bool) -> Settled {
    let names = resolved.sockets.iter().filter(|socket| !(socket.binds && bind_all)).flat_map(names);
    let known = look_up(names.collect());
    let mut settled = Settled::default();
    for socket in &mut resolved.sockets {
        let (place, file, binds) = (socket.place.clone(), socket.file.clone(), socket.binds);
        for endpoint in &mut socket.endpoints {
            let Endpoint::Tcp { host, .. } = endpoint else { continue };
            if binds && bind_all {
                *host = Host::Every;
            }
            let Some(known) = name_of(host).and_then(|name| known.get(name)) else { continue };
            if binds {
                settled.problems.extend(settle_bind(host, known, &place, file.as_deref()));
            } else {
                settled.warnings.extend(connect_warning(host, known, &place, file.as_deref()));
            }
        }
    }
    settled
}

fn names(socket: &ResolvedSocket) -> impl Iterator<Item = (String, bool)> + '_ {
    fn host(endpoint: &Endpoint) -> Option<&str> {
        if let Endpoint::Tcp { host, .. } = endpoint { name_of(host) } else { None }
    }
    socket.endpoints.iter().filter_map(host).map(|name| (name.to_owned(), socket.binds))
}

/// `localhost` is a number everywhere.
fn name_of(host: &Host) -> Option<&str> {
    match host {
        Host::Name(name) if name != "localhost" => Some(name),
        _ => None,
    }
}

/// All names at the same time; each is looked up once.
fn look_up(names: BTreeMap<String, bool>) -> BTreeMap<String, Known> {
    let until = Instant::now() + PATIENCE;
    let asked: Vec<_> = names.into_iter().map(|(name, binds)| (ask(&name, binds), name)).collect();
    let wait = |answer: std::sync::mpsc::Receiver<Known>| {
        answer.recv_timeout(until.saturating_duration_since(Instant::now())).unwrap_or(Known::Late)
    };
    asked.into_iter().map(|(answer, name)| (name, wait(answer))).collect()
}

/// Asks on a thread of its own, which nobody can take back from the system.
fn ask(name: &str, binds: bool) -> std::sync::mpsc::Receiver<Known> {
    let (tell, answer) = channel();
    let name = name.to_owned();
    let asked = move || tell.send(know(&name, binds));
    // Without a thread there is no answer in time.
    let _ = thread::Builder::new().name("host name".to_owned()).spawn(asked);
    answer
}

fn know(name: &str, binds: bool) -> Known {
    if binds && Path::new("/sys/class/net").join(name).exists() {
        return Known::Interface;
    }
    match (name, 0).to_socket_addrs() {
        Ok(addresses) => Known::Addresses(addresses.map(|address| address.ip()).collect()),
        Err(error) => {
            let text = error.to_string();
            Known::Unknown(text.rsplit(": ").next().unwrap_or_default().to_lowercase())
        }
    }
}

fn settle_bind(host: &mut Host, known: &Known, place: &str, file: Option<&str>) -> Option<Problem> {
    let reason = match known {
        Known::Interface => return None,
        Known::Addresses(all) => match preferred(all) {
            Some(address) => {
                *host = address;
                return None;
            }
            None => "it has no address",
        },
        Known::Unknown(reason) => reason,
        Known::Late => "no answer in time",
    };
    let found = format!("the host `{host}`, which cannot be resolved: {reason}");
    let problem = Problem::new(place, "a host of this machine to bind", found)
        .with_hint("127.0.0.1 for this machine alone, * to bind every interface");
    Some(match file {
        Some(file) => problem.in_file(file),
        None => problem,
    })
}

/// IPv4 first, as libzmq does for a connection.
fn preferred(all: &[IpAddr]) -> Option<Host> {
    let first = all.iter().find(|address| address.is_ipv4()).or(all.first());
    first.map(|address| match address {
        IpAddr::V4(address) => Host::V4(*address),
        IpAddr::V6(address) => Host::V6(*address),
    })
}

fn connect_warning(host: &Host, known: &Known, place: &str, file: Option<&str>) -> Option<String> {
    let reason = match known {
        Known::Addresses(all) if all.iter().any(IpAddr::is_ipv4) => return None,
        // libzmq looks for IPv4 only, unless an address is written in brackets.
        Known::Addresses(_) | Known::Interface => "it has no IPv4 address",
        Known::Unknown(reason) => reason,
        Known::Late => "no answer in time",
    };
    let file = file.map(|file| format!("{file}: ")).unwrap_or_default();
    Some(format!(
        "{file}{place}: the host `{host}` cannot be resolved now ({reason}); it is tried again and again"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Addresses;
    use crate::model::{ConnectionModel, ServiceModel};

    /// The sockets of a service with one replyer and one requester.
    fn settled(replyer: &str, requester: &str, bind_all: bool) -> (Vec<String>, Settled) {
        let connections = vec![ConnectionModel::replyer("in_one"), ConnectionModel::requester("out_one")];
        let model = ServiceModel { connections, ..ServiceModel::default() };
        let json = serde_json::json!({
            "in": {"in_one": {"replyer": replyer}},
            "out": {"out_one": {"requester": requester}},
        });
        let mut resolved = Addresses::lay(&json, Some("a.json"), &model).resolved;
        let settled = settle(&mut resolved, bind_all);
        let texts = resolved.sockets.iter().map(|socket| socket.endpoints[0].bind_text(bind_all));
        (texts.collect(), settled)
    }

    #[test]
    fn numbers_localhost_and_interfaces_are_left_as_they_are() {
        let (texts, settled) = settled("lo:1", "localhost:2", false);
        assert_eq!(texts, ["tcp://lo:1", "tcp://127.0.0.1:2"]);
        assert_eq!((settled.problems, settled.warnings), (vec![], vec![]));
    }

    #[test]
    fn names_that_nobody_knows_are_told() {
        // No name below `invalid` exists, by its definition.
        let (_, found) = settled("a.invalid:1", "b.invalid:2", false);
        let problem = found.problems[0].to_string();
        let told = "a.json: in.in_one.replyer: expected a host of this machine to bind, found the host `a.invalid`, \
                    which cannot be resolved: ";
        assert!(problem.starts_with(told), "{problem}");
        let told = "a.json: out.out_one.requester: the host `b.invalid` cannot be resolved now (";
        assert!(found.warnings[0].starts_with(told), "{:?}", found.warnings);
        assert_eq!(settled("a.invalid:1", "localhost:2", true).1.problems, []);
    }

    #[test]
    fn a_name_that_is_known_is_bound_by_its_number() {
        let mut host = Host::Name("desk".to_owned());
        let known = Known::Addresses(vec!["::1".parse().unwrap(), "127.0.0.7".parse().unwrap()]);
        assert_eq!(settle_bind(&mut host, &known, "in.a", None), None);
        assert_eq!(host.to_string(), "127.0.0.7");
    }
}
