// Bytes are `Bytes`.
use service_framework::prelude::*;

#[derive(Message)]
struct Upload {
    name: String,
    content: Vec<u8>,
    parts: Option<Vec<Vec<u8>>>,
}

fn main() {}
