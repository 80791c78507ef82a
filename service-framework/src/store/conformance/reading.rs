//! What reads show.

use super::fixture::{Fixture, SECOND, append, event};
use crate::store::{Batch, Expected, Filter};

fn names(fixture: &Fixture, filter: &Filter) -> Vec<String> {
    let streams = fixture.store.streams(filter, None, 100).unwrap();
    streams.into_iter().map(|info| info.stream).collect()
}

pub(super) fn streams_are_listed_by_their_marks(fixture: &Fixture) {
    let batch = append("c", "begun")
        .mark("c", "run", "running", Some("me"))
        .mark("a", "run", "running", Some("you"))
        .mark("b", "run", "done", None)
        .mark("B", "run", "running", Some("me"))
        .mark("é", "run", "stuck", Some("me"))
        .mark("d", "flow", "running", Some("me"));
    fixture.commit(batch);
    fixture.commit(append("unmarked", "begun"));
    let run = Filter::category("run");
    assert_eq!(names(fixture, &run), ["B", "a", "b", "c", "é"]);
    assert_eq!(names(fixture, &run.clone().status("running")), ["B", "a", "c"]);
    assert_eq!(names(fixture, &run.clone().owner("me")), ["B", "c", "é"]);
    assert_eq!(names(fixture, &run.clone().status("running").owner("me")), ["B", "c"]);
    assert_eq!(names(fixture, &Filter::category("other")), [""; 0]);
    fixture.commit(Batch::new().mark("c", "run", "done", None).mark("d", "run", "running", None));
    assert_eq!(names(fixture, &run.clone().status("running")), ["B", "a", "d"]);
    assert_eq!(names(fixture, &run.clone().status("done")), ["b", "c"]);
    assert_eq!(names(fixture, &run.owner("me")), ["B", "é"]);
    assert_eq!(names(fixture, &Filter::category("flow")), [""; 0]);
}

pub(super) fn listings_have_pages(fixture: &Fixture) {
    let name = |n: usize| format!("{n:03}");
    let batch = (0..25).fold(Batch::new(), |batch, n| {
        batch.mark(name(n), "run", if n % 2 == 0 { "even" } else { "odd" }, Some("me"))
    });
    fixture.commit(batch);
    let run = Filter::category("run");
    for filter in
        [run.clone(), run.clone().status("even"), run.clone().owner("me"), run.status("odd").owner("me")]
    {
        let all = names(fixture, &filter);
        let (mut paged, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = fixture.store.streams(&filter, after.as_deref(), 4).unwrap();
            assert!(page.len() <= 4);
            let Some(last) = page.last() else { break };
            after = Some(last.stream.clone());
            paged.extend(page.into_iter().map(|info| info.stream));
        }
        assert_eq!(paged, all);
        assert!(all.len() >= 12);
    }
}

pub(super) fn events_are_read_from_a_version_up_to_a_limit(fixture: &Fixture) {
    fixture.commit(Batch::new().append("a", Expected::Any, ["1", "2", "3", "4", "5"].map(event)));
    let read = |from, limit| {
        let events = fixture.store.read("a", from, limit).unwrap();
        events.into_iter().map(|event| event.version).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 2), [1, 2]);
    assert_eq!(read(2, 2), [2, 3]);
    assert_eq!(read(5, usize::MAX), [5]);
    assert_eq!(read(6, 10), [0; 0]);
    assert_eq!(read(u64::MAX, 10), [0; 0]);
    assert_eq!(read(1, 0), [0; 0]);
}

pub(super) fn what_is_not_there_reads_as_nothing(fixture: &Fixture) {
    let store = &fixture.store;
    assert_eq!(store.read("none", 1, 10).unwrap(), []);
    assert_eq!(store.head("none").unwrap(), 0);
    assert_eq!(store.stream("none").unwrap(), None);
    assert_eq!(store.claimed("none").unwrap(), None);
    assert_eq!(store.lease("none").unwrap(), None);
    assert_eq!(store.next_timer().unwrap(), None);
    assert_eq!(store.next_outbox("none").unwrap(), None);
}

pub(super) fn times_are_the_stores(fixture: &Fixture) {
    let begun = fixture.commit(append("a", "begun").mark("a", "run", "running", None)).at;
    fixture.pass(10 * SECOND);
    let next = fixture.commit(append("a", "next")).at;
    assert!(next >= begun + 10 * SECOND);
    assert!(fixture.store.now().unwrap() >= next);
    let info = fixture.store.stream("a").unwrap().unwrap();
    assert_eq!((info.created, info.changed, info.version), (begun, next, 2));
    let times: Vec<_> = fixture.store.read("a", 1, 10).unwrap().into_iter().map(|event| event.at).collect();
    assert_eq!(times, [begun, next]);
    fixture.pass(10 * SECOND);
    let marked = fixture.commit(Batch::new().mark("a", "run", "done", None)).at;
    assert_eq!(fixture.store.streams(&Filter::category("run"), None, 1).unwrap()[0].changed, marked);
}

pub(super) fn reads_see_what_was_acknowledged(fixture: &Fixture) {
    let write = |thread: usize| {
        for version in 1..=50 {
            let stream = format!("stream-{thread}");
            let expected = Expected::Version(version - 1);
            let committed = fixture.commit(Batch::new().append(&stream, expected, [event("kind")]));
            assert_eq!(committed.version(&stream), Some(version));
            assert_eq!(fixture.store.head(&stream).unwrap(), version);
        }
    };
    std::thread::scope(|scope| {
        (0..4).for_each(|thread| {
            scope.spawn(move || write(thread));
        });
    });
}
