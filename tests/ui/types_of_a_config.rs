// A config holds what messages hold.
use std::net::SocketAddr;
use std::path::PathBuf;

use service_framework::prelude::*;

#[derive(Config)]
struct Desk {
    folder: PathBuf,
    peer: Option<SocketAddr>,
    limits: Limits,
}

#[derive(Config, Clone)]
struct Limits {
    per_day: u32,
}

fn main() {}
