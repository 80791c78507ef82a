// The message is the first parameter.
use service_framework::prelude::*;

#[derive(Message)]
struct Order {
    id: String,
}

#[derive(Config)]
struct Desk {
    symbol: String,
}

fn place(desk: &Desk, order: Order) -> Result {
    Ok(())
}

async fn cancel(desk: Desk, order: Order) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").replyer("place", place).replyer("cancel", cancel);
}
