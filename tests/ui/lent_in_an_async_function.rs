// An async handler may wait, and nothing can be lent over that.
use service_framework::prelude::*;

#[derive(Default)]
struct Book {
    orders: u64,
}

#[derive(Config)]
struct Desk {
    symbol: String,
}

async fn place(_: (), book: &mut Book) -> Result {
    Ok(())
}

async fn cancel(_: (), desk: &Desk) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").owns(Book::default()).replyer("place", place);
    let _ = Service::new("desk").replyer("cancel", cancel);
}
