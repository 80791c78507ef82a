// Arguments have names, and a variant holds one value.
use service_framework::prelude::*;

#[derive(Message)]
struct Point(f64, f64);

#[derive(Message)]
enum Order {
    Limit { price: Decimal, amount: Decimal },
    Market(Decimal, bool),
    Nothing,
}

#[derive(Message)]
union Either {
    number: u64,
    float: f64,
}

fn main() {}
