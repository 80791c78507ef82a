// A message that borrows is gone when an async handler goes on.
use service_framework::prelude::*;

#[derive(Message)]
struct Order<'a> {
    id: &'a str,
}

async fn place(order: Order<'_>) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").replyer("place", place);
}
