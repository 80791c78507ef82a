//! Replicated states: who owns one, who follows it, and how far behind they are.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::answer::No;
use super::exact::exact;
use super::query::Query;
use super::snapshot::{Service, Snapshot};
use crate::launcher::control::client::AskError;
use crate::launcher::control::message::Question;
use crate::launcher::control::place::Kind;
use crate::launcher::look::{ask, text};

/// How long a service may take to say what a state holds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A state with all who hold it.
#[derive(Default)]
struct Group {
    system: String,
    name: String,
    owners: Vec<Json>,
    replicas: Vec<Json>,
}

/// All states, each with its owners and its replicas.
pub(super) fn all(snapshot: &Snapshot) -> Json {
    let followed = followed(&snapshot.graphs);
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for service in &snapshot.services {
        for state in service.states.as_array().into_iter().flatten() {
            let group = groups.entry(key(service, state, &followed)).or_default();
            group.system = service.found.system.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
            let is_owner = text(state, "side") == "out";
            // A replica may have another name for it.
            if is_owner || group.name.is_empty() {
                group.name = text(state, "name").to_owned();
            }
            let holder = holder(service, state);
            if is_owner { group.owners.push(holder) } else { group.replicas.push(holder) }
        }
    }
    exact(groups.into_iter().map(|(key, group)| group.into_json(&key)).collect())
}

/// Whose state an end is that follows one: by system, service and end.
type Followed = HashMap<(u64, String, String), (String, String)>;

fn followed(graphs: &Json) -> Followed {
    let mut followed = Followed::new();
    for graph in graphs.get("systems").and_then(Json::as_array).into_iter().flatten() {
        let up = graph.get("up").and_then(Json::as_u64).unwrap_or_default();
        let edges = graph.get("connections").and_then(Json::as_array).into_iter().flatten();
        for edge in edges.filter(|edge| text(edge, "what") == "state") {
            let end =
                |side: &str| (text(&edge[side], "service").to_owned(), text(&edge[side], "end").to_owned());
            let (service, end_of_replica) = end("to");
            followed.insert((up, service, end_of_replica), end("from"));
        }
    }
    followed
}

/// What is the same for all who hold one state.
fn key(service: &Service, state: &Json, followed: &Followed) -> String {
    let (side, name) = (text(state, "side"), text(state, "name"));
    let Some((_, up)) = &service.found.system else { return format!("-/{name}") };
    let entry = text(&service.found.said, "entry").to_owned();
    let end = format!("states.{side}.{name}");
    let (owner, end) =
        followed.get(&(u64::from(*up), entry.clone(), end.clone())).cloned().unwrap_or((entry, end));
    format!("{up}/{owner}/{}", end.rsplit('.').next().unwrap_or_default())
}

fn holder(service: &Service, state: &Json) -> Json {
    let mut holder = state.clone();
    holder["id"] = service.id.as_str().into();
    holder["service"] = service.found.full_name().into();
    holder["state"] = service.state().into();
    holder
}

impl Group {
    /// With how many updates each replica lacks, if there is one owner whose updates have numbers.
    fn into_json(mut self, key: &str) -> Json {
        if let [owner] = self.owners.as_slice() {
            for replica in &mut self.replicas {
                compare(owner, replica);
            }
        }
        json!({ "key": key, "system": self.system, "name": self.name, "owners": self.owners, "replicas": self.replicas })
    }
}

/// Notes how many updates a replica lacks; or, as numbers begin anew in each life of an owner, that it has those of another life.
fn compare(owner: &Json, replica: &mut Json) {
    let epoch = |holder: &Json| holder.get("epoch").and_then(Json::as_u64);
    let number = |holder: &Json| holder.get("number").and_then(Json::as_i64);
    if epoch(owner) == epoch(replica) {
        let lag = number(owner).zip(number(replica)).map(|(latest, own)| latest.saturating_sub(own).max(0));
        replica["lag"] = json!(lag);
    } else if epoch(owner).is_some() && epoch(replica).is_some() {
        replica["other_life"] = true.into();
    }
}

/// What to ask a service, so that it says what its state holds.
pub(super) fn question(query: &Query) -> Result<Question, No> {
    let needed = |name: &str| query.text(name).ok_or_else(|| No::bad(format!("`{name}` is missing")));
    let mut question = Question::new("state").with("side", needed("side")?).with("name", needed("name")?);
    for name in ["topic", "find"] {
        if let Some(text) = query.text(name) {
            question = question.with(name, text);
        }
    }
    for name in ["from", "most"] {
        if let Some(number) = query.number::<u64>(name) {
            question = question.with(name, number);
        }
    }
    if let Some((epoch, number)) = query.text("unless").and_then(update) {
        question = question.with("unless", json!({ "epoch": epoch, "number": number }));
    }
    Ok(question)
}

/// Reads `EPOCH:NUMBER`.
fn update(text: &str) -> Option<(u64, i64)> {
    let (epoch, number) = text.split_once(':')?;
    epoch.parse().ok().zip(number.parse().ok())
}

/// What a state holds, as the process says that has it.
pub(super) fn content(pid: u32, question: &Question) -> Result<Json, No> {
    ask(Kind::Service, pid, question, PATIENCE).map(exact).map_err(|error| match error {
        AskError::Refused(refusal) => No::unknown(refusal.message),
        other => No::lost(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lag(owner: Json, replica: Json) -> (Json, bool) {
        let group = Group { owners: vec![owner], replicas: vec![replica], ..Group::default() };
        let replica = &group.into_json("1/owner/book")["replicas"][0];
        (replica.get("lag").cloned().unwrap_or_default(), replica.get("other_life").is_some())
    }

    #[test]
    fn a_lag_is_told_within_one_life_of_an_owner() {
        let at = |epoch: u64, number: i64| json!({ "epoch": epoch, "number": number });
        assert_eq!(lag(at(7, 9), at(7, 4)), (json!(5), false));
        assert_eq!(lag(at(7, 3), at(7, 4)), (json!(0), false), "the replica was asked later");
        // The owner has begun anew, and the replica does not know it yet; or knows it already.
        assert_eq!(lag(at(8, 9), at(7, 4)), (json!(null), true));
        assert_eq!(lag(at(7, 9), at(8, 0)), (json!(null), true));
    }

    #[test]
    fn a_replica_that_has_nothing_has_no_lag() {
        let nothing = json!({ "epoch": null, "number": null });
        assert_eq!(lag(json!({ "epoch": 7, "number": 9 }), nothing.clone()), (json!(null), false));
        assert_eq!(lag(nothing.clone(), nothing), (json!(null), false));
    }

    #[test]
    fn what_is_known_already_is_asked_for_by_life_and_number() {
        let of = |unless: &str| {
            let query = format!("side=in&name=book&unless={unless}");
            question(&Query::read(Some(&query))).unwrap().get("unless").cloned()
        };
        assert_eq!(of("18446744073709551615:3"), Some(json!({ "epoch": u64::MAX, "number": 3 })));
        assert_eq!(of("7%3A-1"), Some(json!({ "epoch": 7, "number": -1 })));
        for wrong in ["3", ":3", "7:", "x:3", "null:3"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
