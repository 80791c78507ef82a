// A config is a struct of its own.
use service_framework::prelude::*;

#[derive(Config)]
enum Mode {
    Fast,
    Slow,
}

#[derive(Config)]
struct Desk<'a> {
    symbol: &'a str,
}

fn main() {}
