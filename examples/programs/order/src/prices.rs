//! The hooks of `prices`.

use service_framework::prelude::*;

use crate::shop;

/// What [`find()`] reads.
#[derive(Debug, Message)]
pub struct FindArgs {
    pub item: String,
    /// Unless told it is 1.
    pub count: i64,
}

/// What [`find()`] gives.
#[derive(Debug, Default, Message)]
pub struct FindOutput {
    pub price: f64,
}

/// Looks up what the items cost.
///
/// The hook `find_price`. To run it twice does the same as once.
pub fn find(args: FindArgs) -> Result<FindOutput, HookError> {
    Ok(FindOutput { price: shop::number("prices", &args.item)? * args.count as f64 })
}
