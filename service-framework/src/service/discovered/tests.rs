//! Services that find each other in a directory, which the test writes.
#![expect(clippy::allow_attributes, reason = "derived code is for crates that may not know `expect`")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use service_framework::prelude::*;

use crate::connection::{Directory, Found, Sought};
use crate::service::{Setup, Start, Started, Stop};

const LONG: Duration = Duration::from_secs(30);

#[derive(Message)]
struct Text {
    text: String,
}

/// Says what a name is found as from now on.
fn find(directory: &Directory, socket: &str, addresses: &[&str]) {
    find_all(directory, &[(socket, addresses)]);
}

fn find_all(directory: &Directory, sockets: &[(&str, &[&str])]) {
    let found = |(number, address): (usize, &&str)| Found {
        instance: number.to_string().into(),
        address: (*address).to_owned(),
        is_near: true,
        weight: 1,
        is_doubted: false,
    };
    let all = |(socket, addresses): &(&str, &[&str])| {
        let sought = Sought { service: "desk".into(), socket: (*socket).into() };
        (sought, addresses.iter().enumerate().map(found).collect())
    };
    directory.set(sockets.iter().map(all).collect::<BTreeMap<_, _>>());
}

fn with_cluster(mut addresses: Json) -> Json {
    addresses["cluster"] = json!({ "name": "shop" });
    addresses
}

/// Runs a service that finds others in `directory`.
fn run(service: Service, addresses: Json, directory: &Arc<Directory>) -> Started {
    let setup = Setup { addresses: Some(with_cluster(addresses)), ..Setup::default() };
    service.prepare(&setup).unwrap().find_in(directory.clone()).start().unwrap()
}

#[derive(Links)]
struct Desk {
    #[links(idempotent)]
    cancel: Requester<Text, Text>,
    once: Requester<Text, Text>,
}

/// Runs `main` with two requesters that find their peers.
fn ask<R: Send + 'static>(
    directory: &Arc<Directory>,
    main: impl FnOnce(Desk, BlockingToSend) -> R + Send + 'static,
) -> R {
    let (tell, told) = channel();
    let asker = Service::new("asker").main(move |desk: Desk, to_send: BlockingToSend| {
        tell.send(main(desk, to_send)).unwrap();
        Ok(())
    });
    let place = json!({"requester": "cluster://desk/cancel"});
    let addresses = with_cluster(json!({"out": {"cancel": place, "once": place}}));
    let setup = Setup { addresses: Some(addresses), main_mode: true, ..Setup::default() };
    asker.prepare(&setup).unwrap().find_in(directory.clone()).run(&Stop::new()).unwrap();
    told.recv().unwrap()
}

/// A desk that answers with its name.
fn desk(name: &'static str) -> Started {
    let cancel = move |_: Text| Ok(Text { text: name.to_owned() });
    Service::new("desk").replyer("cancel", cancel).start().unwrap()
}

fn asked(desk: &Desk) -> String {
    desk.cancel.request(Text { text: String::new() }).within(LONG).wait().unwrap().text
}

#[test]
fn a_requester_asks_each_instance_in_turn_and_no_more_those_that_are_gone() {
    let (one, two, directory) = (desk("one"), desk("two"), Arc::new(Directory::default()));
    let addresses = [&one, &two].map(|desk| desk.address("cancel").unwrap().to_owned());
    find(&directory, "cancel/replyer", &[&addresses[0], &addresses[1]]);
    let changing = directory.clone();
    ask(&directory, move |desk: Desk, to_send| {
        let both = || {
            let mut names = [asked(&desk), asked(&desk)];
            names.sort();
            names == ["one", "two"]
        };
        let until = Instant::now() + LONG;
        while !both() {
            assert!(Instant::now() < until, "both are asked in turn");
        }
        find(&changing, "cancel/replyer", &[&addresses[1]]);
        to_send.sleep(Duration::from_millis(1)).unwrap();
        assert!((0..20).all(|_| asked(&desk) == "two"));
        find(&changing, "cancel/replyer", &[]);
        to_send.sleep(Duration::from_millis(1)).unwrap();
        let request = desk.cancel.request(Text { text: String::new() }).within(Duration::from_millis(50));
        let nobody = request.wait().map(|_| ());
        assert!(
            matches!(&nobody, Err(SendError::NoInstance { address, .. }) if address == "cluster://desk/cancel"),
            "{nobody:?}"
        );
        let late = desk.cancel.request(Text { text: String::new() }).within(LONG).start();
        find(&changing, "cancel/replyer", &[&addresses[0]]);
        assert_eq!(late.wait().unwrap().text, "one", "whoever comes late is found");
    });
}

/// A desk that takes everything and answers nothing.
fn silent(heard: &Arc<AtomicUsize>) -> Started {
    let heard = heard.clone();
    let never = move |_: Text| {
        heard.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<Result<Text>>()
    };
    Start::new(Service::new("desk").replyer("cancel", never)).grace(Duration::ZERO).start().unwrap()
}

#[test]
fn what_one_does_not_answer_another_is_asked_if_asking_twice_does_no_harm() {
    let (heard, directory) = (Arc::<AtomicUsize>::default(), Arc::new(Directory::default()));
    let (deaf, one) = (silent(&heard), desk("one"));
    find(&directory, "cancel/replyer", &[deaf.address("cancel").unwrap(), one.address("cancel").unwrap()]);
    let before = heard.clone();
    ask(&directory, move |desk: Desk, _| {
        // Whichever is asked first, the silent one is soon.
        let until = Instant::now() + LONG;
        while before.load(Ordering::SeqCst) == 0 {
            let request = desk.cancel.request(Text { text: String::new() }).within(Duration::from_secs(6));
            assert_eq!(request.wait().unwrap().text, "one");
            assert!(Instant::now() < until);
        }
    });
    assert_eq!(heard.load(Ordering::SeqCst), 1, "it is left out then");
    find(&directory, "cancel/replyer", &[deaf.address("cancel").unwrap()]);
    let once = ask(&directory, |desk: Desk, _| {
        desk.once.request(Text { text: String::new() }).within(Duration::from_millis(300)).wait().map(|_| ())
    });
    assert!(matches!(once, Err(SendError::Timeout { no_peer: false, .. })), "{once:?}");
    assert_eq!(heard.load(Ordering::SeqCst), 2, "what is not idempotent is sent once");
    drop(deaf);
}

#[derive(Links)]
struct News {
    news: Publisher<Text>,
}

/// A desk that publishes its name again and again.
fn newspaper(name: &'static str) -> Started {
    let publish = move |news: News, to_send: BlockingToSend| -> Result {
        loop {
            news.news.publish(Text { text: name.to_owned() })?;
            to_send.sleep(Duration::from_millis(5))?;
        }
    };
    Start::new(Service::new("desk").main(publish)).main_mode().start().unwrap()
}

#[track_caller]
fn wait_for(heard: &Receiver<String>, wanted: &str) {
    let until = Instant::now() + LONG;
    while heard.recv_timeout(LONG).unwrap() != wanted {
        assert!(Instant::now() < until, "nothing of {wanted}");
    }
}

#[test]
fn a_subscriber_hears_all_instances_and_no_more_those_that_are_gone() {
    let (one, two, directory) = (newspaper("one"), newspaper("two"), Arc::new(Directory::default()));
    let addresses = [&one, &two].map(|desk| desk.address("news").unwrap());
    let (tell, heard) = channel();
    let listener = Service::new("listener").subscriber("news", move |news: Text| {
        let _ = tell.send(news.text);
        Ok(())
    });
    find(&directory, "news/publisher", &addresses[..1]);
    let addresses_of_listener = json!({"in": {"news": {"subscriber": "cluster://desk/news"}}});
    let listener = run(listener, addresses_of_listener, &directory);
    wait_for(&heard, "one");
    find(&directory, "news/publisher", &addresses);
    wait_for(&heard, "two");
    wait_for(&heard, "one");
    find(&directory, "news/publisher", &addresses[1..]);
    let until = Instant::now() + LONG;
    // What was on its way comes, and then nothing more of the first.
    while (0..20).any(|_| heard.recv_timeout(LONG).unwrap() == "one") {
        assert!(Instant::now() < until, "the first is still heard");
    }
    listener.stop();
    listener.join().unwrap();
}

#[derive(Links)]
struct Prices {
    prices: DeltaOut<i64>,
}

/// A desk whose state says who it is, and its sockets for updates and questions.
fn owner(number: i64) -> (Started, [String; 2]) {
    let set = move |desk: Prices| Ok(desk.prices.set("who", number)?);
    let owner = Service::new("desk").init_function(set).start().unwrap();
    let sockets =
        ["prices.publisher", "prices.replyer"].map(|socket| owner.address(socket).unwrap().to_owned());
    (owner, sockets)
}

fn replica(tell: Sender<String>) -> Service {
    Service::new("replica").on_change("prices", move |change: DeltaChange<i64>| {
        for (_, who) in change.changed.iter() {
            let _ = tell.send(who.unwrap_or_default().to_string());
        }
        Ok(())
    })
}

#[test]
fn a_replica_follows_one_owner_and_goes_over_when_that_one_is_gone() {
    let directory = Arc::new(Directory::default());
    let ((one, one_at), (two, two_at)) = (owner(1), owner(2));
    let say = |owners: &[&[String; 2]]| {
        let [updates, questions] =
            [0, 1].map(|socket| owners.iter().map(|at| at[socket].as_str()).collect::<Vec<_>>());
        find_all(&directory, &[("states/prices/publisher", &updates), ("states/prices/replyer", &questions)]);
    };
    say(&[&one_at, &two_at]);
    let (tell, heard) = channel();
    let at = "cluster://desk/prices";
    let addresses = json!({"states": {"in": {"prices": {"subscriber": at, "requester": at}}}});
    let following = run(replica(tell), addresses, &directory);
    wait_for(&heard, "1");
    // Its end is noticed by the connection, before anybody says so.
    drop(one);
    wait_for(&heard, "2");
    let (three, three_at) = owner(3);
    say(&[&three_at]);
    wait_for(&heard, "3");
    drop((two, three));
    following.stop();
    following.join().unwrap();
}
