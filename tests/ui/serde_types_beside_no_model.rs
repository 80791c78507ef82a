// Types of serde go with a model that is given as data.
use service_framework::prelude::*;

fn place(order: Vec<String>) -> Result<u64> {
    Ok(order.len() as u64)
}

fn main() {
    let _ = Service::new("desk").replyer("place", place);
}
