//! Steps in words.

use super::scenario::{Act, Load};
use super::timeline::{Entry, Mark};

/// Numbers of nodes as short as they go: `0-3, 7`.
pub(super) fn nodes(nodes: &[usize]) -> String {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for node in nodes {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *node => *last = *node,
            _ => spans.push((*node, *node)),
        }
    }
    let text = |(first, last): (usize, usize)| match last - first {
        0 => format!("n{first}"),
        _ => format!("n{first}-n{last}"),
    };
    spans.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

pub(super) fn of(act: &Act) -> String {
    match act {
        Act::Start(some) => format!("start {}", nodes(some)),
        Act::Crash { nodes: some, keeps_disk: true } => format!("crash {}", nodes(some)),
        Act::Crash { nodes: some, keeps_disk: false } => {
            format!("crash {} and lose their disks", nodes(some))
        }
        Act::Leave(some) => format!("{} leave", nodes(some)),
        Act::Freeze { nodes: some, duration } => format!("freeze {} for {duration:?}", nodes(some)),
        Act::Skew { nodes: some, millis } => format!("clocks of {} are {millis} ms ahead", nodes(some)),
        Act::Slow { nodes: some, cost } => format!("{} take {cost:?} over each frame", nodes(some)),
        Act::Cut { from, to } => format!("cut {} to {}", nodes(from), nodes(to)),
        Act::Mend { from, to } => format!("mend {} to {}", nodes(from), nodes(to)),
        Act::MendAll => "mend everything".to_owned(),
        Act::Weather(weather) => format!(
            "weather: {:?} to {:?}, {} % lost, {} % twice{}",
            weather.delay.0,
            weather.delay.1,
            f64::from(weather.loss) / 10_000.0,
            f64::from(weather.repeat) / 10_000.0,
            if weather.in_order { ", in order" } else { "" }
        ),
        Act::Load(load) => of_load(load),
    }
}

/// A line of a history.
pub(super) fn line(entry: &Entry) -> String {
    let seconds = entry.at.0 as f64 / 1e6;
    let node = entry.node.map_or_else(|| "all".to_owned(), |node| format!("n{node}"));
    format!("{seconds:9.3} {node:>5} {}\n", of_mark(&entry.mark))
}

fn of_mark(mark: &Mark) -> String {
    match mark {
        Mark::Started => "started".to_owned(),
        Mark::Founded => "founded a cluster".to_owned(),
        Mark::Joined => "joined".to_owned(),
        Mark::Crashed => "crashed".to_owned(),
        Mark::Lost => "crashed and lost its disk".to_owned(),
        Mark::Left => "left".to_owned(),
        Mark::Frozen(duration) => format!("frozen for {duration:?}"),
        Mark::Saw { change, other } => format!("saw n{other}: {change:?}"),
        Mark::Step(text) => text.clone(),
        Mark::Settled(after) => format!("one again, after {after:?}"),
    }
}

fn of_load(load: &Load) -> String {
    let Load { emits, acked, sends, requests, writes, .. } = load;
    format!("in a second: {emits} emits, {acked} acked, {sends} sends, {requests} requests, {writes} writes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_nodes_are_short() {
        assert_eq!(nodes(&[0, 1, 2, 3, 7, 9, 10]), "n0-n3, n7, n9-n10");
        assert_eq!(nodes(&[]), "");
    }
}
