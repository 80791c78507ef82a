//! Where those are that recorded requests go to again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::launcher::control::client::{AskError, Client};
use crate::launcher::control::message::Question;
use crate::launcher::control::place::{self, Kind};
use crate::launcher::inputs;
use crate::model::{Problem, near_miss};

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// A service and one of its connections.
pub(super) type Pair = (Arc<str>, Arc<str>);

/// For each recorded replyer the address of the one that is asked instead.
///
/// # Errors
/// There is none, or it is not clear which.
pub(super) fn addresses(to: &str, pairs: &[Pair]) -> Result<BTreeMap<Pair, String>, Vec<Problem>> {
    if to.contains(':') {
        let address = inputs::endpoint("--to", to).map_err(|problem| vec![problem])?.to_string();
        return match pairs {
            [pair] => Ok(BTreeMap::from([(pair.clone(), address)])),
            several => Err(vec![too_many(several)]),
        };
    }
    let running = running();
    let meant: Vec<&Running> = running.iter().filter(|running| running.is(to)).collect();
    if meant.is_empty() {
        return Err(vec![nobody(to, &running)]);
    }
    let (found, missing): (Vec<_>, Vec<_>) = pairs
        .iter()
        .map(|pair| (pair.clone(), listens(&meant, pair, pairs)))
        .partition(|(_, address)| address.is_some());
    if !missing.is_empty() {
        return Err(missing.iter().map(|(pair, _)| not_there(to, pair)).collect());
    }
    Ok(found.into_iter().filter_map(|(pair, address)| Some((pair, address?))).collect())
}

/// Where the service that stands for the recorded one listens.
fn listens(meant: &[&Running], (service, connection): &Pair, pairs: &[Pair]) -> Option<String> {
    let socket = format!("{connection}.replyer");
    let has = |running: &&&Running| running.listens.get(&socket).and_then(Json::as_str).is_some();
    let is_only = pairs.iter().all(|(other, _)| other == service);
    let of_name = meant.iter().find(|running| *running.name == **service && has(running));
    // One service may be asked in place of another one if it is clear which.
    let instead = meant.iter().filter(|_| is_only && meant.len() == 1).find(has);
    let running = of_name.or(instead)?;
    running.listens.get(&socket).and_then(Json::as_str).map(str::to_owned)
}

/// A service that runs.
struct Running {
    name: String,
    system: String,
    pid: u32,
    listens: Json,
}

impl Running {
    fn is(&self, wanted: &str) -> bool {
        let is_of_system = || {
            let system = self.system.as_str();
            !system.is_empty() && (wanted == system || wanted == format!("{system}/{}", self.name))
        };
        wanted == self.name || wanted == self.pid.to_string() || is_of_system()
    }
}

fn running() -> Vec<Running> {
    let live = place::live().into_iter().filter(|(kind, _)| *kind == Kind::Service);
    live.filter_map(|(_, pid)| look(pid).ok()).collect()
}

fn look(pid: u32) -> Result<Running, AskError> {
    let mut client = Client::connect(&place::socket(Kind::Service, pid), PATIENCE)?;
    let ping = client.ask(&Question::new("ping"))?;
    let mut said = client.ask(&Question::new("describe"))?;
    let text = |key| ping.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let listens = said.get_mut("listens").map(Json::take).unwrap_or_default();
    Ok(Running { name: text("name"), system: text("system"), pid, listens })
}

fn too_many(pairs: &[Pair]) -> Problem {
    let names = pairs.iter().map(|(service, connection)| format!("{service} {connection}"));
    let found = names.collect::<Vec<_>>().join(", ");
    Problem::new("--to", "requests of one connection for one address", found).with_hint(
        "say which by --service and --connection, or name a system that runs instead of an address",
    )
}

fn nobody(to: &str, running: &[Running]) -> Problem {
    let names = running.iter().flat_map(|running| [running.name.as_str(), running.system.as_str()]);
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let expected = "an address, or a service or a system that runs";
    let problem = Problem::new("--to", expected, format!("{to:?}"));
    match near_miss(to, names) {
        Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
        None => problem.with_hint("`ps` shows what runs"),
    }
}

fn not_there(to: &str, (service, connection): &Pair) -> Problem {
    let found = format!("none for {connection} of {service}");
    Problem::new("--to", format!("a replyer of {to} for each connection that was asked"), found)
        .with_hint("leave others out by --service and --connection")
}
