//! Flows of a name of which only some may go on at once.

use super::*;

fn named(id: &str, lines: &[&str]) -> Start {
    Start { name: Some("n".to_owned()), ..start_of(id, lines) }
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("f{number:02}")).collect()
}

/// Nobody has a place any more.
fn no_places(test: &Test, most: u32) -> bool {
    (0..most).all(|number| test.store.claimed(&format!("flow-place/{number}/n")).unwrap().is_none())
}

#[test]
fn a_limit_of_a_name_holds_over_all_hosts() {
    let test = Test::new();
    let other = host_on(&test.store, &test.world, settings());
    test.flows().limit("n", 2).unwrap();
    for (number, id) in ids(24).iter().enumerate() {
        let host = if number % 2 == 0 { &test.host } else { &other };
        let lines = ["ask http.slow", "sleep 0.002", "ask http.slow", "wait message go", "ask http.slow"];
        host.start_flow(named(id, &lines)).unwrap();
    }
    // Those that wait for a message are more than have a place.
    let began = Instant::now();
    let asked = || test.world.done.lock().unwrap().len();
    while asked() < 48 || !no_places(&test, 2) {
        assert!(began.elapsed() < BOUND, "{} are asked for", asked());
        std::thread::sleep(Duration::from_millis(2));
    }
    for id in ids(24) {
        test.flows().signal(&id, "go", Value::Nil).unwrap();
    }
    for id in ids(24) {
        test.done(&id);
    }
    let most = test.world.at_once.lock().unwrap().1;
    assert!((1..=2).contains(&most), "{most} at once");
    assert!(no_places(&test, 2));
    other.stop(Duration::from_secs(5));
}

#[test]
fn a_limit_of_none_stops_a_name_until_it_is_taken_away() {
    let test = Test::new();
    test.flows().limit("n", 0).unwrap();
    test.host.start_flow(named("f", &["ask http.get"])).unwrap();
    test.start("other", &["ask http.get"]);
    test.done("other");
    test.until("f", |info| info.status == Status::Queued && info.host.is_none());
    assert_eq!(test.flows().limits().unwrap(), [("n".to_owned(), 0)]);
    assert!(test.flows().unlimit("n").unwrap());
    assert!(!test.flows().unlimit("n").unwrap());
    test.done("f");
    assert!(test.flows().limits().unwrap().is_empty());
    assert!(matches!(test.flows().limit("", 1), Err(FlowError::BadName { .. })));
    assert!(matches!(test.flows().limit("n", 1001), Err(FlowError::BadLimit { most: 1001 })));
    assert!(test.flows().limits().unwrap().is_empty());
}

#[test]
fn those_that_are_queued_can_be_told_paused_and_cancelled() {
    let test = Test::new();
    test.flows().limit("n", 0).unwrap();
    for id in ["a", "b", "c"] {
        test.host.start_flow(named(id, &["wait message go", "now"])).unwrap();
        test.until(id, |info| info.status == Status::Queued);
    }
    test.flows().signal("a", "go", Value::Int(7)).unwrap();
    assert_eq!(test.flows().get("a").unwrap().status, Status::Queued);
    test.flows().pause("b").unwrap();
    test.flows().cancel("c").unwrap();
    // To come to an end needs no place.
    assert!(matches!(test.end("c"), End::Cancelled(_)));
    assert_eq!(test.flows().get("a").unwrap().status, Status::Queued);
    test.flows().limit("n", 1).unwrap();
    assert_eq!(test.done("a")[0], Value::Int(7));
    assert_eq!(test.flows().get("b").unwrap().status, Status::Paused);
    test.flows().signal("b", "go", Value::Nil).unwrap();
    test.flows().resume("b").unwrap();
    test.done("b");
}

#[test]
fn one_that_was_interrupted_for_taking_too_much_goes_on_undoing_at_another_host() {
    let (store, world) = (Store::in_memory(), Arc::new(World::default()));
    let few = || HostSettings { most_moves: 3, ..settings() };
    let test = Test { host: host_on(&store, &world, few()), store, world };
    let lines = ["wait message go", "now", "now", "now", "wait message never", "finally ask http.undo"];
    test.world.is_silent.store(true, Ordering::SeqCst);
    test.start("f", &lines);
    test.waits("f");
    test.flows().signal("f", "go", Value::Nil).unwrap();
    // It is at its compensation when its host is gone.
    test.until("f", |_| !test.world.done.lock().unwrap().is_empty());
    test.host.0.is_stopping.store(true, Ordering::SeqCst);
    let runtime = test.host.0.runtime.lock().unwrap().take();
    runtime.into_iter().for_each(tokio::runtime::Runtime::shutdown_background);
    test.world.is_silent.store(false, Ordering::SeqCst);
    let other = host_on(&test.store, &test.world, few());
    assert!(matches!(test.end("f"), End::Failed(failure) if failure.kind == "LimitExceeded"));
    let events = test.flows().history("f").unwrap();
    let taken = |event: &Event| matches!(event, Event::Turn(turn) if turn.moves.iter().any(|made| matches!(made, crate::flow::history::Move::Took { .. })) && turn.end.is_some());
    assert!(events.iter().any(|(_, _, event)| taken(event)), "{events:#?}");
    other.stop(Duration::from_secs(5));
}

#[test]
fn places_of_paused_flows_and_of_hosts_that_are_gone_are_not_lost() {
    let test = Test::new();
    test.flows().limit("n", 1).unwrap();
    test.world.is_silent.store(true, Ordering::SeqCst);
    test.host.start_flow(named("f", &["ask http.get"])).unwrap();
    test.until("f", |_| !test.world.done.lock().unwrap().is_empty());
    test.host.start_flow(named("g", &["now"])).unwrap();
    test.flows().pause("f").unwrap();
    test.done("g");
    test.host.start_flow(named("k", &["ask http.get"])).unwrap();
    test.until("k", |_| test.world.done.lock().unwrap().contains_key("k/0"));
    // The host does nothing any more, and another one has its flow and its place.
    test.host.0.is_stopping.store(true, Ordering::SeqCst);
    let runtime = test.host.0.runtime.lock().unwrap().take();
    runtime.into_iter().for_each(tokio::runtime::Runtime::shutdown_background);
    test.world.is_silent.store(false, Ordering::SeqCst);
    let other = host_on(&test.store, &test.world, settings());
    test.done("k");
    test.flows().resume("f").unwrap();
    test.done("f");
    test.flows().start(&Toy, named("h", &["now"])).unwrap();
    test.done("h");
    other.stop(Duration::from_secs(5));
}
