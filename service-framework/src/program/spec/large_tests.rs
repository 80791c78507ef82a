//! Specs that are very large, very deep, or that grow when they run.

use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json, json};

use super::*;

fn spec(hooks: Map<String, Json>, programs: Map<String, Json>) -> Json {
    json!({"name": "x", "hooks": hooks, "programs": programs})
}

fn hook(place: usize, dependencies: &[String], rectifiers: &[String]) -> (String, Json) {
    let reference = format!("f{place}");
    (
        format!("h{place}"),
        json!({"reference": reference, "args": {}, "dependencies": dependencies, "rectifiers": rectifiers}),
    )
}

fn program(hooks: &[String]) -> Json {
    json!({"hooks": hooks, "args": {}, "outputs": {}})
}

/// Programs of which each runs the one below it twice.
fn doubling(levels: usize) -> Map<String, Json> {
    let level = |level: usize| {
        let below = if level == 0 { "hooks.h0".to_owned() } else { format!("programs.p{}", level - 1) };
        (format!("p{level}"), program(&[below.clone(), below]))
    };
    (0..levels).map(level).collect()
}

/// No spec may take long, wherever it comes from. A machine may be busy.
#[track_caller]
fn in_bounded_time<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    done
}

#[test]
fn a_hundred_thousand_hooks() {
    let hooks: Map<_, _> = (0..100_000).map(|place| hook(place, &[], &[])).collect();
    let all: Vec<String> = (0..100_000).map(|place| format!("hooks.h{place}")).collect();
    let json = spec(hooks, Map::from_iter([("p".to_owned(), program(&all))]));
    let read = in_bounded_time(|| Spec::from_json(&json)).unwrap();
    assert_eq!(read.steps_of(Target::Program(0)), 100_000);
    assert_eq!(
        in_bounded_time(|| Spec::from_json(&read.to_json())).unwrap().fingerprint(),
        read.fingerprint()
    );
}

#[test]
fn a_hundred_thousand_mistakes() {
    let wrong = |place: usize| hook(place, &[format!("hooks.g{place}")], &[format!("programs.q{place}")]);
    let hooks: Map<_, _> = (0..50_000).map(wrong).collect();
    let problems = in_bounded_time(|| Spec::from_json(&spec(hooks, Map::new()))).unwrap_err();
    assert_eq!(problems.len(), 100_000);
}

#[test]
fn what_is_deep_is_followed() {
    const DEPTH: usize = 50_000;
    let link = |place: usize| hook(place, &[format!("h{}", place + 1)], &[]);
    let hooks = (0..DEPTH).map(link).chain([hook(DEPTH, &[], &[])]).collect();
    let nested = |place: usize| (format!("p{place}"), program(&[format!("programs.p{}", place + 1)]));
    let last = [(format!("p{DEPTH}"), program(&["h0".to_owned()]))];
    let programs = (0..DEPTH).map(nested).chain(last).collect();
    let read = in_bounded_time(|| Spec::from_json(&spec(hooks, programs))).unwrap();
    assert_eq!(read.steps_of(Target::Program(0)), DEPTH as u64 + 1);
    assert_ne!(read.fingerprint_of("p0"), read.fingerprint_of("p1"));
}

#[test]
fn a_deep_cycle_is_found() {
    const DEPTH: usize = 50_000;
    let link = |place: usize| hook(place, &[format!("h{}", (place + 1) % DEPTH)], &[]);
    let json = spec((0..DEPTH).map(link).collect(), Map::new());
    let problems = in_bounded_time(|| Spec::from_json(&json)).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, format!("hooks.h{}.dependencies[0]", DEPTH - 1));
    assert!(problems[0].found.starts_with("h0 → h1 → ") && problems[0].found.ends_with(" → h0"));
    assert!(problems[0].found.contains(" → … 49900 more … → "), "{}", problems[0].found);
}

#[test]
fn cycles_without_number_do_not_flood() {
    // Everything depends on everything else.
    let all: Vec<String> = (0..300).map(|place| format!("h{place}")).collect();
    let others =
        |place: usize| all.iter().filter(|name| **name != format!("h{place}")).cloned().collect::<Vec<_>>();
    let hooks = (0..300).map(|place| hook(place, &others(place), &[])).collect();
    let problems = in_bounded_time(|| Spec::from_json(&spec(hooks, Map::new()))).unwrap_err();
    let names: usize = problems.iter().map(|problem| problem.found.matches('→').count()).sum();
    assert!(!problems.is_empty() && names <= 10_000, "{names}");
}

#[test]
fn programs_that_double_are_bounded() {
    let read = |levels| {
        in_bounded_time(|| Spec::from_json(&spec(Map::from_iter([hook(0, &[], &[])]), doubling(levels))))
    };
    assert_eq!(read(16).unwrap().steps_of(Target::Program(15)), 65_536);
    let problems = read(18).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "programs.p16.hooks: expected at most 100000 steps with all dependencies and nested programs, found 131072 \
             (what several hooks depend on runs once for each of them)",
            "programs.p17.hooks: expected at most 100000 steps with all dependencies and nested programs, found 262144 \
             (what several hooks depend on runs once for each of them)",
        ]
    );
    let problems = read(10_000).unwrap_err();
    assert_eq!(problems.last().unwrap().found, "more than can be counted");
}

#[test]
fn what_undoes_is_bounded_too() {
    let mut programs = doubling(16);
    programs.insert("big".to_owned(), program(&["h1".to_owned(), "h1".to_owned()]));
    let undo = "programs.p15".to_owned();
    let hooks = Map::from_iter([hook(0, &[], &[]), hook(1, &[], &[undo])]);
    let problems = Spec::from_json(&spec(hooks, programs)).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, "programs.big.hooks");
    assert_eq!(
        (problems[0].expected.as_str(), problems[0].found.as_str()),
        ("at most 100000 steps that undo it", "131072")
    );
}

#[test]
fn steps_are_counted_by_position() {
    let hooks = Map::from_iter([
        hook(0, &["h1".to_owned(), "h2".to_owned()], &["h3".to_owned()]),
        hook(1, &["h2".to_owned()], &["h3".to_owned()]),
        hook(2, &[], &["h3".to_owned()]),
        hook(3, &["h4".to_owned()], &[]),
        hook(4, &[], &["h5".to_owned()]),
        hook(5, &[], &[]),
    ]);
    let programs = Map::from_iter([("p".to_owned(), program(&["h0".to_owned(), "h2".to_owned()]))]);
    let read = Spec::from_json(&spec(hooks, programs)).unwrap();
    // h2 h1 h2 h0 h2; each undone by h4 h3, which are not undone themselves.
    assert_eq!(read.steps_of(Target::Program(0)), 5);
    assert_eq!(read.undoing_steps_of(Target::Program(0)), 10);
    assert_eq!((read.steps_of(Target::Hook(9)), read.steps_of(Target::Program(9))), (0, 0));
}
