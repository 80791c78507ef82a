// A handler takes its message, not a reference to it.
use service_framework::prelude::*;

#[derive(Message)]
struct Order {
    id: String,
}

fn place(order: &Order) -> Result {
    Ok(())
}

async fn cancel(order: &Order) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").replyer("place", place).replyer("cancel", cancel);
}
