//! A timeline as a picture: a line for each node, with what it did and what it saw.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::super::engine::Change;
use super::super::time::Moment;
use super::run::Report;
use super::timeline::{Entry, Mark};
use crate::drawing::in_xml;

/// Pixels: of the names, of the time, of a line, and of what is above the first.
const LEFT: f64 = 60.0;
const WIDTH: f64 = 1_100.0;
const LINE: f64 = 22.0;
const TOP: f64 = 50.0;

/// Lines of more nodes are not drawn.
const NODES: usize = 200;

impl Report {
    /// What happened, as a picture in SVG: for each node a line while it runs, with a mark for each thing that happened to it and
    /// that it saw, and above them the steps of the scenario. Each mark says what it is when it is pointed at.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let picture =
            Picture { length: self.length.max(Duration::from_millis(1)), nodes: self.nodes.min(NODES) };
        picture.draw(&format!("{}: {} nodes, seed {}", self.name, self.nodes, self.seed), self.entries())
    }
}

struct Picture {
    length: Duration,
    nodes: usize,
}

impl Picture {
    fn x(&self, at: Moment) -> f64 {
        LEFT + WIDTH * at.since(Moment(0)).as_secs_f64() / self.length.as_secs_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "there are few nodes")]
    fn y(node: usize) -> f64 {
        TOP + LINE * (node as f64 + 0.5)
    }

    fn draw(&self, title: &str, entries: &[Entry]) -> String {
        let (width, height) = (LEFT + WIDTH + 20.0, Self::y(self.nodes) + 20.0);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"16\" font-size=\"14\">{}</text>\n",
            in_xml(title)
        );
        self.draw_axis(&mut svg, height);
        self.draw_lives(&mut svg, entries);
        for entry in entries {
            self.draw_mark(&mut svg, entry, height);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_axis(&self, svg: &mut String, height: f64) {
        for tenth in 0..=10_u32 {
            let x = LEFT + WIDTH * f64::from(tenth) / 10.0;
            let seconds = self.length.as_secs_f64() * f64::from(tenth) / 10.0;
            push(
                svg,
                format_args!(
                    "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{seconds:.1} s</text>",
                    height - 6.0
                ),
            );
        }
        for node in 0..self.nodes {
            push(svg, format_args!("<text x=\"8\" y=\"{}\">n{node}</text>", Self::y(node) + 4.0));
        }
    }

    /// A bar from each start to the end that follows.
    fn draw_lives(&self, svg: &mut String, entries: &[Entry]) {
        let mut running: BTreeMap<usize, Moment> = BTreeMap::new();
        for entry in entries {
            let Some(node) = entry.node else { continue };
            match entry.mark {
                Mark::Started => drop(running.insert(node, entry.at)),
                Mark::Crashed | Mark::Lost | Mark::Left => {
                    if let Some(since) = running.remove(&node) {
                        self.draw_life(svg, node, since, entry.at);
                    }
                }
                _ => {}
            }
        }
        let end = Moment(0).after(self.length);
        running.into_iter().for_each(|(node, since)| self.draw_life(svg, node, since, end));
    }

    fn draw_life(&self, svg: &mut String, node: usize, from: Moment, to: Moment) {
        if node < self.nodes {
            let (x, y, width) = (self.x(from), Self::y(node) - 4.0, self.x(to) - self.x(from));
            push(
                svg,
                format_args!(
                    "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"8\" fill=\"#cfe3f7\"/>"
                ),
            );
        }
    }

    fn draw_mark(&self, svg: &mut String, entry: &Entry, height: f64) {
        let (x, text) = (self.x(entry.at), in_xml(super::text::line(entry).trim()));
        match entry.node {
            None => push(
                svg,
                format_args!(
                    "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\" stroke=\"#999\" \
                     stroke-dasharray=\"3 3\"><title>{text}</title></line>",
                    height - 20.0
                ),
            ),
            Some(node) if node < self.nodes => {
                let (y, (color, radius)) = (Self::y(node), look(&entry.mark));
                push(
                    svg,
                    format_args!(
                        "<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"{radius}\" fill=\"{color}\"><title>{text}</title></circle>"
                    ),
                );
            }
            Some(_) => {}
        }
    }
}

/// The colour and the size of a mark.
fn look(mark: &Mark) -> (&'static str, f64) {
    match mark {
        Mark::Started | Mark::Founded | Mark::Joined | Mark::Settled(_) => ("#1a7f37", 4.0),
        Mark::Crashed | Mark::Lost => ("#c1121f", 6.0),
        Mark::Left => ("#6c757d", 6.0),
        Mark::Frozen(_) => ("#4361ee", 5.0),
        Mark::Saw { change, .. } => match change {
            Change::Joined | Change::Rejoined | Change::Reachable | Change::Cleared => ("#52b788", 2.5),
            Change::Failed => ("#e63946", 3.0),
            Change::Suspect | Change::Unreachable => ("#f4a261", 3.0),
            Change::Left | Change::Updated => ("#adb5bd", 2.5),
        },
        Mark::Step(_) => ("#000000", 3.0),
    }
}

/// Writing to memory cannot fail.
fn push(svg: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(svg, "{text}");
}

#[cfg(test)]
mod tests {
    use super::super::{Act, Scenario, Step, run};
    use super::*;

    #[test]
    fn a_picture_has_every_node_and_what_happened() {
        let mut scenario = Scenario::calm(1, 3, Duration::from_secs(10));
        scenario.name = "<three> & \"more\"".to_owned();
        let crash = Act::Crash { nodes: vec![2], keeps_disk: false };
        scenario.steps.push(Step { at: Duration::from_secs(5), act: crash });
        let svg = run(&scenario).to_svg();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("&lt;three&gt; &amp; &quot;more&quot;: 3 nodes"), "{svg}");
        for expected in [">n0<", ">n2<", "crashed and lost its disk", "saw n2: Failed", "#cfe3f7"] {
            assert!(svg.contains(expected), "{expected}");
        }
        assert_eq!(svg.matches("<title>").count(), svg.matches("</title>").count());
    }
}
