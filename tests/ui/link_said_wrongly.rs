// What is said of a link has a use for it.
use service_framework::prelude::*;

#[derive(Message)]
struct Order {
    id: String,
}

#[derive(Links)]
struct Market {
    #[links(topic = "desk", timeout = "2s")]
    venue: Requester<Order, Order>,
    #[links(within = "2")]
    other_venue: Requester<Order, Order>,
    pricing: ExternalRequest<Order, Order>,
    #[links(name = "venue")]
    orders: Publisher<Order>,
    #[links(connects = true)]
    trades: Publisher<Order>,
}

fn main() {}
