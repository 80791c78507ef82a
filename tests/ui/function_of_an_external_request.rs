// The function that is called takes and returns what the link says.
use service_framework::prelude::*;

#[derive(Message)]
struct Order {
    id: String,
}

#[derive(Message)]
struct Priced {
    price: Decimal,
}

fn price(order: Order) -> Result<Order> {
    Ok(order)
}

#[derive(Links)]
struct Market {
    #[links(calls = price)]
    pricing: ExternalRequest<Order, Priced>,
}

fn main() {}
