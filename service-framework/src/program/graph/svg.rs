//! Programs as pictures, which need nothing from elsewhere.

use std::fmt::Write as _;

use super::chart::Chart;
use super::layout::{BOX, Frame, Layout, MARGIN, PlacedStep, RAIL, layout, shown, title};

/// Colours for light and for dark surroundings.
const STYLE: &str = "  <style>
    text { font: 12px ui-monospace, monospace; fill: #1b1f24; }
    .title { font: bold 15px ui-sans-serif, sans-serif; }
    .small { font-size: 11px; fill: #57606a; }
    .number { font-size: 10px; text-anchor: middle; fill: #ffffff; }
    .step { fill: #eaf2fb; stroke: #2f6fb3; }
    .dependency { stroke-dasharray: 4 3; }
    .undo { fill: #fbe9e7; stroke: #c0392b; }
    .group { fill: none; stroke: #8c959f; }
    .rail { stroke: #2f6fb3; fill: none; stroke-width: 1.5; }
    .dot { fill: #2f6fb3; }
    .back { stroke: #c0392b; fill: none; stroke-dasharray: 5 3; }
    .backwards { fill: #c0392b; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .small { fill: #9ea7b3; }
      .step { fill: #16283c; }
      .undo { fill: #3c1a16; }
    }
  </style>
";

pub(super) fn draw(charts: &[Chart]) -> String {
    let mut body = String::new();
    let (mut y, mut right) = (MARGIN, 240.0_f64);
    for chart in charts {
        let _ = writeln!(
            body,
            "  <text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{}</text>",
            y + 14.0,
            escaped(&shown(&chart.name))
        );
        let placed = layout(chart, y + 34.0);
        one(&mut body, &placed);
        y = placed.bottom;
        right = right.max(placed.right);
        if let Some(note) = note(chart) {
            let _ = writeln!(body, "  <text class=\"small\" x=\"{MARGIN}\" y=\"{}\">{note}</text>", y + 12.0);
            y += 24.0;
        }
        y += 16.0;
    }
    let (width, height) = ((right + MARGIN).ceil(), (y + 8.0).ceil());
    let size = format!("width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"");
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" {size} role=\"img\">\n{STYLE}{MARKERS}{body}</svg>\n")
}

const MARKERS: &str = "  <defs>
    <marker id=\"down\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path class=\"dot\" d=\"M0 0 8 4 0 8z\"/></marker>
    <marker id=\"undo\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path class=\"backwards\" d=\"M0 0 8 4 0 8z\"/></marker>
  </defs>
";

fn note(chart: &Chart) -> Option<String> {
    match (chart.steps.is_empty(), chart.left_out) {
        (true, 0) => Some("no hooks".to_owned()),
        (_, 0) => None,
        (_, more) => Some(format!("{more} more steps are left out")),
    }
}

fn one(body: &mut String, layout: &Layout<'_>) {
    for placed in &layout.groups {
        let frame = placed.frame;
        rectangle(body, "group", frame);
        let (x, y) = (frame.x + 10.0, frame.y + 16.0);
        let _ = writeln!(
            body,
            "  <text class=\"small\" x=\"{x}\" y=\"{y}\">{}</text>",
            escaped(&title(placed.group))
        );
    }
    if let (Some(first), Some(last)) = (layout.steps.first(), layout.steps.last()) {
        let (from, to) = (middle(first.frame), middle(last.frame));
        if to > from {
            let _ = writeln!(
                body,
                "  <path class=\"rail\" marker-end=\"url(#down)\" d=\"M{RAIL} {from}V{}\"/>",
                to - 11.0
            );
        }
    }
    layout.steps.iter().for_each(|placed| need(body, placed, layout));
    layout.steps.iter().for_each(|placed| step(body, placed));
}

/// An arrow to the step that a dependency is for.
fn need(body: &mut String, placed: &PlacedStep<'_>, layout: &Layout<'_>) {
    let Some((number, _)) = &placed.step.needed_by else { return };
    let Some(by) = layout.steps.iter().find(|other| other.step.number == *number) else { return };
    if by.frame.x + by.frame.width < placed.frame.x || by.frame.x >= placed.frame.x {
        return;
    }
    let (x, from, to) = (placed.frame.x - 8.0, middle(placed.frame), by.frame.y - 1.0);
    let _ = writeln!(
        body,
        "  <path class=\"rail\" marker-end=\"url(#down)\" d=\"M{} {from}H{x}V{to}\"/>",
        placed.frame.x
    );
}

fn step(body: &mut String, placed: &PlacedStep<'_>) {
    let (step, frame) = (placed.step, placed.frame);
    let y = middle(frame);
    let _ = writeln!(body, "  <circle class=\"dot\" cx=\"{RAIL}\" cy=\"{y}\" r=\"11\"/>");
    let _ = writeln!(body, "  <text class=\"number\" x=\"{RAIL}\" y=\"{}\">{}</text>", y + 3.5, step.number);
    let class = if step.needed_by.is_some() { "step dependency" } else { "step" };
    named(body, class, &step.name, &step.reference, frame);
    let mut from = (frame.x + frame.width, y);
    for (place, (name, undo)) in placed.undone_by.iter().enumerate() {
        if place == 0 {
            let _ = writeln!(
                body,
                "  <path class=\"back\" marker-end=\"url(#undo)\" d=\"M{} {}H{}\"/>",
                from.0,
                from.1,
                undo.x - 1.0
            );
            let _ = writeln!(
                body,
                "  <text class=\"small\" x=\"{}\" y=\"{}\">undone by</text>",
                undo.x - 80.0,
                y - 5.0
            );
        } else {
            let _ = writeln!(body, "  <path class=\"back\" d=\"M{} {}V{}\"/>", undo.x + 14.0, from.1, undo.y);
        }
        named(body, "undo", name, name, *undo);
        from = (undo.x, undo.y + BOX);
    }
}

/// A box with a name in it, and the rest for whoever points at it.
fn named(body: &mut String, class: &str, name: &str, more: &str, frame: Frame) {
    let _ = writeln!(body, "  <g><title>{}</title>", escaped(more));
    rectangle(body, class, frame);
    let (x, y) = (frame.x + 12.0, middle(frame) + 4.0);
    let _ = writeln!(body, "  <text x=\"{x}\" y=\"{y}\">{}</text></g>", escaped(&shown(name)));
}

fn rectangle(body: &mut String, class: &str, frame: Frame) {
    let Frame { x, y, width, height } = frame;
    let _ = writeln!(
        body,
        "  <rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\"/>"
    );
}

fn middle(frame: Frame) -> f64 {
    frame.y + BOX / 2.0
}

/// Text that stands in XML; what XML cannot hold becomes the sign for that.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
