//! Which service waits for which: `depends_on`, checked and put in order.

use super::Entry;
use crate::model::{Problem, child, element};

/// What is wrong with the names under `depends_on`: unknown ones, and circles.
pub(super) fn problems(entries: &[Entry]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = entries.iter().flat_map(|entry| unknown(entry, entries)).collect();
    if let Some(circle) = circle(entries) {
        let path = child(&child("services", &circle[0]), "depends_on");
        let found = format!("{} → {}", circle.join(" → "), circle[0]);
        problems.push(Problem::new(path, "services that do not wait for each other", found));
    }
    problems
}

fn unknown<'a>(entry: &'a Entry, entries: &'a [Entry]) -> impl Iterator<Item = Problem> + 'a {
    let path = child(&child("services", &entry.name), "depends_on");
    let names = || entries.iter().map(|entry| entry.name.as_str());
    entry.depends_on.iter().enumerate().filter(move |(_, name)| !names().any(|known| known == *name)).map(
        move |(index, name)| {
            let expected = format!("a service of this system: {}", names().collect::<Vec<_>>().join(", "));
            Problem::new(element(&path, index), expected, format!("{name:?}")).with_near_miss(name, names())
        },
    )
}

/// The names of services that wait for each other in a circle, if there is one.
fn circle(entries: &[Entry]) -> Option<Vec<String>> {
    let mut done = vec![false; entries.len()];
    (0..entries.len()).find_map(|start| follow(entries, start, &mut Vec::new(), &mut done))
}

fn follow(entries: &[Entry], at: usize, way: &mut Vec<usize>, done: &mut [bool]) -> Option<Vec<String>> {
    if let Some(begin) = way.iter().position(|place| *place == at) {
        return Some(way[begin..].iter().map(|place| entries[*place].name.clone()).collect());
    }
    if done[at] {
        return None;
    }
    way.push(at);
    let found = places(entries, at).into_iter().find_map(|next| follow(entries, next, way, done));
    way.pop();
    done[at] = true;
    found
}

/// The places of the services that the one at `at` waits for.
pub(super) fn places(entries: &[Entry], at: usize) -> Vec<usize> {
    let place = |name: &String| entries.iter().position(|entry| entry.name == *name);
    entries[at].depends_on.iter().filter_map(place).collect()
}

/// All places, each behind those that it waits for and otherwise in the order of the file. Circles are left as they are.
pub(super) fn in_order(entries: &[Entry]) -> Vec<usize> {
    let mut ordered: Vec<usize> = Vec::with_capacity(entries.len());
    let mut left: Vec<usize> = (0..entries.len()).collect();
    while !left.is_empty() {
        let is_free = |at: &usize| places(entries, *at).iter().all(|needed| ordered.contains(needed));
        let next = left.iter().position(is_free).unwrap_or_default();
        ordered.push(left.remove(next));
    }
    ordered
}
