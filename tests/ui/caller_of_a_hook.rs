// A hook is called by nobody.
use service_framework::prelude::*;

fn begin(caller: Caller) -> Result {
    Ok(())
}

fn main() {
    let _ = Service::new("desk").init_function(begin);
}
