//! The programs that are measured, and what is behind their hooks: as little as can be, and the same as in `original.py`.

use service_framework::program::{HookError, Hooks, Pool, Spec};
use service_framework::service::Programs;

const SPEC: &str = include_str!("spec.json");

/// The spec and its hooks.
pub(crate) fn programs() -> Programs {
    Programs::from_text(SPEC, hooks())
}

pub(crate) fn spec() -> Spec {
    Spec::from_text(SPEC).expect("a spec without problems")
}

pub(crate) fn hooks() -> Hooks {
    Hooks::new()
        .hook("reserve", reserve)
        .rectified_by("release", release)
        .hook("price", price)
        .hook("charge", charge)
        .rectified_by("refund", refund)
        .hook("ship", ship)
}

fn text<'p>(pool: &'p Pool, name: &str) -> Result<&'p str, HookError> {
    let value = pool.get(name).and_then(|value| value.as_str());
    value.ok_or_else(|| HookError::new(format!("there is no {name}")))
}

fn reserve(pool: &mut Pool) -> Result<(), HookError> {
    let place = format!("shelf of {}", text(pool, "item")?);
    pool.set("place", place);
    Ok(())
}

fn release(pool: &mut Pool) -> Result<(), HookError> {
    pool.remove("place");
    Ok(())
}

fn price(pool: &mut Pool) -> Result<(), HookError> {
    pool.set("price", 12.5);
    Ok(())
}

fn charge(pool: &mut Pool) -> Result<(), HookError> {
    let receipt = format!("r-{}", text(pool, "item")?);
    pool.set("receipt", receipt);
    Ok(())
}

fn refund(pool: &mut Pool) -> Result<(), HookError> {
    pool.remove("receipt");
    Ok(())
}

fn ship(pool: &mut Pool) -> Result<(), HookError> {
    if text(pool, "country")? == "moon" {
        return Err(HookError::new("nobody goes there"));
    }
    let parcel = format!("p-{}", text(pool, "item")?);
    pool.set("parcel", parcel);
    Ok(())
}
