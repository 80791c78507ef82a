// Lengths of time have units, numbers no quotes, and help is a doc comment.
use service_framework::prelude::*;

#[derive(Config)]
struct Desk {
    #[config(default = "5 seconds")]
    patience: Duration,
    #[config(default = 5)]
    pause: Duration,
    #[config(default = "5")]
    retries: u8,
    #[config(default = "x")]
    note: Option<String>,
    #[config(help = "What is traded.")]
    symbol: String,
}

fn main() {}
