// What a function asks for is something that the service has.
use service_framework::prelude::*;

struct Book;

struct Market {
    orders: Publisher<()>,
}

fn place(_: (), count: u32) -> Result {
    Ok(())
}

fn cancel(_: (), book: Book) -> Result {
    Ok(())
}

async fn send(_: (), market: Market) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").replyer("place", place);
    let _ = Service::new("desk").owns(Book).replyer("cancel", cancel);
    let _ = Service::new("desk").replyer("send", send);
}
