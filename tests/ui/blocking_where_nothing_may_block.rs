// Who waits by blocking is in `workers`, or a hook.
use service_framework::prelude::*;

fn place(_: (), to_send: BlockingToSend) -> Result {
    Ok(())
}

async fn cancel(_: (), to_send: BlockingToSend) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").replyer("place", place);
    let _ = Service::new("desk").replyer("cancel", cancel);
}
