// A closure says the types of its parameters.
use service_framework::prelude::*;

fn main() {
    let _ = Service::new("desk").replyer("place", |order| Ok(order));
}
