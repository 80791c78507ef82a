use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::flow::connect::{Errand, OtherFlows, Performed, Performing};
use crate::flow::engine::{Engine, Outcome, Raised};
use crate::flow::history::End;
use crate::flow::toy::Toy;
use crate::flow::worker::{Threads, TurnLimits};
use crate::flow::{Delivery, FlowInfo};
use crate::value::Value;

/// How long something may take that is bound to happen.
const BOUND: Duration = Duration::from_secs(20);

/// The world: it counts what is asked of it, and answers as it is told.
#[derive(Default)]
struct World {
    /// How often each errand was done, by its key.
    done: Mutex<HashMap<String, usize>>,
    /// How many times in a row it cannot be reached.
    out: Mutex<usize>,
    /// Whether it never answers.
    is_silent: AtomicBool,
    /// How many are at it now, and were at most.
    at_once: Mutex<(usize, usize)>,
}

impl Connector for World {
    fn queue(&self) -> &'static str {
        "http"
    }

    fn perform(&self, errand: Errand) -> Performing<'_> {
        Box::pin(async move {
            *self.done.lock().unwrap().entry(errand.key()).or_default() += 1;
            if self.is_silent.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if errand.name == "http.slow" {
                let at_once = |change: isize| {
                    let mut at_once = self.at_once.lock().unwrap();
                    at_once.0 = at_once.0.saturating_add_signed(change);
                    at_once.1 = at_once.1.max(at_once.0);
                };
                at_once(1);
                tokio::time::sleep(Duration::from_millis(10)).await;
                at_once(-1);
            }
            let mut out = self.out.lock().unwrap();
            if *out > 0 {
                *out -= 1;
                return Performed::Again { after: Duration::from_millis(10), reason: "it is out".to_owned() };
            }
            match errand.name.as_str() {
                "http.fail" => {
                    let raised = Raised { kind: "OSError".to_owned(), message: "no".to_owned() };
                    Performed::Done(Outcome::Error(raised))
                }
                _ => Performed::Done(Outcome::Value(Value::Int(i64::from(errand.call)))),
            }
        })
    }
}

mod clock;
mod limited;

struct Test {
    store: Store,
    world: Arc<World>,
    host: Host,
}

fn settings() -> HostSettings {
    HostSettings { lease: Duration::from_millis(600), save_every: 3, ..HostSettings::default() }
}

fn host_on(store: &Store, world: &Arc<World>, settings: HostSettings) -> Host {
    let pool = Pool::new(2, TurnLimits::default(), Threads::open(|| Toy)).unwrap();
    let flows = Flows::of(store);
    let others = Arc::new(OtherFlows::new(&flows, Arc::new(Toy)));
    Host::start(&flows, Arc::new(Toy), Some(pool), vec![world.clone(), others], settings).unwrap()
}

impl Test {
    fn new() -> Self {
        let (store, world) = (Store::in_memory(), Arc::new(World::default()));
        let host = host_on(&store, &world, settings());
        Self { store, world, host }
    }

    fn start(&self, id: &str, lines: &[&str]) {
        self.host.start_flow(start_of(id, lines)).unwrap();
    }

    fn flows(&self) -> Flows {
        Flows::of(&self.store)
    }

    fn until(&self, id: &str, is_it: impl Fn(&FlowInfo) -> bool) -> FlowInfo {
        let began = Instant::now();
        loop {
            let info = self.flows().get(id).unwrap();
            if is_it(&info) {
                return info;
            }
            assert!(began.elapsed() < BOUND, "{info:?}\n{:#?}", self.flows().history(id));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn end(&self, id: &str) -> End {
        self.until(id, |info| info.status.has_ended());
        self.flows().end(id).unwrap().unwrap()
    }

    fn done(&self, id: &str) -> Vec<Value> {
        match self.end(id) {
            End::Done(Value::List(values)) => values,
            end => panic!("{end:?}"),
        }
    }

    fn waits(&self, id: &str) {
        self.until(id, |info| info.status == Status::Waiting);
    }
}

fn start_of(id: &str, lines: &[&str]) -> Start {
    Start { id: Some(id.to_owned()), file: "toy".to_owned(), source: lines.join("\n"), ..Start::default() }
}

#[test]
fn a_flow_runs_to_its_end_and_nothing_is_left_of_it_in_the_queues() {
    let test = Test::new();
    test.start("f", &["ask http.get", "sleep 0.01", "push 9", "ask http.get", "pop", "now"]);
    let values = test.done("f");
    assert_eq!(values[..2], [Value::Int(0), Value::Nil]);
    assert_eq!(
        *test.world.done.lock().unwrap(),
        HashMap::from([("f/0".to_owned(), 1), ("f/3".to_owned(), 1)])
    );
    assert_eq!(test.store.next_timer().unwrap(), None);
    assert_eq!(test.store.next_outbox("flow-http").unwrap(), None);
}

#[test]
fn messages_and_callbacks_reach_a_flow_that_waits() {
    let test = Test::new();
    test.start("f", &["callback", "wait callback", "wait message go"]);
    test.waits("f");
    let events = test.flows().history("f").unwrap();
    let id = events.iter().find_map(|(_, _, event)| match event {
        Event::Turn(turn) => match &turn.moves[0] {
            crate::flow::history::Move::Answered(_, Outcome::Value(made)) => {
                made.get("id").and_then(Value::as_str).map(str::to_owned)
            }
            _ => None,
        },
        _ => None,
    });
    let id = id.unwrap();
    assert_eq!(test.flows().deliver("nobody's", Value::Nil).unwrap(), Delivery::Unknown);
    assert_eq!(test.flows().deliver(&id, Value::Int(7)).unwrap(), Delivery::First("f".to_owned()));
    assert_eq!(test.flows().deliver(&id, Value::Int(8)).unwrap(), Delivery::Again);
    test.flows().signal("f", "go", Value::Int(9)).unwrap();
    assert_eq!(test.done("f")[1..], [Value::Int(7), Value::Int(9)]);
    assert_eq!(test.flows().deliver(&id, Value::Int(8)).unwrap(), Delivery::Again);
}

#[test]
fn an_errand_that_does_not_come_to_an_end_is_tried_again() {
    let test = Test::new();
    *test.world.out.lock().unwrap() = 3;
    test.start("f", &["ask http.get"]);
    assert_eq!(test.done("f"), [Value::Int(0)]);
    assert_eq!(test.world.done.lock().unwrap()["f/0"], 4);
    let tried = test.flows().history("f").unwrap().into_iter().filter_map(|(_, _, event)| match event {
        Event::Tried { attempt, .. } => Some(attempt),
        _ => None,
    });
    assert_eq!(tried.collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_flow_awaits_another_whether_it_has_ended_or_not() {
    let test = Test::new();
    test.start("slow", &["wait message go"]);
    test.start("quick", &["now"]);
    test.done("quick");
    test.start("both", &["flow.result quick", "flow.result slow", "try flow.result nobody"]);
    test.until("slow", |info| info.version > 2);
    test.flows().signal("slow", "go", Value::Int(1)).unwrap();
    let values = test.done("both");
    assert_eq!(values[1..], [Value::List(vec![Value::Int(1)]), Value::Str("RuntimeError".to_owned())]);
    // Who was told once is not told again and again.
    let began = Instant::now();
    while test.store.next_outbox("flow-flow").unwrap().is_some() {
        assert!(began.elapsed() < BOUND, "an errand stays in the outbox");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn whoever_begins_to_wait_in_the_last_moment_is_told() {
    let test = Test::new();
    test.start("p", &["wait message end"]);
    test.waits("p");
    let mut told = Vec::new();
    for call in 0..300 {
        let id = format!("quick{call}");
        test.start(&id, &["now"]);
        let watched = Event::Watched { by: "p".to_owned(), call };
        // As the flow may go on fast, others may be written first.
        if test.flows().tell(&id, &watched, Batch::new()).unwrap() == crate::flow::Told::Written {
            told.push(call);
        }
        test.done(&id);
    }
    let has_all = || {
        let history = test.flows().history("p").unwrap();
        let has = |call: &u32| {
            history.iter().any(|(_, _, event)| matches!(event, Event::Result { call: of, .. } if of == call))
        };
        told.iter().all(has)
    };
    let began = Instant::now();
    while !has_all() {
        assert!(began.elapsed() < BOUND, "somebody waits for ever");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!told.is_empty(), "nobody was in time");
}

#[test]
fn who_waits_for_a_flow_that_takes_too_much_is_told() {
    let (store, world) = (Store::in_memory(), Arc::new(World::default()));
    let host = host_on(&store, &world, HostSettings { most_moves: 4, ..settings() });
    let test = Test { store, world, host };
    test.start("long", &["wait message go", "now", "now", "now", "now", "wait message never"]);
    test.waits("long");
    test.start("waits", &["try flow.result long"]);
    test.until("long", |info| info.version > 3);
    test.flows().signal("long", "go", Value::Nil).unwrap();
    assert_eq!(test.done("waits"), [Value::Str("RuntimeError".to_owned())]);
    assert!(matches!(test.end("long"), End::Failed(failure) if failure.kind == "LimitExceeded"));
}

#[test]
fn a_failed_flow_is_retried_where_it_failed_and_forked_anywhere() {
    let test = Test::new();
    test.start("f", &["ask http.get", "ask http.fail", "ask http.get"]);
    assert!(matches!(test.end("f"), End::Failed(_)));
    test.flows().retry("f").unwrap();
    test.until("f", |info| info.status == Status::Failed && test.world.done.lock().unwrap()["f/1"] == 2);
    assert_eq!(test.world.done.lock().unwrap()["f/0"], 1);
    test.flows().fork("f", 2, Some("g".to_owned())).unwrap();
    assert!(matches!(test.end("g"), End::Failed(_)));
    assert_eq!(test.world.done.lock().unwrap().get("g/0"), None);
    assert_eq!(test.world.done.lock().unwrap()["g/1"], 1);
}

#[test]
fn a_paused_flow_stands_still_and_keeps_what_comes() {
    let test = Test::new();
    test.start("f", &["wait message a", "wait message a"]);
    test.waits("f");
    test.flows().pause("f").unwrap();
    test.flows().signal("f", "a", Value::Int(1)).unwrap();
    test.flows().signal("f", "a", Value::Int(2)).unwrap();
    assert_eq!(test.flows().get("f").unwrap().status, Status::Paused);
    test.flows().resume("f").unwrap();
    assert_eq!(test.done("f"), [Value::Int(1), Value::Int(2)]);
}

#[test]
fn a_cancelled_flow_ends_and_takes_back_what_it_asked_for() {
    let test = Test::new();
    test.world.is_silent.store(true, Ordering::SeqCst);
    test.start("f", &["push 60", "ask http.get"]);
    test.until("f", |_| !test.world.done.lock().unwrap().is_empty());
    test.flows().cancel("f").unwrap();
    assert!(matches!(test.end("f"), End::Cancelled(_)));
    let began = Instant::now();
    while test.store.next_outbox("flow-http").unwrap().is_some() || test.store.next_timer().unwrap().is_some()
    {
        assert!(began.elapsed() < BOUND);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_same_id_is_the_same_flow() {
    let test = Test::new();
    assert!(test.host.start_flow(start_of("f", &["now"])).unwrap().1);
    assert!(!test.host.start_flow(start_of("f", &["now"])).unwrap().1);
    let other = test.host.start_flow(start_of("f", &["now", "now"])).unwrap_err();
    assert!(matches!(other, FlowError::Taken { .. }), "{other}");
    assert!(matches!(test.host.start_flow(start_of("no id", &[])), Err(FlowError::BadId { .. })));
}

#[test]
fn a_name_that_would_confuse_is_refused() {
    let store = Store::in_memory();
    for name in ["", "a\nb", "a\u{1b}[2J", &"n".repeat(201)] {
        let start = Start { name: Some(name.to_owned()), ..start_of("f", &["now"]) };
        let refused = Flows::of(&store).start(&Toy, start);
        assert!(matches!(refused, Err(FlowError::BadName { .. })), "{refused:?}");
    }
}

#[test]
fn a_host_that_stops_hands_its_flows_over() {
    let test = Test::new();
    test.world.is_silent.store(true, Ordering::SeqCst);
    test.start("f", &["ask http.get", "now"]);
    test.until("f", |_| !test.world.done.lock().unwrap().is_empty());
    assert!(test.host.stop(BOUND));
    assert_eq!(test.flows().get("f").unwrap().status, Status::Ready);
    test.world.is_silent.store(false, Ordering::SeqCst);
    let next = host_on(&test.store, &test.world, settings());
    assert_eq!(test.done("f")[0], Value::Int(0));
    assert!(next.stop(BOUND));
}

#[test]
fn what_a_host_had_that_is_gone_is_taken_up_when_its_lease_runs_out() {
    let test = Test::new();
    test.world.is_silent.store(true, Ordering::SeqCst);
    test.start("f", &["now", "ask http.get", "now"]);
    test.until("f", |_| !test.world.done.lock().unwrap().is_empty());
    // It does nothing any more, and gives nothing back.
    test.host.0.is_stopping.store(true, Ordering::SeqCst);
    let runtime = test.host.0.runtime.lock().unwrap().take();
    runtime.into_iter().for_each(tokio::runtime::Runtime::shutdown_background);
    test.world.is_silent.store(false, Ordering::SeqCst);
    let next = host_on(&test.store, &test.world, settings());
    assert_eq!(test.done("f")[1], Value::Int(1));
    assert_eq!(test.world.done.lock().unwrap()["f/1"], 2);
    assert!(next.stop(BOUND));
}

#[test]
fn two_hosts_on_one_store_do_nothing_twice() {
    let (store, world) = (Store::in_memory(), Arc::new(World::default()));
    let hosts = [host_on(&store, &world, settings()), host_on(&store, &world, settings())];
    let flows = Flows::of(&store);
    for number in 0..40 {
        let lines = ["ask http.get", "sleep 0.01", "wait message go", "ask http.get"];
        flows.start(&Toy, start_of(&format!("f{number}"), &lines)).unwrap();
    }
    for number in 0..40 {
        flows.signal(&format!("f{number}"), "go", Value::Nil).unwrap();
    }
    let test = Test { store, world, host: hosts[0].clone() };
    (0..40).for_each(|number| drop(test.done(&format!("f{number}"))));
    let done = test.world.done.lock().unwrap();
    assert!(done.len() == 80 && done.values().all(|count| *count == 1), "{done:?}");
    drop(done);
    assert!(hosts.iter().all(|host| host.stop(BOUND)));
}

#[test]
fn every_journal_replays_to_the_same_moves() {
    let test = Test::new();
    test.start(
        "f",
        &["now", "ask http.get", "callback", "begin http.get", "wait call 3", "sleep 0.01", "uuid.new"],
    );
    test.done("f");
    let history = test.flows().history("f").unwrap();
    let script = test.flows().script("f").unwrap();
    let mut running = crate::flow::script::Running::start(
        &Toy,
        &script,
        &crate::flow::engine::Limits::default(),
        "f",
        "toy",
    );
    running.replay_stream(history.iter().map(|(_, version, event)| (*version, event))).unwrap();
    assert_eq!(Engine::version(&Toy), test.flows().started("f").unwrap().engine);
    assert!(running.moves() >= 9);
}

#[test]
fn a_long_journal_is_packed_and_nothing_of_it_is_lost() {
    let test = Test::new();
    let lines: Vec<&str> = (0..1500).flat_map(|_| ["now", "ask http.get"]).collect();
    test.start("f", &lines);
    assert_eq!(test.done("f").len(), 3000);
    let rows = test.store.read("flow/f", 1, 10_000).unwrap();
    let history = test.flows().history("f").unwrap();
    assert!(rows[0].is_packed && rows.len() < history.len() / 2, "{} rows", rows.len());
    assert!(history.iter().zip(1..).all(|((_, version, _), number)| *version == number));
    assert_eq!(test.flows().started("f").unwrap().name, "toy");
}

#[test]
fn what_takes_too_much_is_interrupted_where_it_stood_and_can_be_retried() {
    let (store, world) = (Store::in_memory(), Arc::new(World::default()));
    let host = host_on(&store, &world, HostSettings { most_moves: 5, ..settings() });
    let test = Test { store, world, host };
    let lines =
        ["wait message go", "now", "now", "now", "now", "wait message never", "finally ask http.undo"];
    test.start("undoes", &lines);
    test.waits("undoes");
    test.flows().signal("undoes", "go", Value::Nil).unwrap();
    let End::Failed(failure) = test.end("undoes") else { panic!() };
    assert_eq!(failure.kind, "LimitExceeded");
    assert_eq!(failure.message, "it made more than 5 moves");
    assert_eq!(test.world.done.lock().unwrap().values().sum::<usize>(), 1, "what it did is undone");
    // What it did when it was interrupted is gone again.
    let before = test.flows().get("undoes").unwrap().version;
    test.flows().retry("undoes").unwrap();
    let again = test.until("undoes", |info| info.status == Status::Failed && info.version > before + 1);
    assert!(again.version > before);
    let events = test.flows().history("undoes").unwrap();
    let exceeded = |event: &Event| matches!(event, Event::Exceeded { .. });
    assert_eq!(events.iter().filter(|(_, _, event)| exceeded(event)).count(), 2);
}

#[test]
fn a_flow_that_is_damaged_is_parked_and_says_why() {
    let store = Store::in_memory();
    Flows::of(&store).start(&Toy, start_of("f", &["now"])).unwrap();
    let key = format!("flow-source/{}", Flows::of(&store).started("f").unwrap().source);
    store.commit(Batch::new().release(&key).claim(&key, b"sleep 1".to_vec())).unwrap();
    let world = Arc::new(World::default());
    let test = Test { host: host_on(&store, &world, settings()), store, world };
    test.until("f", |info| info.status == Status::Parked);
    let history = test.flows().history("f").unwrap();
    let last = history.last().map(|(_, _, event)| event);
    assert!(matches!(last, Some(Event::Parked { reason }) if reason.contains("is damaged")), "{last:?}");
    test.start("g", &["sleep 0.01"]);
    test.done("g");
}
