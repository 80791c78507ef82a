//! The addresses of a new crate's services: ports of this machine, others for each name. Opens nothing.

use serde_json::{Value as Json, json};

use super::parts::{Part, Parts};

/// Below the ports that a system gives to whoever connects.
const FIRST_PORT: u32 = 10_000;

/// How many ports a crate has.
const PORTS: u32 = 10;

/// How many crates have ports of their own.
const CRATES: u32 = 2_000;

/// The first port of those that somebody else binds.
const ELSEWHERE: u32 = 5;

/// The addresses of a service in the crate called `name`. What it reaches is the crate's second service, or one that
/// is yet to be.
pub(super) fn addresses(name: &str, parts: &Parts, has_second: bool) -> Json {
    let port = first_port(name);
    let own = |number: u32| format!("127.0.0.1:{}", port + number);
    let other = |number: u32| own(number + if has_second { 0 } else { ELSEWHERE });
    let mut file = json!({ "connections": {} });
    if parts.has(Part::Replyer) {
        file["connections"]["in"]["hello"] = json!({ "replyer": own(1) });
    }
    if parts.has(Part::Subscriber) {
        file["connections"]["in"]["arrivals"] = json!({ "subscriber": other(2) });
    }
    if parts.has(Part::Requester) {
        file["connections"]["out"]["friend"] = json!({ "requester": other(1) });
    }
    if parts.has(Part::Publisher) {
        file["connections"]["out"]["greeted"] = json!({ "publisher": own(2) });
    }
    if parts.has(Part::Replica) {
        file["states"]["in"]["others"] = json!({ "subscriber": other(3), "requester": other(4) });
    }
    if parts.has(Part::State) {
        file["states"]["out"]["guests"] = json!({ "publisher": own(3), "replyer": own(4) });
    }
    file
}

/// Always the same for a name. Two names seldom have the same.
fn first_port(name: &str) -> u32 {
    // FNV-1a: no version of anything changes it.
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    FIRST_PORT + name.bytes().fold(0x811c_9dc5, mix) % CRATES * PORTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses_of(parts: &str, has_second: bool) -> Json {
        addresses("greeter", &Parts::read(parts).unwrap(), has_second)
    }

    #[test]
    fn two_ends_in_one_crate_meet() {
        let first = addresses_of("replyer,subscriber,replica", true);
        let second = addresses_of("requester,publisher,state,main", true);
        let at = |file: &Json, path: &str| file.pointer(path).unwrap().clone();
        for (one, other) in [
            ("/connections/in/hello/replyer", "/connections/out/friend/requester"),
            ("/connections/in/arrivals/subscriber", "/connections/out/greeted/publisher"),
            ("/states/in/others/subscriber", "/states/out/guests/publisher"),
            ("/states/in/others/requester", "/states/out/guests/replyer"),
        ] {
            assert_eq!(at(&first, one), at(&second, other));
        }
    }

    #[test]
    fn one_service_alone_has_every_port_once() {
        let file = addresses_of("replyer,subscriber,requester,publisher,state,replica", false).to_string();
        let mut ports: Vec<_> = file.match_indices("127.0.0.1:").map(|(at, _)| &file[at..at + 15]).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 8, "{file}");
    }

    #[test]
    fn ports_are_below_those_that_a_system_gives() {
        for name in ["greeter", "a", "order_desk", "order-desk"] {
            assert!((10_000..30_000).contains(&first_port(name)), "{name}");
        }
        assert_ne!(first_port("greeter"), first_port("order_desk"));
    }
}
