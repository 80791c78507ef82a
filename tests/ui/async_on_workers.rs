// Functions in `workers` block, they do not await.
use service_framework::prelude::*;

async fn place(_: ()) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").replyer("place", workers(4, place));
}
