// An error is a type that implements `Error`.
use service_framework::prelude::*;

fn place(_: ()) -> Result {
    Err("there is no such order")?
}

fn cancel(_: ()) -> Result {
    Err(Refused::new("unknown_order", "there is no such order"))
}

fn main() {}
