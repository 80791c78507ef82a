// `main` and hooks have no message, and an async one does not block.
use service_framework::prelude::*;

#[derive(Message)]
struct Order {
    id: String,
}

fn takes_a_message(order: Order) -> Result {
    Ok(())
}

async fn blocks(to_send: BlockingToSend) -> Result {
    Ok(())
}

fn without_result(to_send: BlockingToSend) {}

fn main() {
    let _ = Service::new("desk").main(takes_a_message);
    let _ = Service::new("desk").main(blocks);
    let _ = Service::new("desk").main(without_result);
}
