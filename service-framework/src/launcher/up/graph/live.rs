//! How fast a system that runs is: what its services have counted between two looks.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::Graph;
use crate::launcher::look::running_of;

/// The time between the two looks.
const BETWEEN: Duration = Duration::from_secs(1);

/// What every end of every service has counted: received and sent.
type Counts = HashMap<(String, String), (u64, u64)>;

/// Adds rates and states to a graph. Of a system that does not run there are none.
pub(super) fn look(graph: &mut Graph) {
    let (before, began) = (counts(&graph.name), Instant::now());
    thread::sleep(BETWEEN);
    let after = counts(&graph.name);
    let seconds = began.elapsed().as_secs_f64();
    for edge in &mut graph.edges {
        let out = &graph.nodes[edge.from].name;
        let key = (out.clone(), edge.ends.0.clone());
        let sent = |counts: &Counts| counts.get(&key).map(|(_, sent)| *sent);
        edge.rate = sent(&after)
            .zip(sent(&before))
            .map(|(after, before)| after.saturating_sub(before) as f64 / seconds);
    }
    let running = running_of(&graph.name);
    for node in &mut graph.nodes {
        let states =
            running.iter().filter(|(entry, ..)| *entry == node.name).map(|(_, state, _)| state.as_str());
        let mut states: Vec<&str> = states.collect();
        states.sort_unstable();
        states.dedup();
        node.state = Some(if states.is_empty() { "does not run".to_owned() } else { states.join(", ") });
    }
}

/// The counts of all instances of each service together.
fn counts(system: &str) -> Counts {
    let mut counts = Counts::new();
    for (entry, _, stats) in running_of(system) {
        let connections = stats.get("connections").and_then(Json::as_object).into_iter().flatten();
        for (end, said) in connections {
            let number = |key: &str| said.get(key).and_then(Json::as_u64).unwrap_or_default();
            let sum = counts.entry((entry.clone(), end.clone())).or_default();
            *sum = (sum.0 + number("received"), sum.1 + number("sent"));
        }
    }
    counts
}
