//! The hooks of `letters`.

use service_framework::prelude::*;

use crate::shop;

/// What [`write()`] reads.
#[derive(Debug, Message)]
pub struct WriteArgs {
    pub order_id: String,
}

/// The hook `write_letter`. To run it twice does the same as once.
pub fn write(args: WriteArgs) -> Result<(), HookError> {
    shop::write("letters", &args.order_id, &format!("Your order {} is on its way.", args.order_id))
}

/// What [`send()`] reads.
#[derive(Debug, Message)]
pub struct SendArgs {
    pub order_id: String,
    pub customer_id: String,
}

/// The hook `send_letter`.
pub fn send(args: SendArgs) -> Result<(), HookError> {
    let letter =
        shop::read("letters", &args.order_id)?.ok_or_else(|| HookError::new("there is no letter"))?;
    shop::write("sent", &args.order_id, &format!("{}: {letter}", args.customer_id))
}
