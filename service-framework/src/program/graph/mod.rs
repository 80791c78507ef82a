//! Pictures of programs: what runs in which order, and what undoes it. As text, Mermaid, Graphviz, SVG or JSON.
//!
//! Nothing here reads a file or a clock.

mod chart;
mod dot;
mod json;
mod layout;
mod mermaid;
mod plan;
mod svg;
mod text;

pub use crate::drawing::Format;
use crate::program::spec::Spec;

pub use json::to_json;

/// Draws the programs at these places of [`Spec::programs`], one below the other. Of very long ones the beginning.
#[must_use]
pub fn draw(spec: &Spec, programs: &[usize], format: Format) -> String {
    match format {
        Format::Text => text::draw(spec, programs),
        Format::Mermaid => mermaid::draw(&chart::charts(spec, programs)),
        Format::Dot => dot::draw(&chart::charts(spec, programs)),
        Format::Svg => svg::draw(&chart::charts(spec, programs)),
    }
}

#[cfg(test)]
mod tests;
