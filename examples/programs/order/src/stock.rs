//! The hooks of `stock`.

use service_framework::prelude::*;

use crate::shop;

/// What [`reserve()`] reads.
#[derive(Debug, Message)]
pub struct ReserveArgs {
    pub order_id: String,
    pub item: String,
    /// Unless told it is 1.
    pub count: i64,
}

/// Takes the items out of stock.
///
/// The hook `reserve`. Undone by `release`. To run it twice does the same as once.
pub fn reserve(args: ReserveArgs) -> Result<(), HookError> {
    let reserved = shop::all("reserved")?;
    if reserved.iter().any(|(order, _)| *order == args.order_id) {
        return Ok(());
    }
    let left = shop::number("stock", &args.item)?
        - reserved.iter().map(|(_, entry)| of(entry, &args.item)).sum::<f64>();
    // Runs for one item come one after the other: the program has the lock `item:{item}`.
    match args.count > 0 && args.count as f64 <= left {
        true => shop::write("reserved", &args.order_id, &format!("{} {}", args.item, args.count)),
        false => {
            Err(HookError::new(format!("{} of {} were asked for, {left} are left", args.count, args.item)))
        }
    }
}

/// What [`release()`] reads.
#[derive(Debug, Message)]
pub struct ReleaseArgs {
    pub order_id: String,
}

/// Puts the items back. Does nothing if they are back already.
///
/// The hook `release`. Undoes `reserve`, so it must find out what is there to undo. To run it twice
/// does the same as once.
pub fn release(args: ReleaseArgs) -> Result<(), HookError> {
    shop::remove("reserved", &args.order_id)
}

/// How many of an item a reservation takes.
fn of(reservation: &str, item: &str) -> f64 {
    let (reserved, count) = reservation.split_once(' ').unwrap_or_default();
    if reserved == item { count.parse().unwrap_or(0.0) } else { 0.0 }
}
