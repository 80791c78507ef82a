//! Addresses as files, and beside models.

use serde_json::json;

use super::resolve::Resolution;
use super::*;
use crate::model::{ConnectionModel, ServiceModel, StateModel, StateType};

fn read(json: Json) -> Result<Addresses, Vec<Problem>> {
    Addresses::from_json(&json, Some("a.json"))
}

fn problems(json: Json) -> String {
    lines(&read(json).unwrap_err())
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A desk that answers `cancel`, hears `prices`, asks `venue` and tells `trades`.
fn desk() -> ServiceModel {
    model([
        ConnectionModel::replyer("cancel"),
        ConnectionModel::subscriber("prices"),
        ConnectionModel::requester("venue"),
        ConnectionModel::publisher("trades"),
    ])
}

fn model<const N: usize>(connections: [ConnectionModel; N]) -> ServiceModel {
    ServiceModel { name: "desk".to_owned(), connections: connections.into(), ..ServiceModel::default() }
}

fn right() -> Json {
    json!({
        "in": {"cancel": {"replyer": "127.0.0.1:8001"}, "prices": {"subscriber": "10.0.0.7:9000"}},
        "out": {"venue": {"requester": ["a:1", "b:1"]}, "trades": {"publisher": "ipc:///run/trades"}},
    })
}

/// The right addresses with `change` done to them, beside the desk.
fn beside_desk(change: impl FnOnce(&mut Json)) -> Resolution {
    let mut json = right();
    change(&mut json);
    read(json!({ "connections": json })).unwrap().resolve(&desk())
}

#[test]
fn both_forms_say_the_same() {
    let older = read(right()).unwrap().resolve(&desk());
    let newer =
        read(json!({"connections": right(), "states": {"in": {}, "out": {}}})).unwrap().resolve(&desk());
    let anywhere = |resolution: &Resolution| {
        let sockets = resolution.resolved.sockets.clone().into_iter();
        sockets.map(|socket| ResolvedSocket { place: String::new(), ..socket }).collect::<Vec<_>>()
    };
    assert_eq!(anywhere(&older), anywhere(&newer));
    assert_eq!(newer.resolved.sockets[0].place, format!("connections.{}", older.resolved.sockets[0].place));
    assert_eq!((older.problems.len(), older.warnings.len()), (0, 0));
    let texts = |side, name| {
        let endpoints = older.resolved.connection(side, name).unwrap();
        endpoints.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(texts(Side::In, "cancel"), ["tcp://127.0.0.1:8001"]);
    assert_eq!(texts(Side::Out, "venue"), ["tcp://a:1", "tcp://b:1"]);
    assert_eq!(older.resolved.connection(Side::Out, "cancel"), None);
    let bound: Vec<_> =
        older.resolved.sockets.iter().filter(|socket| socket.binds).map(|socket| &*socket.name).collect();
    assert_eq!(bound, ["cancel", "trades"]);
}

#[test]
fn nothing_is_a_file_for_a_service_without_sockets() {
    let resolution = read(json!({})).unwrap().resolve(&model([ConnectionModel::external_request("sum")]));
    assert_eq!(resolution, Resolution::default());
}

#[test]
fn every_mistake_of_a_file_is_listed() {
    insta::assert_snapshot!(problems(json!([])), @"a.json: expected a table, found a list of 0");
    insta::assert_snapshot!(problems(json!({"conections": {}, "states": {}})), @r#"a.json: conections: expected one of connections, states, cluster, $schema, found unknown key "conections" (did you mean `connections`?)"#);
    insta::assert_snapshot!(problems(json!({"connections": {"inn": {}}, "in": {}})), @r#"
    a.json: in: expected one of connections, states, cluster, $schema, found unknown key "in"
    a.json: connections.inn: expected one of in, out, $schema, found unknown key "inn" (did you mean `in`?)
    "#);
    insta::assert_snapshot!(
        problems(json!({
            "in": {
                "cancel": {"replyer": "256.1.1.1:8001"},
                "prices": {"subscriber": ["127.0.0.1", 8001, "a:1", "tcp://a:1"]},
                "other": "127.0.0.1:8001",
            },
            "out": {"venue": {"requester": []}, "trades": {"publisher": "tpc://a:1"}},
        })),
        @r#"
    a.json: in.cancel.replyer: expected an address: host:port, tcp://host:port, ipc://path or inproc://name, found "256.1.1.1:8001": `256.1.1.1` is no IPv4 address (four numbers from 0 to 255, as in 127.0.0.1)
    a.json: in.prices.subscriber[0]: expected an address: host:port, tcp://host:port, ipc://path or inproc://name, found "127.0.0.1": it has no port (add the port: host:8001)
    a.json: in.prices.subscriber[1]: expected an address: host:port, tcp://host:port, ipc://path or inproc://name, found 8001
    a.json: in.prices.subscriber[3]: expected each address once, found tcp://a:1 again
    a.json: in.other: expected a table, found "127.0.0.1:8001"
    a.json: out.venue.requester: expected at least one address, found an empty list
    a.json: out.trades.publisher: expected an address: host:port, tcp://host:port, ipc://path or inproc://name, found "tpc://a:1": `tpc` is no transport (did you mean tcp://?)
    "#
    );
}

#[test]
fn a_missing_name_is_told_with_the_one_that_is_near() {
    let resolution = beside_desk(|json| {
        let venue = json["out"].as_object_mut().unwrap().remove("venue").unwrap();
        json["out"]["vanue"] = venue;
    });
    insta::assert_snapshot!(lines(&resolution.problems), @"a.json: connections.out.venue: expected the address of the out connection `venue`, found nothing (`vanue` has an address, but no model: was it meant?)");
    assert_eq!(resolution.resolved.sockets.len(), 3);

    let resolution = beside_desk(|json| {
        let cancel = json["in"].as_object_mut().unwrap().remove("cancel").unwrap();
        json["out"]["cancel"] = cancel;
    });
    insta::assert_snapshot!(lines(&resolution.problems), @"a.json: connections.in.cancel: expected the address of the in connection `cancel`, found nothing (it stands on the other side, or under the other heading)");
}

#[test]
fn names_of_other_services_are_a_warning() {
    let resolution = beside_desk(|json| json["in"]["clock"] = json!({"subscriber": "a:1"}));
    assert_eq!(resolution.problems, []);
    assert_eq!(resolution.warnings, ["a.json: `desk` has no model of connections.in.clock"]);
}

#[test]
fn sockets_are_named_by_the_type() {
    insta::assert_snapshot!(
        lines(&beside_desk(|json| json["in"]["cancel"] = json!({"replier": "127.0.0.1:8001"})).problems),
        @"a.json: connections.in.cancel: expected the socket `replyer` with its address, found `replier` (the name of a socket is the type of its connection)"
    );
    insta::assert_snapshot!(lines(&beside_desk(|json| json["in"]["cancel"] = json!({})).problems), @"a.json: connections.in.cancel: expected the socket `replyer` with its address, found nothing");
    insta::assert_snapshot!(
        lines(&beside_desk(|json| json["in"]["cancel"]["requester"] = json!("127.0.0.1:8001")).problems),
        @r#"a.json: connections.in.cancel.requester: expected one of replyer, found unknown key "requester""#
    );
}

#[test]
fn an_address_suits_its_side() {
    insta::assert_snapshot!(
        lines(&beside_desk(|json| json["in"]["cancel"]["replyer"] = json!(["a:1", "b:1"])).problems),
        @"a.json: connections.in.cancel.replyer: expected one address, since this socket binds, found a list of 2"
    );
    insta::assert_snapshot!(
        lines(&beside_desk(|json| json["out"]["venue"]["requester"] = json!(["*:1", "b:*"])).problems),
        @r"
    a.json: connections.out.venue.requester: expected an address to connect to, found tcp://*:1: `*` is every interface, which only a bind can use
    a.json: connections.out.venue.requester: expected an address to connect to, found tcp://b:*: only a bind can let the system choose
    "
    );
    insta::assert_snapshot!(
        lines(&beside_desk(|json| json["out"]["trades"]["publisher"] = json!("tcp://127.0.0.1:8001")).problems),
        @"a.json: connections.out.trades.publisher: expected an address of its own, found tcp://127.0.0.1:8001, which `connections.in.cancel.replyer` binds too"
    );
    let chosen = beside_desk(|json| {
        json["in"]["cancel"]["replyer"] = json!("*:0");
        json["out"]["trades"]["publisher"] = json!("*:0");
    });
    assert_eq!(chosen.problems, []);
}

#[test]
fn the_model_decides_which_end_binds() {
    let turned = model([
        ConnectionModel::subscriber("prices").binds(),
        ConnectionModel::publisher("trades").connects(),
    ]);
    let json =
        json!({"in": {"prices": {"subscriber": "*:1"}}, "out": {"trades": {"publisher": ["a:1", "b:1"]}}});
    let resolution = read(json).unwrap().resolve(&turned);
    assert_eq!(resolution.problems, []);
    assert_eq!(
        resolution.resolved.sockets.iter().map(|socket| socket.binds).collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn a_delta_state_has_two_sockets() {
    let states = vec![
        StateModel::new("book", Side::In, StateType::DeltaUpdate),
        StateModel::new("orders", Side::Out, StateType::DeltaUpdate),
        StateModel::new("mood", Side::Out, StateType::FullUpdate),
    ];
    let model = ServiceModel { name: "desk".to_owned(), states, ..ServiceModel::default() };
    let resolve = |json| read(json).unwrap().resolve(&model);
    let right = resolve(json!({"states": {
        "in": {"book": {"subscriber": "a:1", "requester": "a:2"}},
        "out": {"orders": {"publisher": "*:3", "replyer": "*:4"}, "mood": {"publisher": "*:5"}},
    }}));
    assert_eq!(right.problems, []);
    assert_eq!(right.resolved.sockets.iter().filter(|socket| socket.binds).count(), 3);
    let wrong = resolve(json!({"states": {
        "in": {"book": {"subscriber": "a:1", "replyer": "a:2"}},
        "out": {"orders": {"publisher": "*:3", "replyer": "*:3"}},
    }}));
    insta::assert_snapshot!(lines(&wrong.problems), @r"
    a.json: states.in.book: expected the socket `requester` with its address, found `subscriber` and `replyer` (the name of a socket is the type of its state)
    a.json: states.out.mood: expected the address of the out state `mood`, found nothing
    a.json: states.out.orders.replyer: expected an address of its own, found tcp://*:3, which `states.out.orders.publisher` binds too
    ");
}

#[test]
fn a_bad_address_does_not_hide_a_bad_name() {
    let json = json!({"in": {"ecko": {"replyer": "127.0.0.1:99999"}, "status": {"subscriber": 5}}});
    let model = model([ConnectionModel::replyer("echo"), ConnectionModel::subscriber("status")]);
    let problems = Addresses::lay(&json, None, &model).problems;
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["in.ecko.replyer", "in.status.subscriber", "in.echo"], "{problems:?}");
}

#[test]
fn what_is_found_in_a_cluster_needs_one_and_a_socket_that_connects() {
    let connections = vec![ConnectionModel::replyer("cancel"), ConnectionModel::requester("prices")];
    let model = ServiceModel { name: "desk".into(), connections, ..ServiceModel::default() };
    let lay = |cluster: serde_json::Value, replyer: &str| {
        let json = serde_json::json!({
            "cluster": cluster,
            "in": {"cancel": {"replyer": replyer}},
            "out": {"prices": {"requester": ["cluster://quotes/price", "10.0.0.9:1"]}},
        });
        let resolution = Addresses::lay(&json, Some("a.json"), &model);
        let problems: Vec<String> = resolution.problems.iter().map(ToString::to_string).collect();
        (resolution.resolved.cluster, problems)
    };
    let (cluster, problems) =
        lay(serde_json::json!({"name": "shop", "join": "10.0.0.5:60858"}), "127.0.0.1:0");
    assert_eq!(problems, [""; 0]);
    let cluster = cluster.unwrap();
    assert_eq!(
        (&*cluster.name, &*cluster.join, cluster.weight),
        ("shop", &["10.0.0.5:60858".to_owned()][..], 1)
    );
    let (_, problems) = lay(serde_json::Value::Null, "127.0.0.1:0");
    assert!(
        problems[0].starts_with("a.json: out.prices.requester: expected a `cluster` at the top"),
        "{problems:?}"
    );
    let (_, problems) = lay(serde_json::json!({"name": "shop"}), "cluster://desk/cancel");
    assert!(
        problems[0].starts_with("a.json: in.cancel.replyer: expected an address of this host"),
        "{problems:?}"
    );
    let (_, problems) = lay(serde_json::json!({"jion": [], "weight": 0}), "127.0.0.1:0");
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn only_own_delta_states_are_shared() {
    let states = vec![StateModel::delta_out("prices", crate::model::Type::Any)];
    let model = ServiceModel { name: "desk".into(), states, ..ServiceModel::default() };
    let lay = |share: &str| {
        let json = serde_json::json!({
            "cluster": {"name": "shop", "share": share},
            "states": {"out": {"prices": {"publisher": "127.0.0.1:0", "replyer": "127.0.0.1:0"}}},
        });
        let resolution = Addresses::lay(&json, None, &model);
        (resolution.problems.first().map(ToString::to_string), resolution.warnings)
    };
    assert_eq!(lay("prices"), (None, vec![]));
    let (near, _) = lay("price");
    assert!(near.unwrap().ends_with("found \"price\" (did you mean \"prices\"?)"));
    let (none, warnings) = lay("orders");
    assert_eq!((none, warnings.len()), (None, 1));
}
