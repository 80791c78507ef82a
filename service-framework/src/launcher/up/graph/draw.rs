//! A system as text, for Mermaid and for Graphviz.

use std::fmt::Write as _;

use super::{Graph, Node};
use crate::drawing::{DARK_RED, RED, in_dot, in_mermaid};
use crate::launcher::terminal::Palette;

pub(super) fn text(graph: &Graph, palette: Palette) -> String {
    let mut text = format!("{}\n", palette.bold(&graph.name));
    for (place, node) in graph.nodes.iter().enumerate() {
        let _ = writeln!(text, "{}", [palette.cyan(&node.title()), node.more()].join("  ").trim_end());
        if !node.waits_for.is_empty() {
            let names: Vec<&str> = node.waits_for.iter().map(|at| graph.nodes[*at].name.as_str()).collect();
            let _ = writeln!(text, "  depends on {}", names.join(", "));
        }
        for edge in graph.edges.iter().filter(|edge| edge.from == place) {
            let line = format!("→ {}  {} ({})", graph.nodes[edge.to].name, edge.label(), edge.what);
            if !edge.is_wrong() {
                let _ = writeln!(text, "  {line}");
                continue;
            }
            let _ = writeln!(text, "  {}", palette.red(&format!("{line}  DOES NOT FIT")));
            for problem in &edge.problems {
                let _ = writeln!(text, "      {}", palette.red(problem));
            }
        }
        if !node.outside.is_empty() {
            let _ = writeln!(text, "  {}", palette.dim(&format!("outside: {}", node.outside.join(", "))));
        }
    }
    text
}

pub(super) fn mermaid(graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (place, node) in graph.nodes.iter().enumerate() {
        let lines: Vec<String> = lines_of(node).iter().map(|line| in_mermaid(line)).collect();
        let _ = writeln!(text, "  s{place}[\"{}\"]", lines.join("<br/>"));
    }
    for edge in &graph.edges {
        let label = in_mermaid(&edge.label());
        let _ = writeln!(text, "  s{} -->|\"{label}\"| s{}", edge.from, edge.to);
    }
    for (from, to) in waits(graph) {
        let _ = writeln!(text, "  s{from} -.-> s{to}");
    }
    // Mermaid knows links by their numbers.
    for (number, _) in graph.edges.iter().enumerate().filter(|(_, edge)| edge.is_wrong()) {
        let _ = writeln!(text, "  linkStyle {number} stroke:{RED},color:{RED}");
    }
    text
}

pub(super) fn dot(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n  rankdir=LR\n", in_dot(&graph.name));
    text.push_str("  node [shape=box, style=rounded, fontname=\"sans-serif\"]\n");
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=10]\n");
    for (place, node) in graph.nodes.iter().enumerate() {
        let _ = writeln!(text, "  s{place} [label={}]", in_dot(&lines_of(node).join("\n")));
    }
    for edge in &graph.edges {
        let mut look = format!("label={}", in_dot(&edge.label()));
        if edge.is_wrong() {
            let tip = in_dot(&edge.problems.join("\n"));
            let _ = write!(look, ", color=\"{RED}\", fontcolor=\"{DARK_RED}\", tooltip={tip}");
        }
        let _ = writeln!(text, "  s{} -> s{} [{look}]", edge.from, edge.to);
    }
    for (from, to) in waits(graph) {
        let _ = writeln!(text, "  s{from} -> s{to} [style=dotted, arrowhead=open]");
    }
    text.push_str("}\n");
    text
}

/// Who waits for whom.
fn waits(graph: &Graph) -> impl Iterator<Item = (usize, usize)> {
    let nodes = graph.nodes.iter().enumerate();
    nodes.flat_map(|(from, node)| node.waits_for.iter().map(move |to| (from, *to)))
}

fn lines_of(node: &Node) -> Vec<String> {
    [node.title(), node.more()].into_iter().filter(|line| !line.is_empty()).collect()
}
