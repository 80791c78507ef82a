// What a handler takes and returns has `#[derive(Message)]`.
use service_framework::prelude::*;

struct Order {
    id: String,
}

#[derive(Message)]
struct Cancel {
    id: String,
}

struct Cancelled {
    id: String,
}

fn place(order: Order) -> Result {
    Ok(())
}

fn cancel(order: Cancel) -> Result<Cancelled> {
    Ok(Cancelled { id: order.id })
}

async fn cancel_later(order: Cancel) -> Result<Cancelled> {
    Ok(Cancelled { id: order.id })
}

fn main() {
    let _ = Service::new("desk")
        .replyer("place", place)
        .replyer("cancel", cancel)
        .replyer("cancel_later", cancel_later);
}
