// What is sent and answered has `#[derive(Message)]`, and an answer owns what it holds.
use service_framework::prelude::*;

struct Order {
    id: String,
}

#[derive(Message)]
struct Found<'a> {
    id: &'a str,
}

#[derive(Links)]
struct Market {
    orders: Publisher<Order>,
    venue: Requester<(), Found<'static>>,
}

async fn find(_: (), market: Market) -> Result {
    let found = market.venue.request(()).await?;
    Ok(())
}

fn main() {}
