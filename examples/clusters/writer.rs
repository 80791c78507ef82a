//! A second kind of node: it writes each new value of the object that the example `keeper` keeps to a file.
//!
//!     cargo run --features cluster --example writer -- values.txt 127.0.0.1:60858

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Mutex;

use service_framework::cluster::{HandlerError, Happening, MapChange, MapValue, Node, NodeType};
use service_framework::value::Value;

/// The part of the node that writes what the map `object` has become.
struct Writer(Mutex<File>);

impl NodeType for Writer {
    fn name(&self) -> &str {
        "object"
    }

    fn on_replicate(&self, _: &Node, change: &MapChange) -> Result<(), HandlerError> {
        let MapValue::Value(bytes) = &change.value else { return Ok(()) };
        let line = format!("{}\n", Value::from_msgpack(bytes)?.to_json());
        let mut file = self.0.lock().map_err(|_| "another handler panicked with the file")?;
        Ok(file.write_all(line.as_bytes())?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let path = words.next().ok_or("the file is missing: writer FILE ADDRESS…")?;
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let node =
        Node::builder("default").listen("127.0.0.1:0").join(words).with(Writer(Mutex::new(file))).start()?;
    // A full disk is no reason to go on in silence.
    for happening in node.happenings() {
        if let Happening::HandlerFailed { error, .. } = happening {
            return Err(error.into());
        }
    }
    Ok(())
}
