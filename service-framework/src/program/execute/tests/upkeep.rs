//! Large requests, runs that wait for others, leases, lists, and runs that are removed.

use super::super::desk::{Desk, Job, Turn};
use super::super::keep::Keeping;
use super::super::recover::Look;
use super::*;
use crate::program::Event;
use crate::store::{Clock, SystemClock};

#[test]
fn a_request_of_the_default_limit_runs() {
    let world = World::default();
    let engine = world.engine(spec(|_| {}), &Store::in_memory());
    let mut pool = Pool::new();
    pool.set("text", "x".repeat(100_000_000 - 100));
    let Answer::Ran { run, end: End::Done, .. } = engine.run(Request::new("p", pool)) else {
        panic!("it did not run")
    };
    let history = Runs::of(engine.store()).history(&run).unwrap();
    let Event::Started { pool, .. } = &history[0].event else { panic!("it has no start") };
    assert_eq!(pool.get("text").and_then(Value::as_str).map(str::len), Some(100_000_000 - 100));
}

/// One step `a`, locked by the number in the pool.
fn locked() -> Spec {
    spec(|json| {
        json["programs"]["p"]["hooks"] = json!(["a"]);
        json["programs"]["p"]["args"] = json!({"id": {"type": "int", "required": true}});
        json["programs"]["p"]["locks"] = json!(["account:{id}"]);
    })
}

fn numbered(id: usize) -> Request {
    let mut pool = Pool::new();
    pool.set("id", id);
    Request::new("p", pool)
}

#[test]
fn who_waits_for_locks_elsewhere_holds_no_thread() {
    const RUNS: usize = 40;
    let store = Store::in_memory();
    let (first, second, third) = (World::default(), World::default(), World::default());
    let (hooks, held) = held(all_but(&first, "a"), "a", &first);
    let holder = Engine::start(locked(), &hooks, store.clone(), settings()).unwrap();
    // Its hook is called one at a time; every run has its lock before.
    let (told, ends) = sync_channel(2 * RUNS);
    let asks = |engine: &Engine, id: usize| {
        let told = told.clone();
        engine.submit(numbered(id), move |answer| told.send(end_of(&answer)).unwrap());
    };
    (0..RUNS).for_each(|id| asks(&holder, id));
    let runs = Runs::of(&store);
    wait_until(|| runs.list(Some("running"), None, RUNS).unwrap().len() == RUNS);

    let few = Settings { most_at_once: 2, ..settings() };
    let waits = Engine::start(locked(), &second.hooks(), store.clone(), few).unwrap();
    (0..RUNS).for_each(|id| asks(&waits, id));
    assert_eq!(end_of(&waits.run(numbered(RUNS))), End::Done, "whoever shares no lock runs");
    assert_eq!(second.done(), ["a"]);
    // Those that wait count among those that may wait.
    let full = Settings { most_waiting: 3, ..settings() };
    let full = Engine::start(locked(), &third.hooks(), store.clone(), full).unwrap();
    (0..3).for_each(|id| full.submit(numbered(id), |_| {}));
    wait_until(|| full.run(numbered(RUNS + 1)) == Answer::Refused(Refusal::Busy(3)));
    assert!(full.stop(Duration::from_secs(10)), "and nobody waits for them at a stop");

    let going = thread::spawn(move || {
        for _ in 0..RUNS {
            held.called.recv_timeout(Duration::from_secs(30)).unwrap();
            held.go_on.send(()).unwrap();
        }
        held
    });
    let done = || ends.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!((0..2 * RUNS).all(|_| done() == End::Done));
    assert_eq!(second.done().len(), RUNS + 1);
    drop(going.join().unwrap());
}

/// A clock that stands still on the thread that looks for runs to take up.
#[derive(Clone, Default)]
struct SlowRecovery(Arc<AtomicUsize>);

impl Clock for SlowRecovery {
    fn now(&self) -> Timestamp {
        while thread::current().name() == Some("program recovery") && self.0.load(Ordering::SeqCst) < 2 {
            self.0.store(1, Ordering::SeqCst);
            thread::park_timeout(Duration::from_millis(1));
        }
        SystemClock.now()
    }
}

#[test]
fn a_slow_recovery_costs_no_lease() {
    let clock = SlowRecovery::default();
    let store = Store::in_memory_at(clock.clone());
    let gone = store.acquire("server/gone", "gone", Duration::from_secs(600)).wait().unwrap();
    let events = journal_of(&[], || spec(|_| {}));
    let batch = Batch::new().append(stream("r"), Expected::NoStream, events[..2].to_vec());
    store.commit(batch.mark(stream("r"), "run", "running", Some(&gone.name))).unwrap();
    let short = Settings { lease: Duration::from_millis(300), ..Settings::default() };
    let world = World::default();
    let engine = Engine::start(spec(|_| {}), &world.hooks(), store.clone(), short).unwrap();
    assert_eq!(engine.recover().unwrap(), 0);
    wait_until(|| clock.0.load(Ordering::SeqCst) == 1);
    let own = engine.0.journal.fence().0;
    let until = || store.lease(&own).unwrap().unwrap().until;
    let before = until();
    wait_until(|| until() > before + Duration::from_millis(600));
    clock.0.store(2, Ordering::SeqCst);
    assert!(engine.stop(Duration::from_secs(10)));
}

/// A store with so many runs in it whose server is gone, each in its first step.
fn left_behind_often(count: usize, spec: fn() -> Spec) -> Store {
    let (store, events) = (Store::in_memory(), journal_of(&[], spec));
    for number in 0..count {
        let stream = stream(&number.to_string());
        let batch = Batch::new().append(&stream, Expected::NoStream, events[..2].to_vec());
        store.commit(batch.mark(&stream, "run", "running", Some("server/gone"))).unwrap();
    }
    store
}

#[test]
fn who_finds_no_room_for_all_runs_knows_that_there_are_more() {
    let free = || spec(|json| json["programs"]["p"]["locks"] = json!([]));
    let (store, world) = (left_behind_often(5, free), World::default());
    let (hooks, held) = held(all_but(&world, "una"), "una", &world);
    let few = Settings { most_at_once: 1, most_waiting: 2, ..settings() };
    let engine = Engine::start(free(), &hooks, store.clone(), few).unwrap();
    let mut taken = engine.recover().unwrap();
    held.called.recv_timeout(Duration::from_secs(30)).unwrap();
    taken += engine.recover().unwrap();
    assert_eq!(taken, 2, "one is on its way, and one waits");
    assert_eq!(engine.look_for_runs().unwrap(), Look { taken: 0, has_more: true });
    (0..5).for_each(|_| held.go_on.send(()).unwrap());
    let runs = Runs::of(&store);
    wait_until(|| {
        taken += engine.recover().unwrap();
        runs.list(Some("rectified"), None, 10).unwrap().len() == 5
    });
    assert_eq!((engine.look_for_runs().unwrap(), taken), (Look { taken: 0, has_more: false }, 5));
}

#[test]
fn requests_that_wait_for_a_run_that_was_left_leave_room_for_it() {
    let events = journal_of(&[], || spec(|_| {}));
    let (store, world) = (left_behind(&events[..2]), World::default());
    let full = Settings { most_waiting: 2, ..settings() };
    let engine = Engine::start(spec(|_| {}), &world.hooks(), store, full).unwrap();
    let (told, ends) = sync_channel(2);
    let asks = || {
        let told = told.clone();
        engine.submit(request(), move |answer| told.send(end_of(&answer)).unwrap());
    };
    asks();
    wait_until(|| !engine.0.desk.awaited().is_empty());
    asks();
    assert_eq!(engine.run(request()), Answer::Refused(Refusal::Busy(2)));
    assert_eq!(engine.recover().unwrap(), 1);
    let ended = || ends.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!([ended(), ended()], [End::Done; 2]);
    assert_eq!(world.done()[0], "una");
}

#[test]
fn runs_are_listed_from_the_end_or_page_by_page() {
    let world = World::default();
    let engine = world.engine(spec(|_| {}), &Store::in_memory());
    let all: Vec<String> = (0..7)
        .map(|_| match engine.run(request()) {
            Answer::Ran { run, .. } => run,
            other => panic!("{other:?}"),
        })
        .collect();
    let runs = Runs::of(engine.store());
    let ids = |found: Vec<crate::program::RunInfo>| -> Vec<String> {
        found.into_iter().map(|info| info.run).collect()
    };
    assert_eq!(ids(runs.latest(None, 3).unwrap()), all[4..]);
    assert_eq!(ids(runs.latest(Some("done"), 100).unwrap()), all);
    assert_eq!(ids(runs.latest(Some("stuck"), 100).unwrap()), [""; 0]);
    assert_eq!(ids(runs.list(None, Some(&all[1]), 3).unwrap()), all[2..5]);
    // One whose id says nothing of its time is found too.
    let old = Batch::new().mark(stream("0"), "run", "done", None).mark(stream("~"), "run", "done", None);
    engine.store().commit(old).unwrap();
    let found = ids(runs.latest(None, 100).unwrap());
    assert_eq!((found.first().map(String::as_str), found.last().map(String::as_str)), (Some("0"), Some("~")));
}

fn keeping(world: &World, clock: &ManualClock, keep: Keep) -> Engine {
    let settings = Settings { keep, ..settings() };
    let spec = spec(|json| json["programs"]["p"]["locks"] = json!([]));
    Engine::start(spec, &world.hooks(), Store::in_memory_at(clock.clone()), settings).unwrap()
}

fn look_at_all(engine: &Engine) {
    let mut keeping = Keeping::default();
    while keeping.go_on(engine) {}
}

#[test]
fn runs_are_kept_for_a_time_but_for_those_that_are_stuck_or_have_a_key() {
    let clock = ManualClock::at(Timestamp::from_micros(1_000_000));
    for forgets_keys in [false, true] {
        let world = World::default();
        let keep = Keep { time: Some(Duration::from_secs(60)), forgets_keys, ..Keep::default() };
        let engine = keeping(&world, &clock, keep);
        world.wrong.lock().unwrap().extend(["c", "una"]);
        assert_eq!(end_of(&engine.run(request())), End::Stuck);
        world.wrong.lock().unwrap().retain(|name| *name == "c");
        assert_eq!(end_of(&engine.run(request())), End::Rectified);
        world.wrong.lock().unwrap().clear();
        (0..500).for_each(|_| assert_eq!(end_of(&engine.run(request())), End::Done));
        let first = engine.run(request().idempotent("k"));
        clock.advance(Duration::from_secs(30));
        let Answer::Ran { run: late, .. } = engine.run(request()) else { panic!("it did not run") };
        clock.advance(Duration::from_secs(31));
        look_at_all(&engine);
        let left = Runs::of(engine.store()).list(None, None, 1000).unwrap();
        let statuses: Vec<&str> = left.iter().map(|info| info.status.as_str()).collect();
        match forgets_keys {
            false => assert_eq!(statuses, ["stuck", "done", "done"]),
            true => assert_eq!(statuses, ["stuck", "done"]),
        }
        assert_eq!(left.last().map(|info| info.run.as_str()), Some(late.as_str()));
        assert_eq!(engine.run(request().idempotent("k")) == first, !forgets_keys);
    }
}

#[test]
fn so_many_runs_are_kept() {
    let clock = ManualClock::at(Timestamp::from_micros(1_000_000));
    let world = World::default();
    let engine = keeping(&world, &clock, Keep { most: Some(3), ..Keep::default() });
    (0..9).for_each(|_| assert_eq!(end_of(&engine.run(request())), End::Done));
    let runs = Runs::of(engine.store());
    wait_until(|| runs.list(None, None, 100).unwrap().len() == 3);
    // Those that another server has left.
    let store = engine.store();
    let events = journal_of(&[], || spec(|_| {}));
    for id in ["0", "00"] {
        let batch = Batch::new().append(stream(id), Expected::NoStream, events.clone());
        store.commit(batch.mark(stream(id), "run", "done", None)).unwrap();
    }
    look_at_all(&engine);
    let left = runs.list(None, None, 100).unwrap();
    assert!(left.len() == 3 && left.iter().all(|info| info.run.len() > 2), "{left:?}");
}

fn job(locks: &[&str], work: impl FnOnce() + Send + 'static) -> Job {
    let locks = locks.iter().map(|&lock| lock.to_owned()).collect();
    let work = move || {
        work();
        Turn::Over
    };
    Job { locks, work: Box::new(work), refuse: Box::new(|refusal| panic!("{refusal}")) }
}

#[test]
fn all_whose_locks_come_free_at_once_run_beside_each_other() {
    let desk = Arc::new(Desk::new(4, 10, Store::in_memory()));
    let patience = Duration::from_secs(30);
    let ((begun, begins), (go_on, told)) = (sync_channel(1), sync_channel::<()>(1));
    desk.put(job(&["a", "b"], move || {
        begun.send(()).unwrap();
        told.recv_timeout(patience).unwrap();
    }));
    begins.recv_timeout(patience).unwrap();
    let (met, meets) = sync_channel(2);
    // Each of them ends when the other has begun.
    let ((to_first, from_second), (to_second, from_first)) = (sync_channel(1), sync_channel(1));
    for (lock, says, hears) in [("a", to_second, from_second), ("b", to_first, from_first)] {
        let met = met.clone();
        desk.put(job(&[lock], move || {
            says.send(()).unwrap();
            met.send(hears.recv_timeout(patience).is_ok()).unwrap();
        }));
    }
    go_on.send(()).unwrap();
    let have_met = || meets.recv_timeout(patience * 2).unwrap();
    assert!(have_met() && have_met());
    assert!(desk.stop(patience));
}
