//! Bare sockets, and the bytes that go over them.

use service_framework::Value;
use service_framework::value::Limits;
use service_framework::wire::{
    Envelope, ErrorReply, Extras, WorkflowId, topic_prefix, write_reply, write_request,
};

use crate::support::PATIENCE;

/// A socket without a service behind it.
pub(crate) struct Peer {
    socket: zmq::Socket,
    _context: zmq::Context,
}

/// A message as its frames.
pub(crate) type Frames = Vec<Vec<u8>>;

impl Peer {
    fn new(kind: zmq::SocketType) -> Self {
        let context = zmq::Context::new();
        let socket = context.socket(kind).unwrap();
        let patience = i32::try_from(PATIENCE.as_millis()).unwrap();
        // When it closes, what was sent last is still to leave.
        socket.set_linger(1_000).unwrap();
        socket.set_sndtimeo(patience).unwrap();
        socket.set_rcvtimeo(patience).unwrap();
        // What is sent is meant to arrive.
        socket.set_sndhwm(0).unwrap();
        socket.set_rcvhwm(0).unwrap();
        Self { socket, _context: context }
    }

    pub(crate) fn connect(kind: zmq::SocketType, address: &str) -> Self {
        let peer = Self::new(kind);
        peer.socket.connect(address).unwrap();
        peer
    }

    pub(crate) fn bind(kind: zmq::SocketType, address: &str) -> Self {
        let peer = Self::new(kind);
        peer.socket.bind(address).unwrap();
        peer
    }

    /// One that takes in no more than it must before somebody reads.
    pub(crate) fn bind_narrow(kind: zmq::SocketType, address: &str) -> Self {
        let peer = Self::new(kind);
        peer.socket.set_rcvhwm(1).unwrap();
        peer.socket.bind(address).unwrap();
        peer
    }

    pub(crate) fn send<F: AsRef<[u8]>>(&self, frames: impl IntoIterator<Item = F>) {
        self.socket.send_multipart(frames.into_iter().map(|frame| frame.as_ref().to_vec()), 0).unwrap();
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn receive(&self) -> Frames {
        self.socket.recv_multipart(0).unwrap()
    }

    /// The next message, if it is there already.
    pub(crate) fn receive_now(&self) -> Option<Frames> {
        self.socket.recv_multipart(zmq::DONTWAIT).ok()
    }

    /// Asks as a dealer and waits for the answer.
    #[track_caller]
    pub(crate) fn ask(&self, body: &[u8]) -> Reply {
        self.send([b"", body]);
        Reply::read(&self.receive())
    }
}

/// A reply, taken apart.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) return_args: Value,
    pub(crate) workflow_id: Value,
    pub(crate) error: Option<ErrorReply>,
}

impl Reply {
    /// Reads what a dealer receives.
    #[track_caller]
    pub(crate) fn read(frames: &[Vec<u8>]) -> Self {
        let envelope = Envelope::split(frames.last().unwrap(), &Limits::default()).unwrap();
        let value = |raw: Option<&[u8]>| Value::from_msgpack(raw.unwrap()).unwrap();
        Self {
            return_args: value(envelope.return_args),
            workflow_id: value(envelope.workflow_id),
            error: envelope.error.map(|raw| ErrorReply::from_msgpack(raw).unwrap()),
        }
    }

    /// The code of the error that it is.
    #[track_caller]
    pub(crate) fn code(&self) -> &str {
        &self.error.as_ref().unwrap_or_else(|| panic!("no error: {self:?}")).code
    }

    /// The text that an `echo` or `mid` answers.
    #[track_caller]
    pub(crate) fn echo(&self) -> &str {
        let echo = self.return_args.get("echo").and_then(Value::as_str);
        echo.unwrap_or_else(|| panic!("no echo: {self:?}"))
    }
}

/// A table of arguments.
pub(crate) fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// A request or a published message.
pub(crate) fn message(args: &Value, workflow_id: &str) -> Vec<u8> {
    let mut body = Vec::new();
    write_request(&mut body, &args.to_msgpack(), &WorkflowId::from(workflow_id), &Extras::default());
    body
}

/// A request to `echo`.
pub(crate) fn payload(text: &str) -> Vec<u8> {
    message(&table([("payload", text.into())]), "w")
}

/// A request to `echo` with a command.
pub(crate) fn command(text: &str, command: &str) -> Vec<u8> {
    message(&table([("payload", text.into()), ("cmd", command.into())]), "w")
}

/// A reply of `echo`.
pub(crate) fn echoed(text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    write_reply(&mut body, &table([("echo", text.into())]).to_msgpack(), None);
    body
}

/// A tick, under a topic if there is one.
pub(crate) fn tick(seq: i64, topic: Option<&str>) -> Vec<u8> {
    let mut frame = topic.map(topic_prefix).unwrap_or_default();
    frame.extend(message(&table([("seq", seq.into()), ("payload", "tick".into())]), "w"));
    frame
}

/// What stands in the log of a service that has come to [`the_end`].
pub(crate) const THE_END: &str = "the_end";

/// A message that no model takes, to see how far a service has come.
pub(crate) fn the_end() -> Vec<u8> {
    message(&table([(THE_END, Value::Nil)]), "w")
}
