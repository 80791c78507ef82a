//! Programs as pictures, which need nothing from elsewhere.

use std::fmt::Write as _;

use super::chart::Chart;
use super::layout::{BOX, Frame, Layout, MARGIN, PlacedStep, RAIL, layout, shown, title};
use crate::drawing::{in_xml, svg};

pub(super) fn draw(charts: &[Chart]) -> String {
    let mut body = String::new();
    let (mut y, mut right) = (MARGIN, 240.0_f64);
    for chart in charts {
        let _ = writeln!(
            body,
            "  <text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{}</text>",
            y + 14.0,
            in_xml(&shown(&chart.name))
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
    svg((right + MARGIN, y + 8.0), &body)
}

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
            in_xml(&title(placed.group))
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
    let _ = writeln!(body, "  <g><title>{}</title>", in_xml(more));
    rectangle(body, class, frame);
    let (x, y) = (frame.x + 12.0, middle(frame) + 4.0);
    let _ = writeln!(body, "  <text x=\"{x}\" y=\"{y}\">{}</text></g>", in_xml(&shown(name)));
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
