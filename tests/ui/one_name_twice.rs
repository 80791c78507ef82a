// Renaming makes one name of two.
use service_framework::prelude::*;

#[derive(Message)]
#[message(rename_all = "camelCase")]
struct Order {
    order_id: String,
    #[message(rename = "orderId")]
    id: u64,
}

fn main() {}
