//! A node that keeps one object, the same at all nodes, and changes it once a second.
//!
//!     cargo run --features cluster --example keeper -- 127.0.0.1:60858
//!     cargo run --features cluster --example keeper -- 127.0.0.1:0 127.0.0.1:60858
//!     service_framework cluster map watch object
//!
//! The first word is where it listens; others are where it joins. Whoever joins late has the object too.

use std::error::Error;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use service_framework::cluster::{Asked, HandlerError, MapChange, Node, NodeType, Payload};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Object {
    count: u64,
    last: String,
}

/// The part of the node that keeps the object, in the map of its own name.
struct Keeper;

impl NodeType for Keeper {
    fn name(&self) -> &str {
        "object"
    }

    fn on_replicate(&self, node: &Node, _: &MapChange) -> Result<(), HandlerError> {
        println!("{:?}", node.map("object").get::<Object>("it")?.unwrap_or_default());
        Ok(())
    }

    fn on_fetch(&self, node: &Node, _: &Asked) -> Result<Payload, HandlerError> {
        Ok(Payload::of(&node.map("object").get::<Object>("it")?)?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let listen = words.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let node = Node::builder("default").listen(&listen).join(words).with(Keeper).start()?;
    println!(
        "listening at {}",
        node.addresses().iter().map(|address| &*address.0).collect::<Vec<_>>().join(" ")
    );
    let object = node.map("object");
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let present = object.get::<Object>("it")?.unwrap_or_default();
        object.set("it", &Object { count: present.count + 1, last: node.id().to_string() })?;
    }
}
