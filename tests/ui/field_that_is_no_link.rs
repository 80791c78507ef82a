// Fields of a struct of links are links.
use service_framework::prelude::*;

#[derive(Links)]
struct Market {
    name: String,
    venue: Option<Publisher<()>>,
}

fn main() {}
