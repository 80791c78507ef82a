// What a closure takes along, it takes along for good.
use service_framework::prelude::*;

fn main() {
    let text = String::new();
    let _ = Service::new("desk").replyer("cancel", |_: ()| -> Result {
        drop(text.len());
        Ok(())
    });
}
