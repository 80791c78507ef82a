//! What only a server can go through: lost connections, other schemas, other processes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use postgres::config::Host;
use postgres::{Client, NoTls};

use crate::store::conformance::{Database, database};
use crate::store::{Batch, Error, Expected, NewEvent, Refused, Store, StoreOptions, Topic};

fn append(stream: &str, payload: &[u8]) -> Batch {
    Batch::new().append(stream, Expected::Any, [NewEvent::new("kind", payload)])
}

fn open(database: &Database) -> Store {
    Store::open(&database.location()).unwrap()
}

/// Ends all connections of this store, as a server does that is restarted.
fn cut(database: &Database) {
    let mut client = Client::connect(&database.url, NoTls).unwrap();
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND application_name = $1";
    client.query(sql, &[&database.schema]).unwrap();
}

#[test]
fn a_lost_connection_is_made_again() {
    let Some(database) = database() else { return };
    let store = open(&database);
    let mut watch = store.watch([Topic::category("run")]);
    for n in 1..=5 {
        store.commit(append("a", b"")).unwrap();
        cut(&database);
        assert_eq!(store.head("a").unwrap(), n);
        cut(&database);
    }
    store.commit(append("a", b"").mark("a", "run", "running", None)).unwrap();
    assert!(watch.wait(Duration::from_secs(30)));
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn a_cut_commit_is_written_whole_or_not_at_all() {
    let Some(database) = database() else { return };
    let store = open(&database);
    std::thread::scope(|scope| {
        let cutting = scope.spawn(|| (0..20).for_each(|_| cut(&database)));
        let mut version = 0;
        while version < 100 || !cutting.is_finished() {
            let streams = ["a", "b"].map(|stream| (stream, [NewEvent::new("kind", b"")]));
            let batch = streams.into_iter().fold(Batch::new(), |batch, (stream, events)| {
                batch.append(stream, Expected::Version(version), events)
            });
            match store.commit(batch) {
                Ok(_) => version += 1,
                Err(Error::Unknown { .. }) => version = store.head("a").unwrap(),
                Err(error) => panic!("{error}"),
            }
            assert_eq!([store.head("a").unwrap(), store.head("b").unwrap()], [version; 2]);
        }
    });
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn several_writers_take_turns() {
    let Some(database) = database() else { return };
    let stores: Vec<Store> = (0..3).map(|_| open(&database)).collect();
    std::thread::scope(|scope| {
        for (index, store) in stores.iter().enumerate() {
            scope.spawn(move || {
                for n in 0..50 {
                    let claim = store.commit(append("shared", b"").claim(format!("key-{n}"), [index as u8]));
                    let refused = matches!(&claim, Err(error) if matches!(error.refused(), Some(Refused::Claimed { .. })));
                    assert!(claim.is_ok() || refused, "{claim:?}");
                    store.commit(append(&format!("own-{index}"), b"").append("shared", Expected::Any, [])).unwrap();
                }
            });
        }
    });
    assert_eq!(stores[0].head("shared").unwrap(), 50);
    assert_eq!(stores[1].head("own-2").unwrap(), 50);
    assert_eq!(stores[0].verify().unwrap(), []);
}

#[test]
fn one_process_hears_of_another() {
    let Some(database) = database() else { return };
    let (one, two) = (open(&database), open(&database));
    let mut watch = one.watch([Topic::queue("mail")]);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| watch.wait(Duration::from_secs(30)));
        two.commit(Batch::new().put_outbox("mail", "1", Duration::ZERO, b"")).unwrap();
        assert!(waiting.join().unwrap());
    });
}

/// Takes from both stores at the same time until nothing is left; all that was taken.
fn take_all(stores: &[Store; 2], take: impl Fn(&Store) -> Vec<String> + Sync) -> Vec<String> {
    let all = |store: &Store| {
        let taken = std::iter::repeat_with(|| take(store)).take_while(|taken| !taken.is_empty());
        taken.flatten().collect::<Vec<_>>()
    };
    let mut taken = std::thread::scope(|scope| {
        let other = scope.spawn(|| all(&stores[1]));
        let mut mine = all(&stores[0]);
        mine.extend(other.join().unwrap());
        mine
    });
    // What one of both held back while it took it may be there afterwards, if that failed.
    taken.extend(all(&stores[0]));
    taken.sort_unstable();
    taken
}

#[test]
fn two_never_take_the_same() {
    let Some(database) = database() else { return };
    let stores = [open(&database), open(&database)];
    let names: Vec<String> = (0..300).map(|n| format!("{n:03}")).collect();
    let fill = names.iter().fold(Batch::new(), |batch, name| {
        batch.put_outbox("mail", name, Duration::ZERO, b"").set_timer(name, Duration::ZERO, b"")
    });
    stores[0].commit(fill).unwrap();
    let hold = Duration::from_secs(600);
    let messages = take_all(&stores, |store| {
        let taken = store.take_outbox("mail", "me", hold, 3).wait().unwrap();
        taken.into_iter().map(|message| message.id).collect()
    });
    assert_eq!(messages, names);
    let timers = take_all(&stores, |store| {
        let taken = store.take_timers("me", hold, 3).wait().unwrap();
        taken.into_iter().map(|timer| timer.id).collect()
    });
    assert_eq!(timers, names);
}

/// Passes everything on between stores and the server. Once it is armed, the next commit cuts its connection, after or before the
/// server gets it.
struct Proxy {
    port: u16,
    is_armed: Arc<AtomicBool>,
}

impl Proxy {
    fn start(server: &str, is_passed_on: bool) -> Self {
        let (listener, server) = (TcpListener::bind("127.0.0.1:0").unwrap(), server.to_owned());
        let (port, is_armed) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let armed = Arc::clone(&is_armed);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let armed = Arc::clone(&armed);
                thread::spawn(move || std::io::copy(&mut from, &mut to));
                thread::spawn(move || pass_on(client, server, &armed, is_passed_on));
            }
        });
        Self { port, is_armed }
    }
}

fn pass_on(mut client: TcpStream, mut server: TcpStream, is_armed: &AtomicBool, is_passed_on: bool) {
    let mut bytes = [0; 65536];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        let is_commit = bytes[..count].windows(7).any(|word| word == b"COMMIT\0");
        let is_cut = is_commit && is_armed.swap(false, Ordering::SeqCst);
        let is_kept_back = is_cut && !is_passed_on;
        if is_kept_back || server.write_all(&bytes[..count]).is_err() || is_cut {
            break;
        }
    }
    // The server does what it has got.
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Write);
}

#[test]
fn a_commit_whose_answer_is_lost_is_unknown() {
    for is_passed_on in [true, false] {
        let Some(database) = database() else { return };
        drop(open(&database));
        let config: postgres::Config = database.url.parse().unwrap();
        let Some(Host::Tcp(host)) = config.get_hosts().first() else { return };
        let server = format!("{host}:{}", config.get_ports().first().copied().unwrap_or(5432));
        assert!(database.url.contains(&server), "SERVICE_FRAMEWORK_TEST_POSTGRES names its port");
        let proxy = Proxy::start(&server, is_passed_on);
        let near = database.url.replace(&server, &format!("127.0.0.1:{}", proxy.port));
        let far = Database { url: near, schema: database.schema.clone() };
        let store = open(&far);
        let next =
            |version| Batch::new().append("a", Expected::Version(version), [NewEvent::new("kind", b"")]);
        store.commit(next(0)).unwrap();
        proxy.is_armed.store(true, Ordering::SeqCst);
        assert!(matches!(store.commit(next(1)), Err(Error::Unknown { .. })));
        // Looking takes the lock of the name, so the one before it is over.
        let found = store.commit(next(1)).err().and_then(|error| error.refused().cloned());
        let conflict = Refused::Conflict { stream: "a".to_owned(), expected: 1, found: 2 };
        assert_eq!(found, is_passed_on.then_some(conflict));
        assert_eq!(store.head("a").unwrap(), 2);
        drop((store, far));
    }
}

#[test]
fn what_is_no_store_is_refused_with_a_reason() {
    let Some(database) = database() else { return };
    let why_not = |options: StoreOptions| options.open(&database.location()).unwrap_err().to_string();
    assert!(why_not(StoreOptions::new().make(false)).contains("there is no store in the schema"));
    drop(open(&database));
    database.sql("UPDATE service_framework_store SET version = 7");
    assert!(why_not(StoreOptions::new()).contains("its schema is 7, newer than this version's 1"));
    database.sql("DROP TABLE service_framework_store");
    assert!(why_not(StoreOptions::new()).contains("already exists"));
    let nowhere = "postgres://nobody@127.0.0.1:1/none".parse().unwrap();
    assert!(matches!(Store::open(&nowhere), Err(Error::CannotOpen { .. })));
}

#[test]
fn changed_bytes_are_found_and_never_returned() {
    let Some(database) = database() else { return };
    let store = open(&database);
    store
        .commit(append("a", b"whole").append("b", Expected::Any, [NewEvent::new("kind", b"whole")]))
        .unwrap();
    database
        .sql("UPDATE event SET payload = 'other' WHERE stream = (SELECT id FROM stream WHERE name = 'a')");
    assert!(matches!(store.read("a", 1, 10), Err(Error::Damaged { .. })));
    assert_eq!(store.read("b", 1, 10).unwrap().len(), 1);
    database.sql("DELETE FROM event WHERE stream = (SELECT id FROM stream WHERE name = 'b')");
    let places: Vec<_> = store.verify().unwrap().into_iter().map(|damage| damage.place).collect();
    assert_eq!(places, ["stream b", "stream a"]);
}

#[test]
fn reads_may_happen_among_futures() {
    let Some(database) = database() else { return };
    let store = open(&database);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let head = runtime.block_on(async {
        store.submit(append("a", b"")).await.unwrap();
        store.head("a").unwrap()
    });
    assert_eq!(head, 1);
}
