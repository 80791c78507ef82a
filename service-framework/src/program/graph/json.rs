//! Programs as JSON for other programs.

use serde_json::{Value as Json, json};

use super::chart::{Block, Chart, Step, charts};
use crate::program::spec::Spec;

/// The programs at these places of [`Spec::programs`]: a list with, for each, its steps in the order in which they run.
///
/// ```json
/// [{"program": "buy", "left_out": 0, "steps": [{
///     "number": 1, "hook": "reserve", "reference": "order.stock.reserve", "needed_by": null,
///     "within": ["programs.prepare"], "undone_by": ["release"]
/// }]}]
/// ```
#[must_use]
pub fn to_json(spec: &Spec, programs: &[usize]) -> Json {
    charts(spec, programs).iter().map(chart_json).collect()
}

fn chart_json(chart: &Chart) -> Json {
    let mut within: Vec<&str> = Vec::new();
    let mut steps = Vec::new();
    for block in chart.blocks() {
        match block {
            Block::Open(group) => within.push(&group.name),
            Block::Step(step) => steps.push(step_json(step, &within)),
            Block::Close => {
                within.pop();
            }
        }
    }
    json!({"program": chart.name, "left_out": chart.left_out, "steps": steps})
}

fn step_json(step: &Step, within: &[&str]) -> Json {
    json!({
        "number": step.number,
        "hook": step.name,
        "reference": step.reference,
        "needed_by": step.needed_by.as_ref().map(|(_, name)| name),
        "within": within,
        "undone_by": step.undone_by,
    })
}
