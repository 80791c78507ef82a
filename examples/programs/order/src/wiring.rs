//! Which function is behind which hook. `service_framework program new` writes this file again after
//! a change of the spec, as long as nobody else has changed it: the line below tells.
// root order, spec 90d31b35, code d9acba3a

use service_framework::program::Hooks;
use service_framework::service::Programs;

/// The spec, as it was when this was compiled.
pub const SPEC: &str = include_str!("../ryu_spec.json");

/// The function behind each hook, and beside it what undoes it.
pub fn hooks() -> Hooks {
    let hooks = Hooks::new();
    let hooks = hooks.hook("reserve", super::stock::reserve).rectified_by("release", super::stock::release);
    let hooks = hooks.hook("find_price", super::prices::find);
    let hooks = hooks
        .hook("charge", super::payment::charge)
        .rectified_by("refund", super::payment::refund)
        .rectified_by("note_refund", super::books::note_refund);
    let hooks = hooks.hook("choose_carrier", super::shipping::choose_carrier);
    let hooks =
        hooks.hook("ship", super::shipping::ship).rectified_by("cancel_parcel", super::shipping::cancel);
    let hooks = hooks.hook("write_letter", super::letters::write);
    hooks.hook("send_letter", super::letters::send)
}

/// The programs of the spec with these hooks.
pub fn programs() -> Programs {
    Programs::from_text(SPEC, hooks())
}
