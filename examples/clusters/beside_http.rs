//! An HTTP application with a node beside it, in one process: `GET /` says who is there, `GET /store` what is shared,
//! `GET /set/NAME/VALUE` shares something. Where it can be asked is a part of what the node says of itself.
//!
//!     cargo run --features cluster --example beside_http -- 127.0.0.1:8000 127.0.0.1:60858
//!     curl 127.0.0.1:8000/set/apples/12
//!
//! The HTTP is as simple as can be, so that nothing hides the node: any framework does as well.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use service_framework::cluster::{MapValue, Node};
use service_framework::value::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let listener = TcpListener::bind(words.next().unwrap_or_else(|| "127.0.0.1:0".to_owned()))?;
    let http = listener.local_addr()?.to_string();
    let node = Node::builder("default").listen("127.0.0.1:0").join(words).info("http", &http).start()?;
    println!("http://{http}");
    for stream in listener.incoming() {
        // Who hangs up half-way harms nobody else.
        if let Err(error) = answer(&node, stream?) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

fn answer(node: &Node, mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let path = line.split_whitespace().nth(1).unwrap_or_default();
    let body = match path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        [""] => serde_json::to_string(&node.members())?,
        ["store"] => store(node)?,
        ["set", name, value] => {
            node.map("store").set(name, value)?;
            "{}".to_owned()
        }
        _ => "{\"error\": \"there are /, /store and /set/NAME/VALUE\"}".to_owned(),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    Ok(())
}

fn store(node: &Node) -> Result<String, Box<dyn Error>> {
    let mut object = serde_json::Map::new();
    for (key, value) in node.map("store").entries() {
        if let MapValue::Value(bytes) = value {
            object.insert(key, Value::from_msgpack(&bytes)?.to_json());
        }
    }
    Ok(serde_json::to_string(&object)?)
}
