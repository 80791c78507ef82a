//! The hooks of `books`.

use service_framework::prelude::*;

use crate::shop;

/// What [`note_refund()`] reads.
#[derive(Debug, Message)]
pub struct NoteRefundArgs {
    pub order_id: String,
}

/// Writes into the books that money was given back.
///
/// The hook `note_refund`. Undoes `charge`, so it must find out what is there to undo. To run it
/// twice does the same as once.
pub fn note_refund(args: NoteRefundArgs) -> Result<(), HookError> {
    shop::write("refunds", &args.order_id, "refunded")
}
