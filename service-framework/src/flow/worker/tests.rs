use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::place::Opened;
use super::pool::{Pool, TurnLimits};
use super::protocol::{Base, Died, Job, Report, Stored};
use super::{Ended, Place, Threads, Usage};
use crate::flow::engine::Limits;
use crate::flow::history::{End, Event};
use crate::flow::script::{Rest, Stand};
use crate::flow::toy::{self, Toy};
use crate::value::Value;

fn job(flow: &str, lines: &[&str], base: Base, events: &[Event]) -> Job {
    let stored = events.iter().zip(2..).map(|(event, version)| Stored {
        version,
        kind: event.kind().to_owned(),
        payload: event.to_bytes().unwrap().into(),
    });
    Job {
        flow: flow.to_owned(),
        name: "toy".to_owned(),
        script: (!matches!(base, Base::Kept(_))).then(|| toy::script(lines)),
        base,
        events: stored.collect(),
        public_url: "http://here".to_owned(),
        limits: Limits::default(),
        saves: false,
        looks_at: None,
    }
}

fn run(pool: &Pool, job: Job) -> Result<Report, Died> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pool.run(job))
}

fn message(number: i64) -> Event {
    Event::Message { name: "a".to_owned(), data: number.into() }
}

#[test]
fn a_flow_goes_on_where_it_is_kept_and_anew_where_it_is_not() {
    let pool = Pool::new(2, TurnLimits::default(), Threads::open(|| Toy)).unwrap();
    let lines = ["wait message a", "wait message a"];
    let Ok(Report::Went { went, .. }) = run(&pool, job("f", &lines, Base::Start, &[])) else { panic!() };
    assert_eq!(went.rest, Rest::Others);
    let first = Event::Turn(went.turn);
    let Ok(Report::Went { went, .. }) =
        run(&pool, job("f", &lines, Base::Kept(0), &[first.clone(), message(1)]))
    else {
        panic!()
    };
    assert_eq!(went.turn.moves.len(), 2, "{went:?}");
    // Somebody else's version of it.
    assert_eq!(run(&pool, job("f", &lines, Base::Kept(9), &[])), Ok(Report::NotKept));
    let second = Event::Turn(went.turn);
    let Ok(Report::Went { went, moves, .. }) =
        run(&pool, job("f", &lines, Base::Start, &[first, message(1), second, message(2)]))
    else {
        panic!()
    };
    assert_eq!((went.turn.end, moves), (Some(End::Done(Value::List(vec![1.into(), 2.into()]))), 4));
    assert_eq!(run(&pool, job("f", &lines, Base::Kept(5), &[])), Ok(Report::NotKept));
}

#[test]
fn what_was_forgotten_is_not_kept() {
    let pool = Pool::new(1, TurnLimits::default(), Threads::open(|| Toy)).unwrap();
    run(&pool, job("f", &["wait message a"], Base::Start, &[message(0)][..0])).unwrap();
    assert!(matches!(run(&pool, job("f", &[], Base::Kept(0), &[])), Ok(Report::Went { .. })));
    pool.forget("f");
    assert_eq!(run(&pool, job("f", &[], Base::Kept(0), &[])), Ok(Report::NotKept));
}

#[test]
fn a_journal_of_another_script_is_told_apart() {
    let pool = Pool::new(1, TurnLimits::default(), Threads::open(|| Toy)).unwrap();
    let Ok(Report::Went { went, .. }) = run(&pool, job("f", &["now", "now"], Base::Start, &[])) else {
        panic!()
    };
    let events = [Event::Turn(went.turn)];
    let Ok(Report::Stuck(reason)) = run(&pool, job("g", &["ask http.request"], Base::Start, &events)) else {
        panic!()
    };
    assert!(reason.contains("move 1"), "{reason}");
}

#[test]
fn it_is_seen_where_a_script_stood() {
    let pool = Pool::new(1, TurnLimits::default(), Threads::open(|| Toy)).unwrap();
    let lines = ["print hello", "now", "ask http.get", "now"];
    let Ok(Report::Went { went, .. }) = run(&pool, job("f", &lines, Base::Start, &[])) else { panic!() };
    let events = [Event::Turn(went.turn)];
    let stood = |most| {
        let job = Job { looks_at: Some(most), ..job("f", &lines, Base::Start, &events) };
        match run(&pool, job) {
            Ok(Report::Stood(stood)) => stood,
            other => panic!("{other:?}"),
        }
    };
    let now = stood(u64::MAX);
    assert_eq!((now.moves, now.of, now.frames[0].line, now.printed.as_str()), (2, 2, 3, "hello"));
    assert!(matches!(&now.stand, Stand::Asked(call) if call.name == "http.get"), "{now:?}");
    let before = stood(0);
    assert_eq!((before.moves, before.of, before.frames[0].line), (0, 2, 2));
    assert!(matches!(&before.stand, Stand::Asks(call) if call.name == "time.now"), "{before:?}");
}

/// A process that ends at once, because it has not enough of something.
struct Starved;

impl Place for Starved {
    fn usage(&self) -> Option<Usage> {
        None
    }

    fn end(&mut self) -> Ended {
        Ended::Limit("no memory".to_owned())
    }
}

#[test]
fn a_process_that_had_not_enough_is_a_limit_and_no_crash() {
    let pool = Pool::new(1, TurnLimits::default(), || {
        let (to, from) = (Box::new(std::io::sink()), Box::new(std::io::empty()));
        Ok(Opened { place: Box::new(Starved), to, from })
    });
    let died = run(&pool.unwrap(), job("f", &["now"], Base::Start, &[])).unwrap_err();
    assert_eq!(died, Died::Limit("no memory".to_owned()));
}

/// A process that takes what it is told to take, and never answers.
struct Greedy(Arc<AtomicU64>);

impl Place for Greedy {
    fn usage(&self) -> Option<Usage> {
        let cpu = Duration::from_millis(self.0.fetch_add(700, Ordering::SeqCst));
        Some(Usage { cpu, memory: 1 << 20 })
    }

    fn end(&mut self) -> Ended {
        // Its pipe ends with it.
        self.0.store(u64::MAX, Ordering::SeqCst);
        Ended::Crash("it was killed".to_owned())
    }
}

#[test]
fn a_turn_that_takes_too_much_is_ended_and_the_next_one_runs() {
    let taken = Arc::new(AtomicU64::new(0));
    let greedy_is_over = taken.clone();
    let pool = Pool::new(1, TurnLimits::default(), move || {
        if greedy_is_over.load(Ordering::SeqCst) == u64::MAX {
            return Threads::open(|| Toy)();
        }
        let (from, there) = std::io::pipe()?;
        let (mut here, to) = std::io::pipe()?;
        let taken = greedy_is_over.clone();
        std::thread::spawn(move || {
            // It reads, and is silent until it is ended.
            let reading = std::thread::spawn(move || std::io::copy(&mut here, &mut std::io::sink()));
            while taken.load(Ordering::SeqCst) != u64::MAX {
                std::thread::sleep(Duration::from_millis(1));
            }
            drop((there, reading));
        });
        let place = Box::new(Greedy(greedy_is_over.clone()));
        Ok(Opened { place, to: Box::new(to), from: Box::new(from) })
    });
    let pool = pool.unwrap();
    let Err(Died::Limit(reason)) = run(&pool, job("f", &["now"], Base::Start, &[])) else { panic!() };
    assert!(reason.contains("processor time"), "{reason}");
    assert!(matches!(run(&pool, job("f", &["now"], Base::Start, &[])), Ok(Report::Went { .. })));
}
