// A default is of the type of its field.
use service_framework::prelude::*;

#[derive(Config)]
struct Desk {
    #[config(default = 5)]
    rate: f64,
    #[config(default = true)]
    symbol: String,
}

fn main() {}
