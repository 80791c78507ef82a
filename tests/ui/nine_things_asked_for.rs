// A handler asks for at most eight things.
use service_framework::prelude::*;

fn place(
    _: (),
    _: ToSend,
    _: States,
    _: Config,
    _: WorkflowId,
    _: Deadline,
    _: ToSend,
    _: States,
    _: Config,
    _: WorkflowId,
) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").replyer("place", place);
}
