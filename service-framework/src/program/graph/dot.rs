//! Programs as graphs for Graphviz.

use std::fmt::Write as _;

use super::chart::{Arrow, Block, Chart, Says, Step};
use crate::drawing::{DARK_RED, RED, in_dot};

pub(super) fn draw(charts: &[Chart]) -> String {
    let mut text = "digraph programs {\n  rankdir=TB\n".to_owned();
    text.push_str("  node [shape=box, style=rounded, fontname=\"sans-serif\"]\n");
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=10]\n");
    for (index, chart) in charts.iter().enumerate() {
        one(&mut text, index, chart);
    }
    text.push_str("}\n");
    text
}

fn one(text: &mut String, index: usize, chart: &Chart) {
    let _ = writeln!(text, "  subgraph cluster_p{index} {{\n    label={}", in_dot(&chart.name));
    let mut depth = 2;
    for (place, block) in chart.blocks().iter().enumerate() {
        let indent = "  ".repeat(depth);
        match block {
            Block::Open(group) => {
                let title = with_need(&group.name, group.needed_by.as_deref());
                let _ = writeln!(text, "{indent}subgraph cluster_p{index}g{place} {{");
                let _ = writeln!(text, "{indent}  label={}", in_dot(&title));
                depth += 1;
            }
            Block::Step(step) => node(text, &indent, index, step),
            Block::Close => {
                depth -= 1;
                let _ = writeln!(text, "{}}}", "  ".repeat(depth));
            }
        }
    }
    if chart.steps.is_empty() {
        let _ = writeln!(text, "    p{index}empty [label=\"no hooks\", shape=plaintext]");
    }
    if chart.left_out > 0 {
        let _ = writeln!(
            text,
            "    p{index}more [label=\"{} more steps are left out\", shape=plaintext]",
            chart.left_out
        );
    }
    text.push_str("  }\n");
    edges(text, index, chart);
}

fn node(text: &mut String, indent: &str, index: usize, step: &Step) {
    let (number, needed_by) = (step.number, step.needed_by.as_ref().map(|(_, name)| name.as_str()));
    let style = if needed_by.is_some() { ", style=\"rounded,dashed\"" } else { "" };
    let label = in_dot(&format!("{number} {}", with_need(&step.name, needed_by)));
    let _ = writeln!(text, "{indent}p{index}s{number} [label={label}{style}]");
    for (place, rectifier) in step.undone_by.iter().enumerate() {
        let label = in_dot(rectifier);
        let look = format!("color=\"{RED}\", fontcolor=\"{DARK_RED}\"");
        let _ = writeln!(text, "{indent}p{index}s{number}u{place} [label={label}, {look}]");
    }
    if !step.undone_by.is_empty() {
        let _ = writeln!(text, "{indent}{{rank=same; p{index}s{number}; p{index}s{number}u0}}");
    }
}

fn edges(text: &mut String, index: usize, chart: &Chart) {
    for Arrow { from, to, says } in chart.arrows(index) {
        let label = match says {
            Says::Next => String::new(),
            Says::UndoneBy => undoing("undone by"),
            Says::Then => undoing("then"),
        };
        let _ = writeln!(text, "  {from} -> {to}{label}");
    }
}

fn undoing(label: &str) -> String {
    format!(" [label=\"{label}\", style=dashed, color=\"{RED}\"]")
}

fn with_need(name: &str, needed_by: Option<&str>) -> String {
    match needed_by {
        Some(needed_by) => format!("{name}\nfor {needed_by}"),
        None => name.to_owned(),
    }
}
