//! What every transport must do, asked of all of them.

use std::time::{Duration, Instant};

use super::super::keys::{Keys, node_of};
use super::*;
use crate::connection::curve::KeyPair;

const PATIENCE: Duration = Duration::from_secs(60);
const FRAME: usize = 9 << 20;

/// A way to open transports that reach each other.
trait Kind {
    fn open(&self, name: &str) -> Box<dyn Transport>;
}

struct InMemory(MemoryNetwork);

impl Kind for InMemory {
    fn open(&self, name: &str) -> Box<dyn Transport> {
        Box::new(MemoryTransport::open(&self.0, name, Some(NodeId(7))))
    }
}

struct Sockets {
    folder: Option<tempfile::TempDir>,
    keys: Option<Keys>,
}

impl Kind for Sockets {
    fn open(&self, name: &str) -> Box<dyn Transport> {
        let listen = match &self.folder {
            Some(folder) => format!("ipc://{}/{name}", folder.path().display()),
            None => "tcp://127.0.0.1:0".to_owned(),
        };
        let keys = self.keys.clone().map(|keys| (KeyPair::new().unwrap(), keys));
        Box::new(ZeroMq::open(opening_at(listen, keys, 64 << 20)).unwrap())
    }
}

fn opening_at(listen: String, keys: Option<(KeyPair, Keys)>, waiting: usize) -> Opening {
    let limits = Limits { newcomers: 200, half_open: 512, links: 10_000 };
    Opening { listen: vec![listen], keys, frame_bytes: FRAME, waiting, limits }
}

fn kinds() -> Vec<(&'static str, Box<dyn Kind>)> {
    let sockets = |folder, keys| Box::new(Sockets { folder, keys });
    vec![
        ("memory", Box::new(InMemory(MemoryNetwork::default()))),
        ("tcp", sockets(None, None)),
        ("ipc", sockets(Some(tempfile::tempdir().unwrap()), None)),
        ("tcp with keys", sockets(None, Some(Keys::generate().unwrap()))),
        ("ipc with keys", sockets(Some(tempfile::tempdir().unwrap()), Some(Keys::generate().unwrap()))),
    ]
}

fn to(transport: &dyn Transport) -> To {
    To { node: None, addresses: transport.addresses().into() }
}

/// Everything that arrives until there is enough, while `from` goes on sending.
fn receive(
    from: &mut dyn Transport,
    at: &mut dyn Transport,
    enough: impl Fn(&[Vec<u8>]) -> bool,
) -> Vec<Vec<u8>> {
    let until = Instant::now() + PATIENCE;
    let mut frames = Vec::new();
    while !enough(&frames) && Instant::now() < until {
        from.flush();
        at.wait(Duration::from_millis(5));
        at.receive(&mut |arrival| {
            if let Arrival::Frame(_, bytes) = arrival {
                frames.push(bytes.to_vec());
            }
        });
    }
    frames
}

#[test]
fn frames_of_a_lane_arrive_whole_and_in_order() {
    for (name, kind) in kinds() {
        let (mut one, mut other) = (kind.open("one"), kind.open("other"));
        let there = to(&*other);
        for number in 0..500_u32 {
            one.send(&there, Lane::Events, number.to_be_bytes().to_vec());
        }
        one.send(&there, Lane::Events, vec![7; FRAME]);
        one.send(&there, Lane::Events, Vec::new());
        let frames = receive(&mut *one, &mut *other, |frames| frames.len() == 502);
        let expected =
            (0..500_u32).map(|number| number.to_be_bytes().to_vec()).chain([vec![7; FRAME], vec![]]);
        assert!(frames == expected.collect::<Vec<_>>(), "{name}: {} frames", frames.len());
    }
}

#[test]
fn who_sent_a_frame_can_be_answered() {
    for (name, kind) in kinds() {
        let (mut one, mut other) = (kind.open("one"), kind.open("other"));
        one.send(&to(&*other), Lane::Control, b"hello".to_vec());
        let (until, mut origin) = (Instant::now() + PATIENCE, None);
        while origin.is_none() && Instant::now() < until {
            one.flush();
            other.wait(Duration::from_millis(5));
            other.receive(&mut |arrival| {
                if let Arrival::Frame(from, _) = arrival {
                    origin = Some(from.clone());
                }
            });
        }
        let origin = origin.unwrap_or_default();
        assert_eq!(origin.address.as_ref(), one.addresses().first(), "{name}");
        let back = To { node: origin.node, addresses: origin.address.into_iter().collect() };
        other.send(&back, Lane::Control, b"and you".to_vec());
        assert_eq!(receive(&mut *other, &mut *one, |frames| !frames.is_empty()), [b"and you"], "{name}");
    }
}

#[test]
fn bulk_does_not_hold_up_what_says_who_lives() {
    for (name, kind) in kinds() {
        let (mut one, mut other) = (kind.open("one"), kind.open("other"));
        let there = to(&*other);
        // So that both ways are open.
        one.send(&there, Lane::Control, b"first".to_vec());
        one.send(&there, Lane::Data, b"first".to_vec());
        receive(&mut *one, &mut *other, |frames| frames.len() == 2);
        // More than there is room for on the way, so that the last of it leaves long after what is said next.
        for _ in 0..60 {
            one.send(&there, Lane::Data, vec![1; 1 << 20]);
        }
        one.flush();
        one.send(&there, Lane::Control, b"alive".to_vec());
        one.flush();
        let frames = receive(&mut *one, &mut *other, |frames| frames.len() == 61);
        let place = frames.iter().position(|frame| frame == b"alive");
        assert!(place.is_some_and(|place| place < 60), "{name}: {place:?} of {}", frames.len());
    }
}

#[test]
fn what_nobody_takes_is_bounded_and_counted() {
    for (name, kind) in kinds() {
        let (mut one, other) = (kind.open("one"), kind.open("other"));
        let there = to(&*other);
        for _ in 0..200 {
            one.send(&there, Lane::Events, vec![1; 1 << 20]);
        }
        assert!(one.undelivered().full > 50, "{name}: {:?}", one.undelivered());
        one.send(
            &To { node: None, addresses: [Address("other://place".into())].into() },
            Lane::Events,
            vec![1],
        );
        assert_eq!(one.undelivered().unknown_address, 1, "{name}");
    }
}

#[test]
fn nobody_there_holds_nobody_up_and_whoever_comes_is_found() {
    for (name, kind) in kinds() {
        let mut one = kind.open("one");
        let place = {
            let other = kind.open("other");
            to(&*other)
        };
        one.send(&place, Lane::Control, b"lost".to_vec());
        one.flush();
        let mut third = kind.open("third");
        one.send(&to(&*third), Lane::Control, b"found".to_vec());
        assert_eq!(receive(&mut *one, &mut *third, |frames| !frames.is_empty()), [b"found"], "{name}");
    }
}

#[test]
fn a_bell_ends_a_wait() {
    for (name, kind) in kinds() {
        let mut one = kind.open("one");
        let bell = one.bell();
        let ringer = std::thread::spawn(move || bell());
        let began = Instant::now();
        one.wait(PATIENCE);
        assert!(began.elapsed() < PATIENCE, "{name}");
        ringer.join().unwrap();
    }
}

/// Sends from `from` to `at` for a while; whether something came.
fn comes_through(from: &mut dyn Transport, at: &mut dyn Transport, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    let mut came = false;
    from.send(&to(at), Lane::Control, b"knock".to_vec());
    while !came && Instant::now() < until {
        from.flush();
        at.wait(Duration::from_millis(5));
        at.receive(&mut |_| came = true);
    }
    came
}

fn opening(pair: KeyPair, keys: &Keys) -> ZeroMq {
    let keys = Some((pair, keys.clone()));
    ZeroMq::open(opening_at("tcp://127.0.0.1:0".to_owned(), keys, FRAME)).unwrap()
}

#[test]
fn without_the_keys_nobody_comes_in_and_with_a_list_only_who_is_on_it() {
    let keys = Keys::generate().unwrap();
    let (listed, stranger) = (KeyPair::new().unwrap(), KeyPair::new().unwrap());
    let mut json = keys.to_json();
    json["allow"] = serde_json::json!([listed.public().to_string()]);
    let with_list = Keys::from_json(&json).unwrap();
    let mut inside = opening(KeyPair::new().unwrap(), &with_list);
    let mut allowed = opening(listed.clone(), &keys);
    assert!(comes_through(&mut allowed, &mut inside, PATIENCE));
    let short = Duration::from_millis(1_500);
    let mut not_listed = opening(stranger.clone(), &keys);
    assert!(!comes_through(&mut not_listed, &mut inside, short));
    assert!(inside.undelivered().not_let_in > 0);
    let mut others_keys = opening(stranger, &Keys::generate().unwrap());
    assert!(!comes_through(&mut others_keys, &mut inside, short));
    let open = opening_at("tcp://127.0.0.1:0".to_owned(), None, FRAME);
    assert!(!comes_through(&mut ZeroMq::open(open).unwrap(), &mut inside, short));
}

#[test]
fn a_secret_is_changed_while_all_go_on() {
    let places = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/two", places.path().display());
    for listen in ["tcp://127.0.0.1:0".to_owned(), ipc] {
        let old = Keys::generate().unwrap();
        let (pair, other) = (KeyPair::new().unwrap(), KeyPair::new().unwrap());
        let id = node_of(pair.public());
        let mut one = opening(pair, &old);
        let mut two = ZeroMq::open(opening_at(listen, Some((other, old.clone())), FRAME)).unwrap();
        assert_eq!(sender(&mut one, &mut two), Some(id));
        let added = old.added().unwrap();
        let steps = [added.clone(), added.clone().used(), added.used().dropped()];
        for keys in steps {
            // Either may be the first to have them.
            one.change_keys(&keys);
            assert_eq!(sender(&mut one, &mut two), Some(id));
            two.change_keys(&keys);
            assert_eq!(sender(&mut one, &mut two), Some(id));
        }
    }
}

/// From whom the next frame comes that `from` sends for as long as none arrives: what was on its way to somebody with another
/// key is lost.
fn sender(from: &mut ZeroMq, at: &mut ZeroMq) -> Option<NodeId> {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
    let (until, mut origin) = (Instant::now() + PATIENCE, None);
    while origin.is_none() && Instant::now() < until {
        from.send(&to(&*at), Lane::Control, number.to_vec());
        from.flush();
        at.flush();
        from.wait(Duration::from_millis(20));
        at.receive(&mut |arrival| {
            if let Arrival::Frame(from, bytes) = arrival
                && bytes == number
            {
                origin = from.node;
            }
        });
    }
    origin
}

#[test]
fn who_is_no_node_asks_and_is_answered_but_sends_no_frames() {
    for keys in [None, Some(Keys::generate().unwrap())] {
        let kind = Sockets { folder: None, keys: keys.clone() };
        let mut node = kind.open("one");
        let (address, bell) = (node.addresses()[0].0.clone(), node.bell());
        let asking = std::thread::spawn(move || {
            let mut answers = Vec::new();
            let done = ask_node(&address, keys.as_ref(), b"who", PATIENCE, &mut |answer| {
                answers.push(answer.to_vec());
                false
            });
            bell();
            (done, answers)
        });
        while !asking.is_finished() {
            node.wait(Duration::from_millis(20));
            let mut asked = Vec::new();
            node.receive(&mut |arrival| {
                if let Arrival::Asked(caller, question) = arrival {
                    assert_eq!(question, b"who");
                    asked.push(caller);
                }
            });
            asked.iter().for_each(|caller| node.answer(caller, b"me"));
        }
        assert_eq!(asking.join().unwrap(), (Ok(true), vec![b"me".to_vec()]));
    }
}
