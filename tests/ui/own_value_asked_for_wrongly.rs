// A value of the service's own is `&mut` or `Own`, a shared one `Arc`.
use std::sync::Mutex;

use service_framework::prelude::*;

#[derive(Default)]
struct Book {
    orders: u64,
}

fn read(_: (), book: &Book) -> Result {
    Ok(())
}

fn place(_: (), book: &Mutex<Book>) -> Result {
    Ok(())
}

fn cancel(_: (), book: Own<Book>) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").owns(Book::default()).replyer("read", read);
    let _ = Service::new("desk").shares(Arc::new(Mutex::new(Book::default()))).replyer("place", place);
    let _ = Service::new("desk").owns(Book::default()).replyer("cancel", workers(4, cancel));
}
