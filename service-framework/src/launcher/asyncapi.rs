//! Services as an AsyncAPI 3 document: channels, operations and messages, for tools that draw, generate and compare.
//!
//! A connection is a channel and an operation; a state is a channel of its updates. What AsyncAPI has no word for stands in
//! `x-service-framework`, as models say it. External requests never leave the program and are left out.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Map, Value as Json, json};

use super::arguments::Options;
use super::{exit, report};
use crate::model::{
    Arguments, ConnectionModel, ConnectionType, ServiceModel, Side, StateModel, StateType, Type,
};

/// The version of AsyncAPI.
const ASYNCAPI: &str = "3.0.0";
/// What messages are.
const MSGPACK: &str = "application/msgpack";
/// What is said to speak at an address: ZeroMQ's protocol.
const ZMTP: &str = "zmtp";
/// What stands in each channel.
const OWN: &str = "x-service-framework";

/// A document of services.
#[derive(Debug, Default)]
pub(super) struct Document {
    info: Json,
    servers: Map<String, Json>,
    channels: Map<String, Json>,
    operations: Map<String, Json>,
}

/// A socket of a service that listens: its side, the name of its connection or state, and its address.
pub(super) type Listens = (Side, String, String);

/// One end of a channel, as it is written.
struct End<'a> {
    /// Its name in the document, which is unique there.
    key: String,
    side: Side,
    topic: Option<&'a str>,
    model: Json,
    /// Names and payloads of what goes over it; the second answers the first.
    messages: Vec<(&'static str, Json)>,
}

impl Document {
    pub(super) fn new(title: &str, version: &str) -> Self {
        Self { info: json!({ "title": title, "version": version }), ..Self::default() }
    }

    /// The document of one service.
    pub(super) fn of(model: &ServiceModel, listens: &[Listens]) -> Self {
        let mut document = Self::new(&model.name, &model.version);
        document.add(None, model, listens);
        document
    }

    /// Adds a service, whose name in a system begins what is called after it.
    pub(super) fn add(&mut self, name: Option<&str>, model: &ServiceModel, listens: &[Listens]) {
        let prefix = name.map(|name| format!("{name}.")).unwrap_or_default();
        let is_sent = |connection: &&ConnectionModel| connection.kind != ConnectionType::ExternalRequest;
        let connections =
            model.connections.iter().filter(is_sent).map(|model| (connection(model), &model.name));
        let states = model.states.iter().map(|model| (state(model), &model.name));
        for (mut end, own) in connections.chain(states) {
            let is_here = |(side, name, _): &&Listens| (*side, name) == (end.side, own);
            let addresses: Vec<&str> =
                listens.iter().filter(is_here).map(|(.., address)| address.as_str()).collect();
            end.key = format!("{prefix}{}", end.key);
            self.write(end, &addresses);
        }
    }

    fn write(&mut self, end: End<'_>, addresses: &[&str]) {
        let End { key, side, topic, model, messages } = end;
        let channel = format!("#/channels/{}", escaped(&key));
        let message = |(name, payload): &(&'static str, Json)| {
            ((*name).to_owned(), json!({ "name": name, "contentType": MSGPACK, "payload": payload }))
        };
        let own: Map<String, Json> = messages.iter().map(message).collect();
        let mut written = json!({ "address": topic, "messages": own });
        written[OWN] = model;
        if !addresses.is_empty() {
            written["servers"] = self.servers(&key, addresses);
        }
        let reference =
            |(name, _): &(&'static str, Json)| json!({ "$ref": format!("{channel}/messages/{name}") });
        let action = if side == Side::In { "receive" } else { "send" };
        let mut operation = json!({ "action": action, "channel": { "$ref": channel } });
        operation["messages"] = messages.iter().take(1).map(reference).collect();
        if let Some(reply) = messages.get(1) {
            operation["reply"] = json!({ "channel": { "$ref": channel }, "messages": [reference(reply)] });
        }
        self.channels.insert(key.clone(), written);
        self.operations.insert(key, operation);
    }

    /// Writes where a channel is; references to that.
    fn servers(&mut self, key: &str, addresses: &[&str]) -> Json {
        let mut references = Vec::new();
        for (number, address) in (1..).zip(addresses) {
            let name = if addresses.len() == 1 { key.to_owned() } else { format!("{key}.{number}") };
            let (transport, host) = address.split_once("://").unwrap_or(("tcp", address));
            let protocol = if transport == "tcp" { ZMTP.to_owned() } else { format!("{ZMTP}+{transport}") };
            references.push(json!({ "$ref": format!("#/servers/{}", escaped(&name)) }));
            self.servers.insert(name, json!({ "host": host, "protocol": protocol }));
        }
        references.into()
    }

    pub(super) fn to_json(&self) -> Json {
        let mut json = json!({ "asyncapi": ASYNCAPI, "info": self.info, "defaultContentType": MSGPACK });
        if !self.servers.is_empty() {
            json["servers"] = json!(self.servers);
        }
        json["channels"] = json!(self.channels);
        json["operations"] = json!(self.operations);
        json
    }
}

/// Whether the command line names the file of a system.
pub(super) fn is_system(options: &Options) -> bool {
    options.positional.as_deref().is_some_and(|name| Path::new(name).extension() == Some(OsStr::new("json")))
}

pub(super) fn print(document: &Document) -> ExitCode {
    report::print(&format!("{:#}\n", document.to_json()), exit::OK)
}

fn connection(model: &ConnectionModel) -> End<'_> {
    let message = model.message().json_schema();
    let messages = match model.kind.returns() {
        true => vec![("request", message), ("reply", model.returns.json_schema())],
        false => vec![("message", message)],
    };
    End {
        key: format!("{}.{}", model.side, model.name),
        side: model.side,
        topic: model.topic.as_deref(),
        model: model.to_json(),
        messages,
    }
}

fn state(model: &StateModel) -> End<'_> {
    let update = match model.kind {
        StateType::DeltaUpdate => delta(&model.arguments),
        StateType::FullUpdate => model.arguments.json_schema(),
    };
    End {
        // Connections and states may have one name.
        key: format!("{}.states.{}", model.side, model.name),
        side: model.side,
        topic: model.topic.as_deref(),
        model: model.to_json(),
        messages: vec![("update", update)],
    }
}

/// The message of an update: some keys of the state, nil where one is deleted, and which update it is.
fn delta(arguments: &Arguments) -> Json {
    let of_update = |(name, of): &(String, Type)| {
        let of = if name == "state" { some_keys(of) } else { of.clone() };
        (name.clone(), of)
    };
    let message = Arguments {
        required: arguments.required.iter().map(of_update).collect(),
        optional: arguments.optional.iter().map(of_update).collect(),
    };
    let mut schema =
        message.requires("current_num", Type::Int).requires("is_snapshot", Type::Bool).json_schema();
    if let Some(Type::Record(_)) = arguments.get("state")
        && let Some(state) = schema.pointer_mut("/properties/state").and_then(Json::as_object_mut)
    {
        state.remove("required");
    }
    schema
}

fn some_keys(state: &Type) -> Type {
    match state {
        Type::Map(keys, values) => Type::map((**keys).clone(), Type::optional((**values).clone())),
        Type::Record(fields) => {
            Type::Record(fields.iter().map(|(name, of)| (name.clone(), Type::optional(of.clone()))).collect())
        }
        other => other.clone(),
    }
}

/// A name in a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ServiceModel {
        ServiceModel {
            name: "order_desk".to_owned(),
            version: "1.2.0".to_owned(),
            connections: vec![
                ConnectionModel::replyer("cancel/one")
                    .requires("order_id", Type::Str)
                    .optional("reason", Type::Str)
                    .returns("filled", Type::Decimal),
                ConnectionModel::publisher("trades").topic("btc").requires("price", Type::Float),
                ConnectionModel::external_request("think"),
            ],
            states: vec![StateModel::delta_out("book", Type::record([("best", Type::Int)]))],
            ..ServiceModel::default()
        }
    }

    /// Every reference in a document leads somewhere.
    fn references(json: &Json, found: &mut Vec<String>) {
        match json {
            Json::Object(table) => {
                found.extend(table.get("$ref").and_then(Json::as_str).map(str::to_owned));
                table.values().for_each(|value| references(value, found));
            }
            Json::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn a_service_is_channels_and_operations() {
        let listens = [
            (Side::In, "cancel/one".to_owned(), "tcp://127.0.0.1:5601".to_owned()),
            (Side::Out, "book".to_owned(), "127.0.0.1:5602".to_owned()),
            (Side::Out, "book".to_owned(), "ipc:///run/book".to_owned()),
        ];
        let json = Document::of(&model(), &listens).to_json();
        let keys = |key: &str| json[key].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys("channels"), ["in.cancel/one", "out.trades", "out.states.book"]);
        assert_eq!(keys("operations"), keys("channels"));
        assert_eq!(
            json["servers"],
            json!({
                "in.cancel/one": { "host": "127.0.0.1:5601", "protocol": "zmtp" },
                "out.states.book.1": { "host": "127.0.0.1:5602", "protocol": "zmtp" },
                "out.states.book.2": { "host": "/run/book", "protocol": "zmtp+ipc" },
            })
        );
        let cancel = &json["operations"]["in.cancel/one"];
        assert_eq!(cancel["action"], "receive");
        assert_eq!(cancel["reply"]["messages"][0]["$ref"], "#/channels/in.cancel~1one/messages/reply");
        assert_eq!(json["operations"]["out.trades"]["action"], "send");
        assert_eq!(json["channels"]["out.trades"]["address"], "btc");
        let request = &json["channels"]["in.cancel/one"]["messages"]["request"]["payload"];
        assert_eq!(request["required"], json!(["order_id"]));
        let update = &json["channels"]["out.states.book"]["messages"]["update"]["payload"];
        assert_eq!(update["required"], json!(["state", "current_num", "is_snapshot"]));
        assert_eq!(update["properties"]["state"].get("required"), None);
        let mut found = Vec::new();
        references(&json, &mut found);
        assert!(found.len() > 6);
        for reference in found {
            assert!(json.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn services_of_a_system_are_told_apart() {
        let mut document = Document::new("shop", "0");
        document.add(Some("a"), &model(), &[]);
        document.add(Some("b"), &model(), &[]);
        let json = document.to_json();
        assert_eq!(json["channels"].as_object().unwrap().len(), 6);
        assert!(json["channels"].get("b.out.trades").is_some() && json.get("servers").is_none(), "{json}");
    }
}
