//! Any sequence of batches gives the same answers over memory and over SQLite.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::fixture::{Fixture, SECOND};
use crate::store::{Batch, Due, Expected, Filter, NewEvent, Store};

/// One thing that is done to a store.
#[derive(Clone, Debug)]
enum Step {
    Commit(Batch),
    Acquire(String, String),
    Timers(usize),
    Outbox(String, usize),
    Sweep(usize),
    Pass(u32),
}

fn name(of: &'static str) -> impl Strategy<Value = String> {
    (0..3).prop_map(move |n| format!("{of}{n}"))
}

fn event() -> impl Strategy<Value = NewEvent> {
    (name("kind"), prop::collection::vec(any::<u8>(), 0..20))
        .prop_map(|(kind, payload)| NewEvent::new(kind, payload))
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![
        4 => Just(Expected::Any),
        1 => Just(Expected::NoStream),
        1 => (0..6u64).prop_map(Expected::Version),
    ]
}

fn due() -> impl Strategy<Value = Due> {
    (0..20u32).prop_map(|seconds| (seconds * SECOND).into())
}

/// What can be one part of a batch, as a change of it.
fn part() -> impl Strategy<Value = Batch> {
    let owner = prop::option::of(name("owner"));
    let keep = prop::option::of(1..20u32);
    prop_oneof![
        (name("lease"), 0..4u64).prop_map(|(lease, epoch)| Batch::new().fence(lease, epoch)),
        (name("stream"), expected(), prop::collection::vec(event(), 0..4))
            .prop_map(|(stream, expected, events)| Batch::new().append(stream, expected, events)),
        (name("stream"), 0..6u64, event())
            .prop_map(|(stream, up_to, event)| Batch::new().pack(stream, up_to, event)),
        name("stream").prop_map(|stream| Batch::new().remove(stream)),
        (name("stream"), name("category"), name("status"), owner).prop_map(
            |(stream, category, status, owner)| Batch::new().mark(stream, category, status, owner.as_deref())
        ),
        (name("key"), name("value"), keep).prop_map(|(key, value, keep)| match keep {
            Some(keep) => Batch::new().claim_for(key, value, keep * SECOND),
            None => Batch::new().claim(key, value),
        }),
        name("key").prop_map(|key| Batch::new().release(key)),
        (name("timer"), due(), name("payload"))
            .prop_map(|(id, due, payload)| Batch::new().set_timer(id, due, payload)),
        name("timer").prop_map(|id| Batch::new().cancel_timer(id)),
        (name("queue"), name("message"), due())
            .prop_map(|(queue, id, due)| Batch::new().put_outbox(queue, id, due, b"payload")),
        name("message").prop_map(|id| Batch::new().done_outbox(id)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let parts = prop::collection::vec(part(), 1..6);
    prop_oneof![
        8 => parts.prop_map(|batches| {
            let parts = batches.into_iter().flat_map(|batch| batch.parts).collect();
            Step::Commit(Batch { parts })
        }),
        2 => (name("lease"), name("owner")).prop_map(|(lease, owner)| Step::Acquire(lease, owner)),
        1 => (0..4usize).prop_map(Step::Timers),
        1 => (name("queue"), 0..4usize).prop_map(|(queue, limit)| Step::Outbox(queue, limit)),
        1 => (0..4usize).prop_map(Step::Sweep),
        2 => (0..15u32).prop_map(Step::Pass),
    ]
}

/// Does the step; what it answered.
fn run(fixture: &Fixture, step: &Step) -> String {
    let store = &fixture.store;
    match step.clone() {
        Step::Commit(batch) => text(&store.commit(batch)),
        Step::Acquire(lease, owner) => text(&store.acquire(lease, owner, 10 * SECOND).wait()),
        Step::Timers(limit) => text(&store.take_timers("me", 5 * SECOND, limit).wait()),
        Step::Outbox(queue, limit) => text(&store.take_outbox(queue, "me", 5 * SECOND, limit).wait()),
        Step::Sweep(limit) => text(&store.sweep(limit).wait()),
        Step::Pass(seconds) => {
            fixture.pass(seconds * SECOND);
            String::new()
        }
    }
}

fn text(answer: &dyn Debug) -> String {
    format!("{answer:?}")
}

/// Everything that can be read.
fn shown(store: &Store) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    for n in 0..3 {
        let stream = format!("stream{n}");
        for from in [0, 3] {
            shown.insert(format!("{stream} from {from}"), text(&store.read(&stream, from, 5)));
        }
        shown.insert(format!("{stream} head"), text(&store.head(&stream)));
        shown.insert(format!("{stream} info"), text(&store.stream(&stream)));
        shown.insert(format!("key{n}"), text(&store.claimed(&format!("key{n}"))));
        shown.insert(format!("lease{n}"), text(&store.lease(&format!("lease{n}"))));
        shown.insert(format!("queue{n}"), text(&store.next_outbox(&format!("queue{n}"))));
        let category = Filter::category(format!("category{n}"));
        let filters = [
            category.clone(),
            category.clone().status("status1"),
            category.clone().owner("owner1"),
            category.status("status0").owner("owner0"),
        ];
        for (index, filter) in filters.iter().enumerate() {
            shown.insert(format!("list {n} {index}"), text(&store.streams(filter, Some("stream0"), 2)));
            shown.insert(format!("list all {n} {index}"), text(&store.streams(filter, None, 10)));
        }
    }
    shown.insert("timer".to_owned(), text(&store.next_timer()));
    shown
}

/// The figures, apart from where it is and how much room it takes.
fn figures(store: &Store) -> String {
    let info = store.info().unwrap();
    let counts = [info.streams, info.events, info.timers, info.outbox, info.claims, info.leases];
    format!("{counts:?} {:?} {:?}", info.marks, info.now)
}

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]

    #[test]
    fn memory_and_sqlite_answer_alike(steps in prop::collection::vec(step(), 1..40)) {
        let (memory, sqlite) = (Fixture::memory(), Fixture::sqlite());
        for step in &steps {
            prop_assert_eq!(run(&memory, step), run(&sqlite, step), "{:?}", step);
        }
        prop_assert_eq!(shown(&memory.store), shown(&sqlite.store));
        prop_assert_eq!(figures(&memory.store), figures(&sqlite.store));
        prop_assert_eq!(sqlite.store.verify().unwrap(), []);
    }
}

#[cfg(feature = "postgres")]
proptest! {
    #![proptest_config(Config { cases: 12, ..Config::default() })]

    #[test]
    fn memory_and_postgres_answer_alike(steps in prop::collection::vec(step(), 1..40)) {
        let Some(postgres) = Fixture::postgres() else { return Ok(()) };
        let memory = Fixture::memory();
        for step in &steps {
            prop_assert_eq!(run(&memory, step), run(&postgres, step), "{:?}", step);
        }
        prop_assert_eq!(shown(&memory.store), shown(&postgres.store));
        prop_assert_eq!(figures(&memory.store), figures(&postgres.store));
        prop_assert_eq!(postgres.store.verify().unwrap(), []);
    }

    #[test]
    fn what_is_submitted_at_once_is_done_in_order(steps in prop::collection::vec(step(), 1..60)) {
        let Some(postgres) = Fixture::postgres() else { return Ok(()) };
        for fixture in [Fixture::memory(), Fixture::sqlite(), postgres] {
            let single = Fixture::memory();
            let batches = || steps.iter().filter_map(|step| match step {
                Step::Commit(batch) => Some(batch.clone()),
                _ => None,
            });
            let pending: Vec<_> = batches().map(|batch| fixture.store.submit(batch)).collect();
            let one_by_one: Vec<_> = batches().map(|batch| text(&single.store.commit(batch))).collect();
            let together: Vec<_> = pending.into_iter().map(|pending| text(&pending.wait())).collect();
            prop_assert_eq!(together, one_by_one);
            prop_assert_eq!(shown(&fixture.store), shown(&single.store));
        }
    }
}
