// What is in a message is a type of messages too.
use service_framework::prelude::*;

struct Leg {
    symbol: String,
}

#[derive(Message)]
struct Order {
    legs: Vec<Leg>,
}

fn main() {}
