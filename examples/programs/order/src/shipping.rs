//! The hooks of `shipping`.

use service_framework::prelude::*;

use crate::shop;

/// What [`choose_carrier()`] reads.
#[derive(Debug, Message)]
pub struct ChooseCarrierArgs {
    /// Unless told it is false.
    pub express: bool,
}

/// What [`choose_carrier()`] gives.
#[derive(Debug, Default, Message)]
pub struct ChooseCarrierOutput {
    pub carrier: String,
}

/// Chooses who brings the parcel.
///
/// The hook `choose_carrier`. To run it twice does the same as once.
pub fn choose_carrier(args: ChooseCarrierArgs) -> Result<ChooseCarrierOutput, HookError> {
    let carrier = if args.express { "express" } else { "post" };
    Ok(ChooseCarrierOutput { carrier: carrier.to_owned() })
}

/// What [`ship()`] reads.
#[derive(Debug, Message)]
pub struct ShipArgs {
    pub order_id: String,
    pub carrier: String,
}

/// What [`ship()`] gives.
#[derive(Debug, Default, Message)]
pub struct ShipOutput {
    /// The number to follow the parcel by.
    pub parcel: String,
}

/// Orders the parcel.
///
/// The hook `ship`. Needs `choose_carrier`, which ran before it. Undone by `cancel_parcel`. To run
/// it twice does the same as once.
pub fn ship(args: ShipArgs) -> Result<ShipOutput, HookError> {
    if shop::read("carriers", &args.carrier)?.is_none() {
        return Err(HookError::new(format!("{} takes no parcels now", args.carrier)));
    }
    let parcel = format!("{}-{}", args.carrier, args.order_id);
    shop::write("parcels", &args.order_id, &parcel)?;
    Ok(ShipOutput { parcel })
}

/// What [`cancel()`] reads.
#[derive(Debug, Message)]
pub struct CancelArgs {
    pub order_id: String,
}

/// Calls the parcel back.
///
/// The hook `cancel_parcel`. Undoes `ship`, so it must find out what is there to undo. To run it
/// twice does the same as once.
pub fn cancel(args: CancelArgs) -> Result<(), HookError> {
    shop::remove("parcels", &args.order_id)
}
