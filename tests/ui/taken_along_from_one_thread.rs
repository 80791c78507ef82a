// What a closure takes along goes to another thread.
use std::rc::Rc;

use service_framework::prelude::*;

fn main() {
    let count = Rc::new(5);
    let _ = Service::new("desk").replyer("place", move |_: ()| -> Result {
        drop(count.clone());
        Ok(())
    });
}
