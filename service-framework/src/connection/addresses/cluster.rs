//! What an addresses file says of the cluster that a service is in.

use crate::model::{Table, describe, element};

use super::Endpoint;
use serde_json::Value as Json;

/// The key at the top of the file.
pub(super) const KEY: &str = "cluster";

const KEYS: [&str; 9] =
    ["name", "join", "listen", "keys", "insecure", "data", "advertise", "weight", "share"];

/// Which cluster a service joins, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterSection {
    /// The cluster's name.
    pub(crate) name: String,
    /// Any members' addresses.
    pub(crate) join: Vec<String>,
    /// Where the node beside the service listens: any free port of this host unless said.
    pub(crate) listen: Vec<String>,
    /// The file with the cluster's keys.
    pub(crate) keys: Option<String>,
    /// Whether it may listen where others reach it without keys.
    pub(crate) insecure: bool,
    /// The folder where the node keeps what it must.
    pub(crate) data: Option<String>,
    /// The host under which others reach sockets that bind every interface; found out unless said.
    pub(crate) advertise: Option<String>,
    /// How much this instance takes beside others: 1 unless said.
    pub(crate) weight: u32,
    /// Out states whose data belong to the cluster.
    pub(crate) share: Vec<String>,
}

impl ClusterSection {
    /// Reads what stands under `cluster`, if anything does.
    pub(super) fn read(table: &mut Table<'_, '_>) -> Option<Self> {
        let mut table = table.table(KEY)?;
        table.refuse_others(&KEYS);
        let name = text(&mut table, "name", "the name of a cluster");
        if table.get("name").is_none() {
            let missing = crate::model::Problem::missing(table.path_of("name"), "the name of a cluster");
            table
                .problems
                .push(missing.with_hint("the same as that of its nodes, `default` unless they say another"));
        }
        let most = u64::from(u32::MAX);
        let weight = table.read("weight", "a whole number from 1", |json| {
            json.as_u64().filter(|weight| (1..=most).contains(weight))
        });
        Some(Self {
            name: name.unwrap_or_default(),
            join: addresses(&mut table, "join"),
            listen: addresses(&mut table, "listen"),
            keys: text(&mut table, "keys", "the path of a file"),
            insecure: table.flag("insecure").unwrap_or_default(),
            data: text(&mut table, "data", "the path of a folder"),
            advertise: text(&mut table, "advertise", "a host, without a port"),
            weight: weight.and_then(|weight| u32::try_from(weight).ok()).unwrap_or(1),
            share: names(&mut table, "share"),
        })
    }
}

fn text(table: &mut Table<'_, '_>, key: &str, expected: &str) -> Option<String> {
    table.read(key, expected, |json| json.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
}

/// One text or several, each with its place.
fn texts(table: &mut Table<'_, '_>, key: &str, expected: &str) -> Vec<(String, String)> {
    let path = table.path_of(key);
    let items: Vec<(String, &Json)> = match table.get(key) {
        None => Vec::new(),
        Some(Json::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| (element(&path, index), item)).collect()
        }
        Some(one) => vec![(path, one)],
    };
    let mut texts = Vec::new();
    for (path, item) in items {
        match item.as_str() {
            Some(text) => texts.push((path, text.to_owned())),
            None => {
                let found = describe(item);
                table.problems.push(crate::model::Problem::new(path, expected, found));
            }
        }
    }
    texts
}

fn names(table: &mut Table<'_, '_>, key: &str) -> Vec<String> {
    texts(table, key, "the name of an out state").into_iter().map(|(_, name)| name).collect()
}

/// Addresses of nodes: host:port, tcp or ipc.
fn addresses(table: &mut Table<'_, '_>, key: &str) -> Vec<String> {
    const EXPECTED: &str = "the address of a node: host:port, tcp://host:port or ipc://path";
    let mut addresses = Vec::new();
    for (path, text) in texts(table, key, EXPECTED) {
        let found = match Endpoint::parse(&text) {
            Ok(Endpoint::Tcp { .. } | Endpoint::Ipc(_)) => {
                addresses.push(text);
                continue;
            }
            Ok(_) => format!("{text:?}"),
            Err(error) => format!("{text:?}: {error}"),
        };
        table.problems.push(crate::model::Problem::new(path, EXPECTED, found));
    }
    addresses
}
