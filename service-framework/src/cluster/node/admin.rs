//! Questions of those who are no nodes: the command line asks them.
//!
//! A question is a JSON object with `ask`, an answer one with what was asked for or `error`. Who watches asks again every
//! second, and is forgotten when it no longer does.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::super::events::Payload;
use super::super::identity::NodeId;
use super::super::keys::Keys;
use super::super::map::Write;
use super::super::transport::{Caller, Connections, Transport, Undelivered, ask_node};
use super::map::MapValue;
use super::{Happening, Node, word_of};
use crate::value::{Value, encode};

/// How long somebody who watches is remembered.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Who may watch at once.
const WATCHERS: usize = 100;

/// Asks the node at `address`, as the command line does; see [`ask_node`].
///
/// # Errors
/// What went wrong, for people.
pub fn ask(
    address: &str,
    keys: Option<&Keys>,
    question: &Json,
    patience: Duration,
    take: &mut dyn FnMut(&Json) -> bool,
) -> Result<(), String> {
    let mut wrong = None;
    let answered = ask_node(address, keys, question.to_string().as_bytes(), patience, &mut |bytes| {
        match serde_json::from_slice(bytes) {
            Ok(answer) => take(&answer),
            Err(error) => {
                wrong = Some(format!("the answer of {address} is none: {error}"));
                false
            }
        }
    })?;
    match wrong {
        Some(wrong) => Err(wrong),
        None if answered => Ok(()),
        None => Err(format!("nobody at {address} answered within {} s", patience.as_secs_f64())),
    }
}

/// What somebody watches.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Watched {
    /// Events of this name, or of all, and members.
    Events(Option<String>),
    /// A map, or a key of it.
    Map(String, Option<String>),
}

/// Those who watch.
#[derive(Default)]
pub(super) struct Watchers(Vec<(Caller, Watched, Instant)>);

impl Watchers {
    /// Remembers somebody for a while; whether there was room.
    fn note(&mut self, caller: &Caller, watched: Watched) -> bool {
        self.0.retain(|(_, _, since)| since.elapsed() < REMEMBERED);
        let known = self.0.iter_mut().find(|(known, of, _)| known == caller && *of == watched);
        if let Some((_, _, since)) = known {
            *since = Instant::now();
            return true;
        }
        let has_room = self.0.len() < WATCHERS;
        if has_room {
            self.0.push((caller.clone(), watched, Instant::now()));
        }
        has_room
    }

    pub(super) fn tell(&self, transport: &mut dyn Transport, happening: &Happening) {
        for (caller, watched, since) in &self.0 {
            if since.elapsed() < REMEMBERED
                && let Some(told) = told(watched, happening)
            {
                transport.answer(caller, told.to_string().as_bytes());
            }
        }
    }
}

fn told(watched: &Watched, happening: &Happening) -> Option<Json> {
    match (watched, happening) {
        (Watched::Events(None), Happening::Member(change)) => Some(json!({
            "member": word_of(change.change), "node": change.node.to_string(), "name": change.name,
        })),
        (Watched::Events(name), Happening::Event(event))
            if name.as_ref().is_none_or(|name| *name == event.name) =>
        {
            let data = event.payload.to_json();
            Some(json!({ "event": event.name, "from": event.from.to_string(), "data": data }))
        }
        (Watched::Map(map, key), Happening::Map(change))
            if *map == change.map && key.as_ref().is_none_or(|key| *key == change.key) =>
        {
            Some(json!({ "map": change.map, "key": change.key, "value": value_json(&change.value) }))
        }
        _ => None,
    }
}

/// A value of a map as JSON; `null` is what is gone.
fn value_json(value: &MapValue) -> Json {
    match value {
        MapValue::Gone => Json::Null,
        MapValue::Value(bytes) => Value::from_msgpack(bytes)
            .map_or_else(|_| json!({ "bytes": bytes.len() }), |value| value.to_json()),
        MapValue::Counter(total) => json!({ "counter": total.to_string() }),
        MapValue::Element(bytes, is_there) => {
            let element = Value::from_msgpack(bytes).map_or(Json::Null, |value| value.to_json());
            json!({ "element": element, "is_there": is_there })
        }
        MapValue::Merged(merge, state) => json!({ "merge": merge, "bytes": state.len() }),
    }
}

/// A node that is asked.
pub(super) struct Asking {
    pub(super) node: Node,
}

impl Asking {
    /// The answer, if there is one at once.
    pub(super) fn answer(&self, caller: &Caller, question: &[u8], watchers: &mut Watchers) -> Option<Json> {
        let question: Json = match serde_json::from_slice(question) {
            Ok(question) => question,
            Err(error) => return Some(json!({ "error": format!("no question: {error}") })),
        };
        let text = |key: &str| question.get(key).and_then(Json::as_str).map(str::to_owned);
        let result = match question.get("ask").and_then(Json::as_str).unwrap_or_default() {
            "members" => Ok(json!({ "members": self.node.members() })),
            "services" => Ok(json!({ "instances": self.node.instances() })),
            "inspect" => Ok(self.inspect()),
            "events" => return begun(watchers.note(caller, Watched::Events(text("name")))),
            "emit" => self.emit(&question),
            "map_get" => self.map_get(&question),
            "map_set" => self.map_set(&question),
            "map_watch" => {
                let Some(map) = text("map") else { return Some(json!({ "error": "`map` is missing" })) };
                return begun(watchers.note(caller, Watched::Map(map, text("key"))));
            }
            "leave" => {
                self.node.begin_to_leave();
                Ok(json!({ "leaving": self.node.id().to_string() }))
            }
            other => Err(format!("nobody answers `{other}` here: this node is of another version")),
        };
        Some(result.unwrap_or_else(|error| json!({ "error": error })))
    }

    fn inspect(&self) -> Json {
        let node = &self.node;
        let members = node.members();
        let there = members.iter().filter(|member| member.presence.is_there()).count();
        json!({
            "node": node.id().to_string(),
            "name": members.first().map(|me| me.name.clone()),
            "epoch": members.first().map(|me| me.epoch),
            "listening": node.addresses(),
            "members": there,
            "has_disk": node.shared.has_disk,
            "answers": node.shared.handlers.served(),
            "keys": self.keys(),
            "counts": self.counts(),
            "transport": self.transport(),
        })
    }

    /// Its public key, and marks of the cluster's secrets: it listens with the first and believes any.
    fn keys(&self) -> Json {
        let ring = self.node.shared.ring();
        let Some(keys) = &ring.keys else { return Json::Null };
        json!({ "own": ring.own.map(|key| key.to_string()), "secrets": keys.marks() })
    }

    fn counts(&self) -> Json {
        let (counts, handlers) = (self.node.counts(), &self.node.shared.handlers);
        let load = std::sync::atomic::Ordering::Relaxed;
        let ring = self.node.shared.ring();
        json!({
            "malformed": counts.malformed, "foreign": counts.foreign, "stale": counts.stale,
            "no_route": counts.no_route, "carried": counts.carried, "twin": counts.twin,
            "forged": counts.forged, "refused": counts.refused, "dropped": counts.dropped,
            "held_back": counts.held_back, "tombstones": counts.tombstones, "renewed": counts.renewed,
            "too_large": counts.too_large,
            "handlers_failed": handlers.failed.load(load), "events_dropped": handlers.dropped.load(load),
            "requests_refused": handlers.jobs_refused.load(load), "missed": self.node.shared.missed.load(load),
            "entered": ring.entered, "not_entered": ring.not_entered,
        })
    }

    fn transport(&self) -> Json {
        let Undelivered { full, malformed, unknown_address, not_let_in } = self.node.undelivered();
        let Connections { links, half_open, shut } = self.node.connections();
        json!({
            "full": full, "malformed": malformed, "unknown_address": unknown_address,
            "not_let_in": not_let_in, "links": links, "half_open": half_open, "shut": shut,
        })
    }

    fn emit(&self, question: &Json) -> Result<Json, String> {
        let name = question.get("name").and_then(Json::as_str).ok_or("`name` is missing")?;
        let payload = payload_of(question.get("data").unwrap_or(&Json::Null))?;
        let to = question.get("to").and_then(Json::as_str);
        if let Some(to) = to {
            let to = self.find(to)?;
            // Without waiting for room: this is the thread that makes it.
            let sent = self.node.with(|core, now| core.engine.send_event(now, to, name, &payload));
            sent.map_err(|error| error.to_string())?;
            return Ok(json!({ "sent_to": to.to_string() }));
        }
        let members = self.node.with(|core, now| core.engine.emit(now, name, &payload, true));
        let members = members.map_err(|error| error.to_string())?;
        Ok(json!({ "sent_to": members }))
    }

    /// A node by its id, the begin of it, or its name.
    fn find(&self, text: &str) -> Result<NodeId, String> {
        let members = self.node.members();
        let is_it = |member: &&super::super::engine::Member| {
            member.name == text || !text.is_empty() && member.node.to_string().starts_with(text)
        };
        let found: Vec<NodeId> = members.iter().filter(is_it).map(|member| member.node).collect();
        match found.as_slice() {
            [node] => Ok(*node),
            [] => Err(format!("no member is called `{text}`, and no id begins so")),
            _ => Err(format!("{} members are called `{text}` or have an id that begins so", found.len())),
        }
    }

    fn map_get(&self, question: &Json) -> Result<Json, String> {
        let map = question.get("map").and_then(Json::as_str).ok_or("`map` is missing")?;
        let key = question.get("key").and_then(Json::as_str);
        let entries = self.node.map(map).entries().into_iter();
        let entries: Vec<Json> = entries
            .filter(|(name, _)| key.is_none_or(|key| key == name))
            .map(|(name, value)| json!({ "key": name, "value": value_json(&value) }))
            .collect();
        Ok(json!({ "map": map, "entries": entries }))
    }

    fn map_set(&self, question: &Json) -> Result<Json, String> {
        let map = question.get("map").and_then(Json::as_str).ok_or("`map` is missing")?;
        let key = question.get("key").and_then(Json::as_str).ok_or("`key` is missing")?;
        let value = match question.get("value") {
            None | Some(Json::Null) => None,
            Some(value) => Some(bytes_of(value)?),
        };
        // It is not waited for: this is the thread that keeps it. The answer leaves after it has been kept.
        self.node.set_without_waiting(map, key, value, Write::Local)?;
        Ok(json!({ "map": map, "key": key, "written": true }))
    }
}

/// Who watches is told so each time, and knows by it that the node is there.
fn begun(is_noted: bool) -> Option<Json> {
    Some(match is_noted {
        true => json!({ "watching": true }),
        false => json!({ "error": format!("{WATCHERS} watch already, which is the limit") }),
    })
}

fn bytes_of(value: &Json) -> Result<Vec<u8>, String> {
    let value = Value::from_json(value).map_err(|error| error.to_string())?;
    encode(&value).map_err(|error| error.to_string())
}

fn payload_of(value: &Json) -> Result<Payload, String> {
    Ok(Payload { content_type: "application/msgpack".to_owned(), data: bytes_of(value)?.into() })
}
