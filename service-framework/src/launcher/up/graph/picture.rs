//! A system as a picture: services in columns, each to the left of those that it begins to talk to.

use std::fmt::Write as _;

use super::{Edge, Graph, Node};
use crate::drawing::{in_xml, svg};

/// Pixels: of a box, between columns and rows, and around all.
const BOX: (f64, f64) = (170.0, 46.0);
const GAP: (f64, f64) = (150.0, 34.0);
const MARGIN: f64 = 20.0;
/// What is above the first row.
const TOP: f64 = 50.0;
/// Between the arrows of one box.
const STEP: f64 = 14.0;

pub(super) fn svg_of(graph: &Graph) -> String {
    let places = places(graph);
    let mut body = String::new();
    let title = in_xml(&graph.name);
    let _ = writeln!(body, "  <text class=\"title\" x=\"{MARGIN}\" y=\"26\">{title}</text>");
    for (number, edge) in graph.edges.iter().enumerate() {
        draw_edge(&mut body, edge, places[edge.from], places[edge.to], among(graph, number));
    }
    for (node, place) in graph.nodes.iter().zip(&places) {
        draw_node(&mut body, node, *place);
    }
    let right = places.iter().map(|(x, _)| x + BOX.0).fold(240.0, f64::max);
    let bottom = places.iter().map(|(_, y)| y + BOX.1).fold(TOP, f64::max);
    svg((right + MARGIN, bottom + GAP.1), &body)
}

/// The left upper corner of each service.
fn places(graph: &Graph) -> Vec<(f64, f64)> {
    let columns = columns(graph);
    let mut heights = vec![0_u32; graph.nodes.len() + 1];
    let place = |column: &usize| {
        let row = f64::from(heights[*column]);
        heights[*column] += 1;
        let column = u32::try_from(*column).map_or(0.0, f64::from);
        (MARGIN + column * (BOX.0 + GAP.0), TOP + row * (BOX.1 + GAP.1))
    };
    columns.iter().map(place).collect()
}

/// The longest way to each service from one that nobody talks to. Circles end where they began.
fn columns(graph: &Graph) -> Vec<usize> {
    let mut columns = vec![0; graph.nodes.len()];
    // A way without a circle has no more steps than there are services.
    for _ in 0..graph.nodes.len() {
        for edge in graph.edges.iter().filter(|edge| edge.from != edge.to) {
            if columns[edge.to] <= columns[edge.from] && columns[edge.from] + 1 < graph.nodes.len() {
                columns[edge.to] = columns[edge.from] + 1;
            }
        }
    }
    columns
}

/// How many edges between the same two services come before this one.
fn among(graph: &Graph, number: usize) -> f64 {
    let edge = &graph.edges[number];
    let same = graph.edges[..number].iter().filter(|other| (other.from, other.to) == (edge.from, edge.to));
    u32::try_from(same.count()).map_or(0.0, f64::from)
}

fn draw_edge(body: &mut String, edge: &Edge, from: (f64, f64), to: (f64, f64), among: f64) {
    let shift = 12.0 + among * STEP;
    let (x, y) = (from.0 + BOX.0, from.1 + shift);
    let (end_x, end_y) = (to.0 - 2.0, to.1 + shift);
    let bend = ((end_x - x) / 2.0).max(40.0);
    let (class, marker) = if edge.is_wrong() { ("back", "undo") } else { ("rail", "down") };
    let curve = format!("M{x} {y}C{} {y} {} {end_y} {end_x} {end_y}", x + bend, end_x - bend);
    let tip = [edge.what.to_owned()].into_iter().chain(edge.problems.iter().cloned()).collect::<Vec<_>>();
    let _ = writeln!(body, "  <g><title>{}</title>", in_xml(&tip.join("; ")));
    let _ = writeln!(
        body,
        "  <path class=\"{class}\" fill=\"none\" marker-end=\"url(#{marker})\" d=\"{curve}\"/>"
    );
    let label = in_xml(&edge.label());
    let (label_x, label_y) = (x + (end_x - x) * 0.28, y + (end_y - y) * 0.22 - 3.0);
    let _ =
        writeln!(body, "  <text class=\"small\" x=\"{label_x:.0}\" y=\"{label_y:.0}\">{label}</text></g>");
}

fn draw_node(body: &mut String, node: &Node, (x, y): (f64, f64)) {
    let class = if node.waits_for.is_empty() { "step" } else { "step dependency" };
    let (width, height) = BOX;
    let outside = in_xml(&node.outside.join(", "));
    let _ = writeln!(body, "  <g><title>{outside}</title>");
    let _ = writeln!(
        body,
        "  <rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
    );
    for (class, text, down) in [("", node.title(), 19.0), ("small", node.more(), 35.0)] {
        let _ = writeln!(
            body,
            "  <text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
            x + 10.0,
            y + down,
            in_xml(&text)
        );
    }
    body.push_str("  </g>\n");
}
