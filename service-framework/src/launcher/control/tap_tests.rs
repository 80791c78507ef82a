//! What a guest sees who looks at the messages of a service.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::AskError;
use super::server::{Control, attend_to};
use super::service::ServiceHost;
use super::tapped::{Seen, Tapped};
use crate::connection::tap::{Hub, Kind, Observed, Tap, Wanted};
use crate::model::ServiceModel;
use crate::service::Stop;
use crate::wire::{Extras, WorkflowId, topic_prefix, write_request};

const PATIENCE: Duration = Duration::from_secs(60);

fn look(hub: &Arc<Hub>, wanted: &Wanted) -> Result<Tapped, AskError> {
    let host = ServiceHost::new(ServiceModel::default(), false, Stop::new(), hub.clone());
    let (ours, theirs) = UnixStream::pair().unwrap();
    attend_to(theirs, Arc::new(host)).unwrap();
    Tapped::ask(ours, wanted, true, PATIENCE)
}

fn message(tapped: &mut Tapped) -> crate::connection::tap::Record {
    match tapped.next().unwrap() {
        Some(Seen::Message(record)) => record,
        other => panic!("{other:?}"),
    }
}

fn frame() -> Vec<u8> {
    let mut frame = topic_prefix("a \"topic\"\n");
    write_request(&mut frame, &[0x80], &WorkflowId::from("näme_1"), &Extras::default());
    frame
}

#[test]
fn a_message_is_read_as_it_was_seen() {
    let hub = Arc::<Hub>::default();
    let mut tapped = look(&hub, &Wanted::default()).unwrap();
    let (tap, frame) = (Tap::new(&hub, "in.ask \"me\""), frame());
    let seen = Observed::came_in(Kind::Handled, &frame).with_peer(Some("127.0.0.1"));
    tap.observe(|| seen.ended(Duration::from_micros(1_234_567), "over\\loaded"));
    let record = message(&mut tapped);
    assert_eq!((&*record.connection, record.kind), ("in.ask \"me\"", Kind::Handled));
    assert_eq!(record.topic.as_deref(), Some("a \"topic\"\n"));
    assert_eq!((record.workflow_id.as_deref(), record.peer.as_deref()), (Some("näme_1"), Some("127.0.0.1")));
    assert_eq!(record.took, Some(Duration::from_micros(1_234_567)));
    assert_eq!((record.outcome.as_deref(), record.body.as_deref()), (Some("over\\loaded"), Some(&frame[..])));
}

#[test]
fn frames_stay_away_unless_they_are_wanted_and_so_do_other_connections() {
    let hub = Arc::<Hub>::default();
    let wanted = Wanted { bodies: false, connections: vec!["tell".into()] };
    let mut tapped = look(&hub, &wanted).unwrap();
    let frame = frame();
    for name in ["in.ask", "out.tell"] {
        Tap::new(&hub, name).observe(|| Observed::went_out(Kind::Message, &frame));
    }
    let record = message(&mut tapped);
    assert_eq!((&*record.connection, record.size, record.body), ("out.tell", frame.len(), None));
}

#[test]
fn who_goes_is_let_go_of() {
    let hub = Arc::<Hub>::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.sock");
    let host = ServiceHost::new(ServiceModel::default(), false, Stop::new(), hub.clone());
    let _control = Control::open_at(path.clone(), Arc::new(host)).unwrap();
    let tapped = Tapped::connect(&path, &Wanted::default(), false, PATIENCE).unwrap();
    let tap = Tap::new(&hub, "in.ask");
    assert!(tap.is_watched());
    tapped.stream().unwrap().shutdown(Shutdown::Both).unwrap();
    let end = Instant::now() + PATIENCE;
    while tap.is_watched() {
        assert!(Instant::now() < end, "nobody looks any more");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_end_comes_behind_the_last_message() {
    let hub = Arc::<Hub>::default();
    let mut tapped = look(&hub, &Wanted::default()).unwrap();
    let frame = frame();
    Tap::new(&hub, "in.ask").observe(|| Observed::came_in(Kind::Request, &frame));
    let closing = std::thread::spawn(move || hub.close(PATIENCE));
    message(&mut tapped);
    assert_eq!(tapped.next().unwrap(), Some(Seen::End));
    assert_eq!(tapped.next().unwrap(), None);
    closing.join().unwrap();
}

#[test]
fn losses_are_told() {
    let hub = Arc::<Hub>::default();
    let mut tapped = look(&hub, &Wanted::default()).unwrap();
    let (tap, frame) = (Tap::new(&hub, "in.ask"), vec![0; 1 << 20]);
    // Who does not read holds up nobody; what a socket and a queue have no room for is counted.
    let given = 1_000;
    (0..given).for_each(|_| tap.observe(|| Observed::came_in(Kind::Junk, &frame)));
    let (mut taken, mut dropped) = (0, 0);
    while taken + dropped < given {
        match tapped.next().unwrap().unwrap() {
            Seen::Message(_) => taken += 1,
            Seen::Dropped(count) => dropped = count,
            other => panic!("{other:?}"),
        }
    }
    assert!(dropped > 0 && taken + dropped == given, "{taken} {dropped}");
}

#[test]
fn strange_options_are_refused() {
    let hub = Arc::<Hub>::default();
    let guests: Vec<_> = (0..8).map(|_| look(&hub, &Wanted::default()).unwrap()).collect();
    let Err(AskError::Refused(refusal)) = look(&hub, &Wanted::default()) else { panic!("one too many") };
    assert_eq!(refusal.code, "busy");
    drop(guests);
    for options in [r#""bodies":1"#, r#""connections":"ask""#, r#""connections":[1]"#, r#""states":"no""#] {
        let line = format!("{{\"ask\":\"tap\",{options}}}\n");
        let question = super::message::Question::read(line.trim().as_bytes()).unwrap();
        assert_eq!(super::tap::Asked::read(&question).unwrap_err().code, "bad_question", "{options}");
    }
}
