//! `cluster sim`: a cluster under faults, simulated.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::cluster::sim::{Report, Scenario, run as simulate};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, files, report};
use crate::model::Problem;

/// Runs a scenario and says what came of it.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn run(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let path = Path::new(options.positional.as_deref().unwrap_or_default());
    let json = files::read_json(path).map_err(|problem| vec![problem])?;
    let mut scenario = Scenario::from_json(&json).map_err(|error| {
        let (place, expected) = error.split_once(": ").unwrap_or(("", &error));
        vec![Problem::new(place, expected, "something else").in_file(&path.display().to_string())]
    })?;
    if let Some(seed) = options.clusters.seed {
        scenario.seed = seed;
    }
    let outcome = simulate(&scenario);
    if let Some(file) = &options.clusters.svg
        && let Err(error) = std::fs::write(file, outcome.to_svg())
    {
        say!("error: {}: {}", file.display(), files::plain(&error));
        return Ok(ExitCode::from(exit::FAILED));
    }
    let code = if outcome.broken.is_empty() { exit::OK } else { exit::FAILED };
    let text = if options.json { format!("{}\n", to_json(&outcome)) } else { to_text(&outcome) };
    Ok(report::print(&text, code))
}

fn to_json(report: &Report) -> serde_json::Value {
    let broken: Vec<String> = report.broken.iter().map(ToString::to_string).collect();
    json!({
        "name": report.name, "seed": report.seed, "nodes": report.nodes,
        "seconds": report.length.as_secs_f64(),
        "settled_after": report.settled_after.map(|after| after.as_secs_f64()),
        "broken": broken, "frames": report.frames, "bytes": report.bytes,
        "digest": format!("{:016x}", report.digest), "tallied": format!("{:?}", report.tallied),
    })
}

fn to_text(report: &Report) -> String {
    let mut text = report.history();
    for broken in &report.broken {
        text.push_str(&format!("BROKEN: {broken}\n"));
    }
    let settled = match report.settled_after {
        Some(after) => format!("one again {:.1} s after the last fault", after.as_secs_f64()),
        None => "never one again".to_owned(),
    };
    text.push_str(&format!(
        "{}: {} nodes, {:.0} s, seed {}: {settled}; {} promises broken; {} frames, {} bytes\n",
        report.name,
        report.nodes,
        report.length.as_secs_f64(),
        report.seed,
        report.broken.len(),
        report.frames,
        report.bytes,
    ));
    text
}
