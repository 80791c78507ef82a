//! Each service's own addresses, made from what it says itself and from the `addresses` of the whole system: ends that bind
//! get theirs first, then those that connect, which may name the other end.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use super::addresses::{EXPECTED, Said, SharedAddresses};
use super::free::Ports;
use super::{Entry, Source, System};
use crate::connection::{Endpoint, Need, Of, needs, other_end};
use crate::launcher::files;
use crate::model::{Problem, ServiceModel, child, describe, element, near_miss};

/// What is said of a cluster stands beside connections and states.
pub(super) const CLUSTER: &str = "cluster";

/// One instance of a service with its addresses.
#[derive(Debug)]
pub(in crate::launcher::up) struct Wired {
    /// The place of its entry.
    pub(in crate::launcher::up) entry: usize,
    /// Its own name: that of its entry, with a number if there are several.
    pub(in crate::launcher::up) name: String,
    /// None if it has none, or if they are not known.
    pub(in crate::launcher::up) addresses: Option<Source>,
    /// What is wrong with them.
    pub(in crate::launcher::up) problems: Vec<Problem>,
}

/// All instances of all services, in the order of the file. `models` are those of the services, where they are known. The
/// problems are those of the system's `addresses` that belong to no service.
pub(in crate::launcher::up) fn wire(
    system: &System,
    models: &[Option<&ServiceModel>],
) -> (Vec<Wired>, Vec<Problem>) {
    let texts = system.services.iter().flat_map(|entry| texts(entry.addresses.as_ref()));
    let texts: Vec<String> = texts.chain(system.shared.texts().into_iter().map(str::to_owned)).collect();
    let mut wiring = Wiring {
        shared: &system.shared,
        services: Vec::new(),
        ports: Ports::beside(texts.iter().map(String::as_str), system.is_told),
        seed: system.seed.clone(),
    };
    let mut used = HashSet::new();
    for (entry, model) in system.services.iter().zip(models) {
        wiring.services.push(Service::open(entry, *model, &system.shared, &mut used));
    }
    (0..wiring.services.len()).for_each(|service| wiring.bind(service));
    let unused = wiring.unused(&used).into_iter().map(|problem| system.place(problem)).collect();
    let wired = (0..wiring.services.len()).flat_map(|service| wiring.instances(service, system)).collect();
    (wired, unused)
}

fn texts(source: Option<&Source>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(Source::Inline(json)) = source {
        collect(json, &mut found);
    }
    found
}

fn collect(json: &Json, texts: &mut Vec<String>) {
    match json {
        Json::String(text) => texts.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Json::Object(table) => table.values().for_each(|json| collect(json, texts)),
        _ => {}
    }
}

struct Wiring<'a> {
    shared: &'a SharedAddresses,
    services: Vec<Service<'a>>,
    ports: Ports,
    /// What free ports follow from, beside the name of their end.
    seed: String,
}

struct Service<'a> {
    entry: &'a Entry,
    own: Own,
    /// None if its model is not known.
    ends: Option<Vec<End>>,
    problems: Vec<Problem>,
}

/// What a service says of its addresses itself.
#[derive(Clone)]
struct Own {
    json: Json,
    /// Without `connections` above `in` and `out`.
    is_older: bool,
    is_file: bool,
}

/// One socket of a service.
struct End {
    need: Need,
    /// What is said of it, and where.
    said: Option<(Json, String)>,
    /// If it binds, the address of each instance, as far as it is known.
    bound: Vec<String>,
    /// Whether the service's own addresses are as they should be for it.
    is_settled: bool,
}

impl Own {
    fn of(entry: &Entry) -> Self {
        let (json, is_file) = match &entry.addresses {
            // What is wrong with a file is found by whoever reads it to start the service.
            Some(Source::File(path)) => (files::read_json(path).unwrap_or_else(|_| json!({})), true),
            Some(Source::Inline(json)) => (json.clone(), false),
            None => (json!({}), false),
        };
        let has = |key: &str| json.get(key).is_some();
        let is_older = (has("in") || has("out")) && !has("connections") && !has("states");
        Self { json, is_older, is_file }
    }

    /// The keys that lead to a socket.
    fn keys<'n>(&self, need: &'n Need) -> Vec<&'n str> {
        let upper = if self.is_older && need.of == Of::Connection { None } else { Some(need.of.key()) };
        upper.into_iter().chain([need.side.as_str(), &need.name, need.socket]).collect()
    }

    fn get(&self, need: &Need) -> Option<&Json> {
        self.keys(need).into_iter().try_fold(&self.json, |json, key| json.get(key))
    }

    /// Whether it says something of that connection or state, be it the right thing or not.
    fn knows(&self, need: &Need) -> bool {
        let keys = self.keys(need);
        keys[..keys.len() - 1].iter().try_fold(&self.json, |json, key| json.get(*key)).is_some()
    }

    fn set(&mut self, need: &Need, value: Json) {
        if self.is_older && need.of == Of::State {
            let cluster = self.json.as_object_mut().and_then(|json| json.shift_remove(CLUSTER));
            self.json = json!({ "connections": self.json });
            if let Some(cluster) = cluster {
                self.json[CLUSTER] = cluster;
            }
            self.is_older = false;
        }
        let keys = self.keys(need);
        let mut at = &mut self.json;
        for key in keys {
            if !at.is_object() {
                *at = json!({});
            }
            at = &mut at[key];
        }
        *at = value;
    }
}

impl<'a> Service<'a> {
    fn open(
        entry: &'a Entry,
        model: Option<&ServiceModel>,
        shared: &SharedAddresses,
        used: &mut HashSet<String>,
    ) -> Self {
        let own = Own::of(entry);
        let end = |need: Need| {
            let path = |keys: &[&str]| {
                let start = child(&child("services", &entry.name), "addresses");
                keys.iter().fold(start, |path, key| child(&path, key))
            };
            let of_own = own.get(&need).map(|json| (json.clone(), path(&own.keys(&need))));
            let is_settled = of_own.is_some() && own.is_file && entry.replicas == 1;
            let said = of_own.or_else(|| {
                let said = if own.knows(&need) { None } else { said_of(entry, &need, shared) };
                let (json, path, key) = said?;
                used.insert(key);
                Some((json, path))
            });
            End { need, said, bound: Vec::new(), is_settled }
        };
        let ends = model.map(|model| needs(model).into_iter().map(end).collect());
        Self { entry, own, ends, problems: Vec::new() }
    }
}

/// What the system's `addresses` say of a socket of `entry`: the address, its place, and the key it stands under.
fn said_of(entry: &Entry, need: &Need, shared: &SharedAddresses) -> Option<(Json, String, String)> {
    let (service, side, name, socket) = (&entry.name, need.side, &need.name, need.socket);
    let keys = [
        format!("{service}.{side}.{name}.{socket}"),
        format!("{service}.{side}.{name}"),
        format!("{service}.{name}.{socket}"),
        format!("{service}.{name}"),
    ];
    keys.into_iter().find_map(|key| {
        let path = child("addresses", &key);
        match shared.end_said(&key)? {
            Json::Object(sockets) => Some((sockets.get(socket)?.clone(), child(&path, socket), key)),
            json => Some((json.clone(), path, key)),
        }
    })
}

impl Wiring<'_> {
    /// Gives the ends of a service that bind their addresses.
    fn bind(&mut self, service: usize) {
        let Service { entry, ends, .. } = &mut self.services[service];
        let (name, replicas) = (entry.name.clone(), entry.replicas);
        let mut ends = ends.take();
        let is_read_elsewhere = self.services[service].own.is_file && replicas == 1;
        let mut problems = Vec::new();
        for end in ends.iter_mut().flatten().filter(|end| end.need.binds) {
            let Some((json, path)) = &end.said else { continue };
            let key = format!("{} {name} {} {}", self.seed, end.need.name, end.need.socket);
            end.bound = self.bound(json, path, &key, replicas, &mut problems);
        }
        self.services[service].ends = ends;
        if !is_read_elsewhere {
            self.services[service].problems.extend(problems);
        }
    }

    /// The address of each instance; none where that is not known.
    fn bound(
        &mut self,
        json: &Json,
        path: &str,
        key: &str,
        replicas: usize,
        problems: &mut Vec<Problem>,
    ) -> Vec<String> {
        let several = || format!("\"free\", or a list of {replicas} addresses, one for each replica");
        match json {
            Json::String(text) => match self.shared.said(text) {
                Some(Said::Free) => self.free(key, path, replicas, problems),
                Some(Said::Named(named)) => self.bound(&named.clone(), path, key, replicas, problems),
                Some(Said::Address(address)) if replicas == 1 => one(address, path, problems),
                // Each takes one that is free, and says in its cluster which.
                Some(Said::Address(address)) if address.ends_with(":0") => {
                    vec![address.to_owned(); replicas]
                }
                Some(Said::Address(_)) => {
                    problems.push(Problem::new(path, several(), format!("one address for all: {text:?}")));
                    Vec::new()
                }
                Some(Said::End(..)) => {
                    let expected = "an address or \"free\", since this end binds";
                    problems.push(Problem::new(path, expected, format!("{text:?}")));
                    Vec::new()
                }
                None => Vec::new(),
            },
            Json::Array(items) if items.len() == replicas && replicas > 1 => {
                let each = items.iter().enumerate().flat_map(|(index, item)| {
                    self.bound(item, &element(path, index), &format!("{key} {index}"), 1, problems)
                });
                each.collect()
            }
            Json::Array(items) if replicas > 1 => {
                problems.push(Problem::new(path, several(), format!("a list of {}", items.len())));
                Vec::new()
            }
            // As it is; who lays it beside the model says what is wrong with it.
            _ => Vec::new(),
        }
    }

    fn free(&mut self, key: &str, path: &str, replicas: usize, problems: &mut Vec<Problem>) -> Vec<String> {
        let ports: Option<Vec<u16>> =
            (0..replicas).map(|index| self.ports.choose(&format!("{key} {index}"))).collect();
        let Some(ports) = ports else {
            problems.push(Problem::new(path, "a port of this machine that is free", "none"));
            return Vec::new();
        };
        ports.into_iter().map(|port| format!("tcp://127.0.0.1:{port}")).collect()
    }

    /// All instances of a service.
    fn instances(&self, service: usize, system: &System) -> Vec<Wired> {
        let Service { entry, own, ends, problems } = &self.services[service];
        let mut problems = problems.clone();
        let mut is_known = true;
        let mut settled: Vec<(&End, Vec<Json>)> = Vec::new();
        for end in ends.iter().flatten().filter(|end| !end.is_settled) {
            let Some((json, path)) = &end.said else { continue };
            if end.need.binds {
                settled.push((end, end.bound.iter().map(|address| json!(address)).collect()));
                continue;
            }
            match self.reached(json, path, &end.need, &mut problems) {
                Some(addresses) if addresses.len() == 1 => settled.push((end, vec![json!(addresses[0])])),
                Some(addresses) => settled.push((end, vec![json!(addresses)])),
                None => is_known = false,
            }
        }
        let problems: Vec<Problem> = problems.into_iter().map(|problem| system.place(problem)).collect();
        let instance = |index: usize| {
            let mut addresses = own.clone();
            for (end, values) in &settled {
                // What binds has one for each instance, what connects one for all.
                if let Some(value) = values.get(index).or_else(|| values.first().filter(|_| !end.need.binds))
                {
                    addresses.set(&end.need, value.clone());
                }
            }
            let is_as_it_was = addresses.json == own.json;
            Wired {
                entry: service,
                name: instance_name(entry, index),
                addresses: match &entry.addresses {
                    _ if !is_known || !problems.is_empty() => None,
                    source if is_as_it_was => source.clone(),
                    _ => Some(Source::Inline(addresses.json)),
                },
                // They are those of all instances, and said once.
                problems: if index == 0 { problems.clone() } else { Vec::new() },
            }
        };
        (0..entry.replicas).map(instance).collect()
    }

    /// Where an end that connects goes; None where that is not known.
    fn reached(
        &self,
        json: &Json,
        path: &str,
        need: &Need,
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<String>> {
        match json {
            Json::String(text) => match self.shared.said(text)? {
                Said::Address(address) => Some(one(address, path, problems)),
                Said::Named(named) => self.reached(named, path, need, problems),
                Said::End(service, rest) => self.other_end(service, rest, path, need, problems),
                Said::Free => {
                    let expected = "an address or the other end, SERVICE.CONNECTION, since this end connects";
                    problems.push(Problem::new(path, expected, "\"free\""));
                    None
                }
            },
            Json::Array(items) => {
                let each = items.iter().enumerate();
                let each =
                    each.map(|(index, item)| self.reached(item, &element(path, index), need, problems));
                each.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>().map(|each| each.concat())
            }
            other => {
                problems.push(Problem::new(path, EXPECTED, describe(other)));
                None
            }
        }
    }

    /// The addresses of all instances of the end that `rest` names in a service.
    fn other_end(
        &self,
        service: &str,
        rest: &str,
        path: &str,
        need: &Need,
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<String>> {
        let found = self.services.iter().find(|found| found.entry.name == service)?;
        let socket = Some(other_end(need.socket)).filter(|socket| !socket.is_empty())?;
        let fits = |end: &&End| end.need.binds && end.need.of == need.of && end.need.socket == socket;
        let fitting: Vec<&End> = found.ends.as_ref()?.iter().filter(fits).collect();
        let is_it =
            |end: &&&End| rest == end.need.name || rest == format!("{}.{}", end.need.side, end.need.name);
        if let Some(end) = fitting.iter().find(is_it) {
            return (!end.bound.is_empty())
                .then(|| end.bound.iter().map(|address| as_peer(address)).collect());
        }
        let names: Vec<&str> = fitting.iter().map(|end| end.need.name.as_str()).collect();
        let expected = match names.as_slice() {
            [] => format!("a service with a {socket}"),
            names => format!("a {socket} of `{service}`: {}", names.join(", ")),
        };
        let problem = Problem::new(path, expected, format!("\"{service}.{rest}\""));
        problems.push(match near_miss(rest, names) {
            Some(near) => problem.with_hint(format!("did you mean `{service}.{near}`?")),
            None => problem,
        });
        None
    }

    /// What is said of ends that no service has.
    fn unused(&self, used: &HashSet<String>) -> Vec<Problem> {
        let unused = self.shared.ends().filter(|(key, _)| !used.contains(*key));
        unused.filter_map(|(key, _)| self.nowhere(key)).collect()
    }

    fn nowhere(&self, key: &str) -> Option<Problem> {
        let (service, rest) = self.shared.end(key)?;
        let found = self.services.iter().find(|found| found.entry.name == service)?;
        let mut names: Vec<&str> = found.ends.as_ref()?.iter().map(|end| end.need.name.as_str()).collect();
        names.dedup();
        let path = child("addresses", key);
        let is_there = names.contains(&rest);
        let expected = match names.as_slice() {
            _ if is_there => format!("nothing: `{service}` says it itself, or it is said more exactly"),
            [] => format!("nothing: `{service}` has no connections"),
            names => format!("a connection or state of `{service}`: {}", names.join(", ")),
        };
        Some(
            Problem::new(path, expected, format!("{rest:?}"))
                .with_near_miss(rest, names.into_iter().filter(|_| !is_there)),
        )
    }
}

fn instance_name(entry: &Entry, index: usize) -> String {
    match entry.replicas {
        1 => entry.name.clone(),
        _ => format!("{}.{}", entry.name, index + 1),
    }
}

/// An address; one that is none is a problem.
fn one(address: &str, path: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    match crate::launcher::inputs::endpoint(path, address) {
        Ok(_) => vec![address.to_owned()],
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    }
}

fn as_peer(address: &str) -> String {
    Endpoint::parse(address).map_or_else(|_| address.to_owned(), |endpoint| endpoint.as_peer().to_string())
}
