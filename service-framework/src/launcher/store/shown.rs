//! What a store says of itself, for people and for programs.

use serde_json::{Value as Json, json};

use crate::launcher::terminal::Palette;
use crate::store::{Damage, Info};

pub(super) fn info(info: &Info, palette: Palette) -> String {
    let mut text = format!("{}\n", palette.bold(&info.location));
    let mut row = |name: &str, content: String| {
        text.push_str(&format!("  {}  {content}\n", palette.dim(&format!("{name:8}"))));
    };
    row("backend", format!("{}, schema {}", info.backend, info.schema));
    row("size", size(info.size));
    row("streams", info.streams.to_string());
    row("events", info.events.to_string());
    for mark in &info.marks {
        row("", format!("{} {}: {}", mark.category, mark.status, mark.count));
    }
    row("timers", info.timers.to_string());
    row("outbox", info.outbox.to_string());
    row("claims", info.claims.to_string());
    row("leases", info.leases.to_string());
    text
}

pub(super) fn info_json(info: &Info) -> Json {
    let marks = info
        .marks
        .iter()
        .map(|mark| json!({"category": mark.category, "status": mark.status, "count": mark.count}));
    json!({
        "location": info.location,
        "backend": info.backend,
        "schema": info.schema,
        "size": info.size,
        "streams": info.streams,
        "events": info.events,
        "marks": marks.collect::<Json>(),
        "timers": info.timers,
        "outbox": info.outbox,
        "claims": info.claims,
        "leases": info.leases,
    })
}

pub(super) fn damage(damage: &[Damage], palette: Palette) -> String {
    let line = |damage: &Damage| format!("{} {}: {}\n", palette.red("damaged:"), damage.place, damage.what);
    damage.iter().map(line).collect()
}

pub(super) fn damage_json(damage: &[Damage]) -> Json {
    let damage = damage.iter().map(|damage| json!({"place": damage.place, "what": damage.what}));
    json!({"damage": damage.collect::<Json>()})
}

/// Bytes as people count them.
pub(super) fn size(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let step = (bytes.max(1).ilog2() / 10).min(4);
    match step {
        0 => format!("{bytes} bytes"),
        _ => format!("{:.1} {}", bytes as f64 / f64::from(1 << 10).powi(step as i32), units[step as usize]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 30), "5.0 GiB");
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
    }
}
