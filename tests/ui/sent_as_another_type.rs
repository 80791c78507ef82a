// A link sends its own type, and a state keeps its own.
use service_framework::prelude::*;

#[derive(Message)]
struct Order {
    id: String,
}

#[derive(Message)]
struct Cancelled {
    id: String,
}

#[derive(Links)]
struct Market {
    cancels: Publisher<Cancelled>,
    open: DeltaOut<Order>,
}

fn place(order: Order, market: &Market) -> Result {
    market.cancels.publish(order)?;
    market.open.set("o-1", Cancelled { id: String::new() })?;
    Ok(())
}

fn main() {}
