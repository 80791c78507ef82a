//! Programs as flowcharts for Mermaid.

use std::fmt::Write as _;

use super::chart::{Arrow, Block, Chart, Says, Step};
use crate::drawing::{DARK_RED, RED, in_mermaid};

pub(super) fn draw(charts: &[Chart]) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (index, chart) in charts.iter().enumerate() {
        one(&mut text, index, chart);
    }
    text.push_str("  classDef dependency stroke-dasharray: 2 2\n");
    let _ = writeln!(text, "  classDef rectifier fill:#fbe9e7,stroke:{RED},color:{DARK_RED}");
    text
}

fn one(text: &mut String, index: usize, chart: &Chart) {
    let _ = writeln!(text, "  subgraph p{index}[\"{}\"]", in_mermaid(&chart.name));
    let mut depth = 2;
    for (place, block) in chart.blocks().iter().enumerate() {
        let indent = "  ".repeat(depth);
        match block {
            Block::Open(group) => {
                let title = with_need(&group.name, group.needed_by.as_deref());
                let _ = writeln!(text, "{indent}subgraph p{index}g{place}[\"{title}\"]");
                depth += 1;
            }
            Block::Step(step) => node(text, &indent, index, step),
            Block::Close => {
                depth -= 1;
                let _ = writeln!(text, "{}end", "  ".repeat(depth));
            }
        }
    }
    if chart.steps.is_empty() {
        let _ = writeln!(text, "    p{index}empty[\"no hooks\"]");
    }
    if chart.left_out > 0 {
        let _ = writeln!(text, "    p{index}more[\"{} more steps are left out\"]", chart.left_out);
    }
    text.push_str("  end\n");
    edges(text, index, chart);
}

fn node(text: &mut String, indent: &str, index: usize, step: &Step) {
    let (number, needed_by) = (step.number, step.needed_by.as_ref().map(|(_, name)| name.as_str()));
    let class = if needed_by.is_some() { ":::dependency" } else { "" };
    let label = with_need(&step.name, needed_by);
    let _ = writeln!(text, "{indent}p{index}s{number}[\"{number} {label}\"]{class}");
    for (place, rectifier) in step.undone_by.iter().enumerate() {
        let label = in_mermaid(rectifier);
        let _ = writeln!(text, "{indent}p{index}s{number}u{place}([\"{label}\"]):::rectifier");
    }
}

fn edges(text: &mut String, index: usize, chart: &Chart) {
    for Arrow { from, to, says } in chart.arrows(index) {
        let arrow = match says {
            Says::Next => "-->",
            Says::UndoneBy => "-.->|undone by|",
            Says::Then => "-.->|then|",
        };
        let _ = writeln!(text, "  {from} {arrow} {to}");
    }
}

fn with_need(name: &str, needed_by: Option<&str>) -> String {
    match needed_by {
        Some(needed_by) => format!("{}<br/>for {}", in_mermaid(name), in_mermaid(needed_by)),
        None => in_mermaid(name),
    }
}
