// A handler returns a `Result`, whose error is that of the library.
use service_framework::prelude::*;

#[derive(Message)]
struct Order {
    id: String,
}

fn place(order: Order) -> Order {
    order
}

fn nothing(order: Order) {}

async fn cancel(order: Order) -> Order {
    order
}

fn own_error(order: Order) -> std::result::Result<Order, String> {
    Err("no".to_owned())
}

fn main() {
    let _ = Service::new("desk").replyer("place", place);
    let _ = Service::new("desk").replyer("nothing", nothing);
    let _ = Service::new("desk").replyer("cancel", cancel);
    let _ = Service::new("desk").replyer("own_error", own_error);
}
