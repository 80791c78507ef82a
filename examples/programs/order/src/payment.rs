//! The hooks of `payment`.

use service_framework::prelude::*;

use crate::shop;

/// What [`charge()`] reads.
#[derive(Debug, Message)]
pub struct ChargeArgs {
    pub order_id: String,
    pub customer_id: String,
    pub price: f64,
}

/// Takes the money. Not idempotent: nobody may be charged twice.
///
/// The hook `charge`. Needs `find_price`, which ran before it. Undone by `refund`, `note_refund`.
pub fn charge(args: ChargeArgs) -> Result<(), HookError> {
    let paid = shop::all("paid")?;
    if paid.iter().any(|(order, _)| *order == args.order_id) {
        return Err(HookError::new("the order is paid already"));
    }
    let spent: f64 = paid.iter().map(|(_, entry)| by(entry, &args.customer_id)).sum();
    let left = shop::number("accounts", &args.customer_id)? - spent;
    match args.price <= left {
        true => shop::write("paid", &args.order_id, &format!("{} {}", args.customer_id, args.price)),
        false => Err(HookError::new(format!("{} has {left}, and {} is due", args.customer_id, args.price))),
    }
}

/// What [`refund()`] reads.
#[derive(Debug, Message)]
pub struct RefundArgs {
    pub order_id: String,
}

/// Gives the money back.
///
/// The hook `refund`. Undoes `charge`, so it must find out what is there to undo. To run it twice
/// does the same as once.
pub fn refund(args: RefundArgs) -> Result<(), HookError> {
    shop::remove("paid", &args.order_id)
}

/// What a customer paid by a payment.
fn by(payment: &str, customer: &str) -> f64 {
    let (payer, price) = payment.split_once(' ').unwrap_or_default();
    if payer == customer { price.parse().unwrap_or(0.0) } else { 0.0 }
}
