//! `graph SYSTEM.json`: which services there are and who talks to whom. What two ends do not agree on is red.
//!
//! Opens no socket of a service; with `--live` those that run are asked what they counted.

mod draw;
mod live;
mod picture;

use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::checks::Plan;
use crate::drawing::Format;
use crate::launcher::arguments::Options;
use crate::launcher::services::Services;
use crate::launcher::{exit, report};
use crate::model::Problem;

/// A system as it is drawn.
#[derive(Debug, Default)]
pub(super) struct Graph {
    name: String,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// A service with all its instances.
#[derive(Debug, Default)]
struct Node {
    name: String,
    service: String,
    replicas: usize,
    /// The places of those that it waits for.
    waits_for: Vec<usize>,
    /// Connections that lead to no service of the system.
    outside: Vec<String>,
    /// With `--live`: how it is.
    state: Option<String>,
}

/// A connection or state, from the service that begins to the other.
#[derive(Debug, Default)]
struct Edge {
    from: usize,
    to: usize,
    /// What goes over it: `ask`, or `ask → question` if the ends have different names.
    name: String,
    /// `requests`, `messages` or `state`.
    what: &'static str,
    /// The names of both ends, as they are counted: `out.ask` and `in.ask`.
    ends: (String, String),
    /// What the ends do not agree on.
    problems: Vec<String>,
    /// With `--live`: messages in a second.
    rate: Option<f64>,
}

/// Draws the system that the command line names.
///
/// # Errors
/// Its file cannot be read, or is no system.
pub(in crate::launcher) fn graph(options: &Options, services: &Services) -> Result<ExitCode, Vec<Problem>> {
    let plan = Plan::of_files(options, services)?;
    let mut graph = Graph::of(&plan);
    if options.live {
        live::look(&mut graph);
    }
    let text = match (options.json, Format::named(options.graph_format)) {
        (true, _) => format!("{:#}\n", graph.to_json()),
        (_, Format::Text) => draw::text(&graph, options.color.palette(&std::io::stdout())),
        (_, Format::Mermaid) => draw::mermaid(&graph),
        (_, Format::Dot) => draw::dot(&graph),
        (_, Format::Svg) => picture::svg_of(&graph),
    };
    let has_mismatches = graph.edges.iter().any(|edge| !edge.problems.is_empty());
    if !plan.problems.is_empty() {
        // They are about more than what is drawn.
        report::problems(&plan.problems, options.color, "up would not start it");
    }
    Ok(report::print(&text, exit::of_check(!has_mismatches && plan.problems.is_empty())))
}

impl Graph {
    pub(super) fn of(plan: &Plan) -> Self {
        let entries = &plan.system.services;
        let node = |(place, entry): (usize, &super::system::Entry)| Node {
            name: entry.name.clone(),
            service: entry.service.rsplit('/').next().unwrap_or_default().to_owned(),
            replicas: entry.replicas,
            waits_for: plan.system.waits_for(place),
            ..Node::default()
        };
        let mut graph = Self {
            name: plan.system.name.clone(),
            nodes: entries.iter().enumerate().map(node).collect(),
            edges: plan.meetings(edge),
        };
        for (place, node) in graph.nodes.iter_mut().enumerate() {
            let is_inside = |end: &String| {
                graph.edges.iter().any(|edge| {
                    (edge.from == place && edge.ends.0 == *end) || (edge.to == place && edge.ends.1 == *end)
                })
            };
            node.outside = plan.ends(place).into_iter().filter(|end| !is_inside(end)).collect();
        }
        graph
    }

    pub(super) fn to_json(&self) -> Json {
        let node = |node: &Node| {
            json!({
                "name": node.name,
                "service": node.service,
                "replicas": node.replicas,
                "depends_on": node.waits_for.iter().map(|place| self.nodes[*place].name.as_str()).collect::<Vec<_>>(),
                "outside": node.outside,
                "state": node.state,
            })
        };
        let edge = |edge: &Edge| {
            json!({
                "from": { "service": self.nodes[edge.from].name, "end": edge.ends.0 },
                "to": { "service": self.nodes[edge.to].name, "end": edge.ends.1 },
                "what": edge.what,
                "problems": edge.problems,
                "rate": edge.rate,
            })
        };
        json!({
            "name": self.name,
            "services": self.nodes.iter().map(node).collect::<Vec<_>>(),
            "connections": self.edges.iter().map(edge).collect::<Vec<_>>(),
        })
    }
}

/// The edge of two ends that meet, `ours` of the service at `our_place`.
fn edge((our_place, their_place): (usize, usize), pair: &crate::launcher::pairs::Pair<'_>) -> Edge {
    let (ours, theirs) = pair.names();
    let ((from, out), (to, into)) = match pair.begins_here() {
        true => ((our_place, ours), (their_place, theirs)),
        false => ((their_place, theirs), (our_place, ours)),
    };
    let last = |end: &str| end.rsplit('.').next().unwrap_or_default().to_owned();
    let (start, end) = (last(&out), last(&into));
    let problems = pair.problems().into_iter().map(|problem| problem.to_string()).collect();
    Edge {
        from,
        to,
        name: if start == end { start } else { format!("{start} → {end}") },
        what: pair.what(),
        ends: (out, into),
        problems,
        rate: None,
    }
}

impl Edge {
    fn is_wrong(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Its name, with its rate if that is known.
    fn label(&self) -> String {
        match self.rate {
            Some(rate) => format!("{} {rate:.0}/s", self.name),
            None => self.name.clone(),
        }
    }
}

impl Node {
    /// Its name, with how many there are.
    fn title(&self) -> String {
        match self.replicas {
            1 => self.name.clone(),
            replicas => format!("{} × {replicas}", self.name),
        }
    }

    /// What stands below the name: its service, and how it is.
    fn more(&self) -> String {
        let service = if self.service == self.name { "" } else { &self.service };
        match (&self.state, service) {
            (None, service) => service.to_owned(),
            (Some(state), "") => state.clone(),
            (Some(state), service) => format!("{service}, {state}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::terminal::Palette;

    fn graph() -> Graph {
        let node = |name: &str, replicas| Node {
            name: name.into(),
            service: format!("{name}_service"),
            replicas,
            ..Node::default()
        };
        let mut view = node("view", 1);
        view.waits_for = vec![0];
        view.outside = vec!["out.alarms".to_owned()];
        let edge = |name: &str, what| Edge {
            from: 1,
            to: 0,
            name: name.into(),
            what,
            ends: (format!("out.{name}"), format!("in.{name}")),
            ..Edge::default()
        };
        let wrong =
            Edge { problems: vec!["n: expected int, found \"str\"".into()], ..edge("count", "messages") };
        let fast = Edge { rate: Some(120.4), ..edge("ask", "requests") };
        Graph { name: "shop".into(), nodes: vec![node("stock", 3), view], edges: vec![fast, wrong] }
    }

    #[test]
    fn a_graph_is_read_as_text() {
        insta::assert_snapshot!(draw::text(&graph(), Palette::PLAIN), @r#"
        shop
        stock × 3  stock_service
        view  view_service
          depends on stock
          → stock  ask 120/s (requests)
          → stock  count (messages)  DOES NOT FIT
              n: expected int, found "str"
          outside: out.alarms
        "#);
    }

    #[test]
    fn a_graph_is_drawn_by_others() {
        insta::assert_snapshot!(draw::mermaid(&graph()), @r##"
        flowchart LR
          s0["stock × 3<br/>stock_service"]
          s1["view<br/>view_service"]
          s1 -->|"ask 120/s"| s0
          s1 -->|"count"| s0
          s1 -.-> s0
          linkStyle 1 stroke:#c0392b,color:#c0392b
        "##);
        insta::assert_snapshot!(draw::dot(&graph()), @r##"
        digraph "shop" {
          rankdir=LR
          node [shape=box, style=rounded, fontname="sans-serif"]
          edge [fontname="sans-serif", fontsize=10]
          s0 [label="stock × 3\nstock_service"]
          s1 [label="view\nview_service"]
          s1 -> s0 [label="ask 120/s"]
          s1 -> s0 [label="count", color="#c0392b", fontcolor="#7b241c", tooltip="n: expected int, found \"str\""]
          s1 -> s0 [style=dotted, arrowhead=open]
        }
        "##);
    }

    #[test]
    fn a_picture_has_everything_and_marks_what_is_wrong() {
        let svg = picture::svg_of(&graph());
        for expected in ["stock × 3", "view_service", "ask 120/s", "class=\"back\"", "found &quot;str&quot;"]
        {
            assert!(svg.contains(expected), "{expected} in {svg}");
        }
        assert_eq!(svg.matches("<rect").count(), 2);
        assert_eq!(svg.matches("<path class=\"rail\"").count(), 1);
    }
}
