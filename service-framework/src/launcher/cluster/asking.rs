//! The commands that ask a node.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::keys;
use crate::cluster::{DEFAULT_PORT, ask};
use crate::launcher::arguments::Options;
use crate::launcher::columns::{self, aligned};
use crate::launcher::say::say;
use crate::launcher::terminal::one_line;
use crate::launcher::{exit, report};
use crate::model::Problem;

/// Which node is asked if the line does not say.
const NODE: &str = "SERVICE_FRAMEWORK_NODE";

fn address(options: &Options) -> String {
    let said =
        options.clusters.node.clone().or_else(|| std::env::var(NODE).ok().filter(|said| !said.is_empty()));
    let address = said.unwrap_or_else(|| format!("127.0.0.1:{DEFAULT_PORT}"));
    if address.contains("://") { address } else { format!("tcp://{address}") }
}

/// One answer, and what is printed of it for people.
fn once(
    options: &Options,
    question: &Json,
    shown: impl FnOnce(&Json) -> String,
) -> Result<ExitCode, Vec<Problem>> {
    once_of(options, question, |answer| answer, shown)
}

/// The same of a part of the answer.
fn once_of(
    options: &Options,
    question: &Json,
    part: impl FnOnce(Json) -> Json,
    shown: impl FnOnce(&Json) -> String,
) -> Result<ExitCode, Vec<Problem>> {
    let keys = keys::named(options)?;
    let mut answer = Json::Null;
    let asked = ask(&address(options), keys.as_ref(), question, options.clusters.timeout, &mut |json| {
        answer = json.clone();
        false
    });
    if let Some(error) = asked.err().or_else(|| error_of(&answer)) {
        return Ok(failed(&error));
    }
    let answer = part(answer);
    let text = if options.json { format!("{answer}\n") } else { shown(&answer) };
    Ok(report::print(&text, exit::OK))
}

/// Answers as they come, until the reader or the node is gone.
fn follow(options: &Options, question: &Json, shown: fn(&Json) -> String) -> Result<ExitCode, Vec<Problem>> {
    let keys = keys::named(options)?;
    let (mut error, mut is_reader_gone) = (None, false);
    let address = address(options);
    // A node that is there says so every second.
    let patience = options.clusters.timeout.max(Duration::from_secs(3));
    let asked = ask(&address, keys.as_ref(), question, patience, &mut |json| {
        error = error_of(json);
        if error.is_some() || json.get("watching").is_some() {
            return error.is_none();
        }
        let text = if options.json { format!("{json}\n") } else { shown(json) };
        let mut stdout = std::io::stdout().lock();
        is_reader_gone = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err();
        !is_reader_gone
    });
    match asked.err().or(error) {
        Some(error) => Ok(failed(&error)),
        None if is_reader_gone => Ok(ExitCode::from(exit::OK)),
        None => Ok(failed(&format!("the node at {address} does not answer any more"))),
    }
}

fn error_of(answer: &Json) -> Option<String> {
    answer.get("error").and_then(Json::as_str).map(str::to_owned)
}

fn failed(error: &str) -> ExitCode {
    say!("error: {error}");
    ExitCode::from(exit::FAILED)
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// JSON behind a command, as it was written.
fn value(text: Option<&String>, place: &str) -> Result<Json, Vec<Problem>> {
    let Some(text) = text else { return Ok(Json::Null) };
    serde_json::from_str(text).map_err(|error| {
        let problem = Problem::new(place, "JSON", format!("{text:?}: {error}"));
        vec![problem.with_hint(format!("text is written '{}'", json!(text)))]
    })
}

pub(super) fn members(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let is_gone = |member: &Json| ["left", "down"].contains(&text(member, "presence"));
    let wanted = |answer: Json| {
        let all = listed(&answer).iter();
        let members: Vec<&Json> = all.filter(|member| options.clusters.all || !is_gone(member)).collect();
        json!({ "members": members })
    };
    once_of(options, &json!({ "ask": "members" }), wanted, |answer| table(listed(answer)))
}

fn listed(answer: &Json) -> &[Json] {
    answer.get("members").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn table(members: &[Json]) -> String {
    let row = |member: &Json| {
        let addresses = member.get("addresses").and_then(Json::as_array).into_iter().flatten();
        let addresses: Vec<&str> = addresses.filter_map(Json::as_str).collect();
        let services = member.get("services").and_then(Json::as_array).into_iter().flatten();
        let services: Vec<&str> = services.map(|service| text(service, "service")).collect();
        let id: String = text(member, "node").chars().take(8).collect();
        [
            id,
            text(member, "name").to_owned(),
            text(member, "presence").to_owned(),
            addresses.join(" "),
            services.join(" "),
        ]
    };
    table_of(["node", "name", "is", "at", "services"], members.iter().map(row))
}

/// Rows below their heads.
fn table_of<const N: usize>(heads: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let heads = std::iter::once(heads.map(str::to_owned));
    // Members choose what stands there.
    let rows: Vec<_> = heads.chain(rows).map(|row| row.map(|cell| one_line(&cell)).to_vec()).collect();
    columns::text(&aligned(&rows, &[]))
}

pub(super) fn services(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let is_it = |instance: &Json| {
        options.positional.as_ref().is_none_or(|service| text(instance, "service") == service)
    };
    let wanted = |answer: Json| {
        let all = answer.get("instances").and_then(Json::as_array).into_iter().flatten();
        json!({ "instances": all.filter(|instance| is_it(instance)).collect::<Vec<_>>() })
    };
    once_of(options, &json!({ "ask": "services" }), wanted, |answer| {
        let instances = answer.get("instances").and_then(Json::as_array).into_iter().flatten();
        let heads = ["service", "socket", "at", "node", "name", "is", "weight"];
        table_of(heads, instances.flat_map(sockets))
    })
}

/// A row for each socket of an instance; one without a socket for one that has none.
fn sockets(instance: &Json) -> Vec<[String; 7]> {
    let is_ready = instance.get("ready").and_then(Json::as_bool).unwrap_or_default();
    let is = if is_ready { text(instance, "presence") } else { "draining" };
    let row = |socket: &str, address: &str| {
        [
            text(instance, "service").to_owned(),
            socket.to_owned(),
            address.to_owned(),
            text(instance, "node").chars().take(8).collect(),
            text(instance, "name").to_owned(),
            is.to_owned(),
            instance.get("weight").unwrap_or(&Json::Null).to_string(),
        ]
    };
    let endpoints = instance.get("endpoints").and_then(Json::as_object).into_iter().flatten();
    let rows: Vec<_> =
        endpoints.map(|(socket, address)| row(socket, address.as_str().unwrap_or_default())).collect();
    if rows.is_empty() { vec![row("-", "-")] } else { rows }
}

pub(super) fn events(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    follow(options, &json!({ "ask": "events", "name": options.positional }), |json| match json.get("event") {
        Some(event) => format!(
            "{} from {:.8}: {}\n",
            one_line(event.as_str().unwrap_or_default()),
            text(json, "from"),
            one_line(&json.get("data").unwrap_or(&Json::Null).to_string())
        ),
        None => {
            format!("{:.8} {} {}\n", text(json, "node"), one_line(text(json, "name")), text(json, "member"))
        }
    })
}

pub(super) fn emit(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let question = json!({
        "ask": "emit",
        "name": options.positional,
        "data": value(options.further.first(), "JSON")?,
        "to": options.clusters.to,
    });
    once(options, &question, |answer| format!("sent to {}\n", answer.get("sent_to").unwrap_or(&Json::Null)))
}

pub(super) fn map(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let action = options.positional.as_deref().unwrap_or_default();
    let (map, key) = (options.further.first(), options.further.get(1));
    match action {
        "set" => {
            let (Some(key), Some(_)) = (key, options.further.get(2)) else {
                return Err(vec![Problem::missing(
                    "command line",
                    "KEY and JSON: what is set, null to delete it",
                )]);
            };
            let value = value(options.further.get(2), "JSON")?;
            let question = json!({ "ask": "map_set", "map": map, "key": key, "value": value });
            once(options, &question, |_| "written\n".to_owned())
        }
        "watch" => follow(options, &json!({ "ask": "map_watch", "map": map, "key": key }), entry),
        _ => once(options, &json!({ "ask": "map_get", "map": map, "key": key }), |answer| {
            let entries = answer.get("entries").and_then(Json::as_array).into_iter().flatten();
            let text: String = entries.map(entry).collect();
            if text.is_empty() {
                say!("nothing is there");
            }
            text
        }),
    }
}

fn entry(json: &Json) -> String {
    let value = json.get("value").unwrap_or(&Json::Null).to_string();
    format!("{} {}\n", one_line(text(json, "key")), one_line(&value))
}

pub(super) fn leave(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    once(options, &json!({ "ask": "leave" }), |answer| format!("{} leaves\n", text(answer, "leaving")))
}

pub(super) fn inspect(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    once(options, &json!({ "ask": "inspect" }), |answer| format!("{answer:#}\n"))
}
