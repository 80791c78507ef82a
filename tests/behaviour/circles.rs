//! Services that ask each other in a circle.

use serde_json::json;
use service_framework::service::{Result, Service, ToSend};

use super::inside::{Ask, Echo, Inside, ask, echo, replyer, requester};
use super::peers::{Peer, payload};
use super::place::Place;

#[test]
fn a_circle_of_requests_ends() {
    // Asked for "outer", it asks `middle`, which asks it twice before it answers.
    async fn on_echo(asked: Ask, to_send: ToSend) -> Result<Echo> {
        if asked.payload == "outer" {
            return Ok(to_send.request("mid", ask("inner")).await?);
        }
        Ok(echo(asked.payload))
    }
    let place = Place::new();
    let outer = Service::new("outer").receives(replyer("echo"), on_echo).connection(requester("mid"));
    let addresses = json!({
        "in": {"echo": {"replyer": place.at("echo")}},
        "out": {"mid": {"requester": place.at("mid")}},
    });
    let running = Inside::start(outer, addresses);
    let addresses = json!({
        "in": {"mid": {"replyer": place.at("mid")}},
        "out": {"echo": {"requester": place.at("echo")}},
    });
    let _middle = place.start("middle", addresses, &[]);
    let peer = Peer::connect(zmq::DEALER, &place.at("echo"));
    for _ in 0..20 {
        assert_eq!(peer.ask(&payload("outer")).echo(), "innerinner!");
    }
    running.end();
}
