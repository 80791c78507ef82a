// A test asks for the other side of a struct of links.
use service_framework::prelude::*;
use service_framework::testing::inline;

#[derive(Message)]
struct Order {
    id: String,
}

#[derive(Links)]
struct Market {
    orders: Publisher<Order>,
}

struct Desk;

fn main() {
    let kit = inline(Service::new("desk")).start().unwrap();
    let _ = kit.links::<Desk>();
}
