//! The vectors: real bytes, taken from the original services.

use serde_json::Value as Json;

/// One vector: some bytes of the original and what they mean.
pub(crate) struct Vector {
    pub(crate) name: String,
    /// A whole frame's body, or a single value.
    pub(crate) payload: Vec<u8>,
    /// The frames as they went over TCP, where they were recorded.
    pub(crate) zmtp: Option<Vec<u8>>,
    /// The meaning, in the vectors' own notation of bytes.
    pub(crate) meaning: Option<Json>,
}

/// All vectors that have a payload.
pub(crate) fn all() -> Vec<Vector> {
    file().iter().filter_map(vector).collect()
}

/// The payload of the vector `name`.
pub(crate) fn payload(name: &str) -> Vec<u8> {
    unhex(entry(name)["payload_hex"].as_str().unwrap())
}

/// What was recorded on TCP for the vector `name`.
pub(crate) fn recorded(name: &str) -> Vec<u8> {
    unhex(entry(name)["zmtp_hex"].as_str().unwrap())
}

fn entry(name: &str) -> Json {
    file().into_iter().find(|entry| entry["name"] == name).unwrap()
}

fn file() -> Vec<Json> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/wire_vectors.json");
    let mut file: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    serde_json::from_value(file["vectors"].take()).unwrap()
}

fn vector(json: &Json) -> Option<Vector> {
    Some(Vector {
        name: json["name"].as_str()?.to_owned(),
        payload: unhex(json["payload_hex"].as_str()?),
        zmtp: json["zmtp_hex"].as_str().map(unhex),
        meaning: json.get("payload_msgpack_as_json").cloned(),
    })
}

/// Bytes from pairs of hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
