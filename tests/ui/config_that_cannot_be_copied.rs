// Whoever asks for a config gets one of its own, so its parts are `Clone`.
use service_framework::prelude::*;

#[derive(Message)]
struct Limit {
    per_day: u32,
}

#[derive(Config)]
struct Limits {
    limits: Vec<Limit>,
}

fn main() {}
