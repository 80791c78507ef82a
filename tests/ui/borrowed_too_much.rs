// A message borrows text and bytes, from the bytes that it came in.
use service_framework::prelude::*;

#[derive(Message)]
struct Order<'a, 'b> {
    symbol: &'static str,
    note: &'a str,
    other: &'b str,
    legs: &'a [Leg],
    first: &'a Leg,
}

#[derive(Message)]
struct Leg {
    symbol: String,
}

fn main() {}
