//! `ps`: everything that runs, and how it is.

use std::io::stdout;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::found::{self, Found, text};
use crate::launcher::arguments::Options;
use crate::launcher::columns::{self, aligned};
use crate::launcher::terminal::Palette;
use crate::launcher::up::Readable;
use crate::launcher::{exit, report};

const HEADS: [&str; 8] = ["name", "service", "state", "pid", "up for", "restarts", "cpu", "memory"];

/// Prints everything that has a control socket, and what systems say of services that do not run now.
pub(super) fn ps(options: &Options) -> ExitCode {
    let wanted = |found: &Found| match &options.positional {
        None => true,
        Some(system) => found.system.as_ref().is_some_and(|(name, _)| name == system),
    };
    let all: Vec<Found> = found::all().into_iter().filter(wanted).collect();
    let text = match options.json {
        true => format!("{:#}\n", Json::from_iter(all.iter().map(to_json))),
        false if all.is_empty() => "nothing runs\n".to_owned(),
        false => table(&all, options.color.palette(&stdout())),
    };
    report::print(&text, exit::OK)
}

fn to_json(found: &Found) -> Json {
    let mut json = found.said.clone();
    if let Some((system, up)) = &found.system {
        json["system"] = json!(system);
        json["up"] = json!(up);
    }
    json["cpu_seconds"] = json!(found.usage.map(|usage| usage.cpu.as_secs_f64()));
    json["memory"] = json!(found.usage.map(|usage| usage.memory));
    json
}

fn table(all: &[Found], palette: Palette) -> String {
    let heads = HEADS.map(|head| palette.bold(head)).to_vec();
    let rows: Vec<Vec<String>> =
        std::iter::once(heads).chain(all.iter().map(|found| row(found, palette))).collect();
    columns::text(&aligned(&rows, &[3, 4, 5, 6, 7]))
}

fn row(found: &Found, palette: Palette) -> Vec<String> {
    let said = &found.said;
    let uptime =
        said.get("uptime").and_then(Json::as_f64).and_then(|time| Duration::try_from_secs_f64(time).ok());
    let restarts = said.get("restarts").and_then(Json::as_u64);
    vec![
        found.full_name(),
        text(said, "service").to_owned(),
        state(said, palette),
        found.pid.map(|pid| pid.to_string()).unwrap_or_default(),
        uptime.map(|time| Readable(time).to_string()).unwrap_or_default(),
        restarts.map(|restarts| restarts.to_string()).unwrap_or_default(),
        found.usage.map(|usage| format!("{:.1} s", usage.cpu.as_secs_f64())).unwrap_or_default(),
        found.usage.map(|usage| size(usage.memory)).unwrap_or_default(),
    ]
}

/// The state in its colour, with what it waits for or how it ended.
pub(crate) fn state(said: &Json, palette: Palette) -> String {
    let word = text(said, "state");
    let painted = match word {
        "ready" => palette.green(word),
        "failed" | "given up" => palette.red(word),
        "ended" | "stopped" => palette.dim(word),
        _ => palette.yellow(word),
    };
    let waits_for: Vec<&str> = said
        .get("waits_for")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let end = said.get("end").and_then(Json::as_str).filter(|_| !["ended", "stopped"].contains(&word));
    let more = match (waits_for.as_slice(), end) {
        ([_, ..], _) => format!(" for {}", waits_for.join(", ")),
        (_, Some(end)) => format!(": {end}"),
        _ => String::new(),
    };
    painted + &more
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1_000.0 { format!("{mib:.1} MiB") } else { format!("{:.2} GiB", mib / 1_024.0) }
}
