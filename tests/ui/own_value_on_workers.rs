// Workers run side by side, so they share.
use service_framework::prelude::*;

#[derive(Default)]
struct Book {
    orders: u64,
}

fn place(_: (), book: &mut Book) -> Result {
    book.orders += 1;
    Ok(())
}

fn main() {
    let _ = Service::new("desk").owns(Book::default()).replyer("place", workers(4, place));
}
