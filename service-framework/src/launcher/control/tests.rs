//! What guests may do to a control socket, and what they may not.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::client::{AskError, Client};
use super::message::{Answer, Question, Refusal};
use super::server::{Control, Host};

const PATIENCE: Duration = Duration::from_secs(60);

struct Echo;

impl Host for Echo {
    fn answer(&self, question: &Question) -> Answer {
        match question.ask.as_str() {
            "long" => Ok("x".repeat(8 << 20).into()),
            "echo" => Ok(json!({ "text": question.text("text")? })),
            _ => Err(Refusal::unknown(question, &["echo", "long"])),
        }
    }
}

struct Place {
    path: PathBuf,
    control: Option<Control>,
    _folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.sock");
        let control = Some(Control::open_at(path.clone(), Arc::new(Echo)).unwrap());
        Self { path, control, _folder: folder }
    }

    fn client(&self) -> Client {
        Client::connect(&self.path, PATIENCE).unwrap()
    }

    fn is_well(&self) {
        let answer = self.client().ask(&Question::new("echo").with("text", "still here")).unwrap();
        assert_eq!(answer["text"], "still here");
    }
}

#[test]
fn questions_of_one_guest_are_answered_in_order() {
    let place = Place::new();
    let mut client = place.client();
    for text in ["one", "two"] {
        assert_eq!(client.ask(&Question::new("echo").with("text", text)).unwrap()["text"], text);
    }
    let refused = client.ask(&Question::new("no_such_thing"));
    assert!(matches!(refused, Err(AskError::Refused(Refusal { code, .. })) if code == "bad_question"));
}

#[test]
fn a_socket_is_private_and_gone_at_the_end() {
    let mut place = Place::new();
    let mode = std::fs::metadata(&place.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(place.control.take());
    assert!(!place.path.exists());
}

#[test]
fn bad_bytes_are_answered_and_harm_nobody() {
    let place = Place::new();
    for bytes in [&b"\xff\xfe\x00\n"[..], b"\n", b"{\"ask\": {}}\n", b"[[[[[[[[\n", b"GET / HTTP/1.1\r\n\r\n"]
    {
        let mut guest = UnixStream::connect(&place.path).unwrap();
        guest.write_all(bytes).unwrap();
        guest.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        guest.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("{\"error\":{\"code\":\"bad_question\""), "{answer}");
    }
    // Deeper than any reader of JSON goes, longer than any question.
    let mut guest = UnixStream::connect(&place.path).unwrap();
    let _ = guest.write_all(&[b'['; 100_000]);
    place.is_well();
}

#[test]
fn who_does_not_read_keeps_nobody_waiting() {
    let place = Place::new();
    let mut slow = UnixStream::connect(&place.path).unwrap();
    slow.write_all(Question::new("long").to_line().as_bytes()).unwrap();
    let silent: Vec<_> = (0..8).map(|_| UnixStream::connect(&place.path).unwrap()).collect();
    place.is_well();
    drop(silent);
}

#[test]
fn more_guests_than_there_are_places_are_told_so() {
    let place = Place::new();
    let guests: Vec<_> = (0..20).map(|_| UnixStream::connect(&place.path).unwrap()).collect();
    let mut last = String::new();
    guests.last().unwrap().read_to_string(&mut last).unwrap();
    assert!(last.contains("\"busy\""), "{last}");
    drop(guests);
    let until = std::time::Instant::now() + PATIENCE;
    while place.client().ask(&Question::new("echo").with("text", "room again")).is_err() {
        assert!(std::time::Instant::now() < until, "no room is free again");
    }
}
