// An attribute that there is not, one at another place, one without a value.
use service_framework::prelude::*;

#[derive(Message)]
#[message(rename = "order")]
struct Order {
    #[message(renam = "id")]
    order_id: String,
    #[message(rename_all = "camelCase")]
    at: DateTime,
    #[message(default =)]
    amount: u8,
}

#[derive(Message)]
#[message(rename_all = "snakecase")]
enum Side {
    Buy,
    Sell,
}

fn main() {}
