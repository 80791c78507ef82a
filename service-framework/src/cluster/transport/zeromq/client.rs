//! Asking a node without being one.

use std::time::{Duration, Instant};

use super::super::super::keys::Keys;
use super::super::super::tokens::Token;
use super::{batch, handshake, largest};
use crate::connection::curve::{KeyPair, PublicKey};
use crate::connection::{
    Frame, Interest, Monitored, PeerEvent, Role, Sent, Socket, SocketError, Sockets, poll,
};

/// Bytes of the largest answer.
const ANSWER: usize = 256 << 20;

/// As whom somebody asks, and whom.
type Pass = Option<(KeyPair, PublicKey)>;

/// Asks the node at `address`, and hands each answer to `take` until that says that it is enough or `patience` is over
/// without any. A question that is open is asked again every second, so that the node knows that somebody still waits. False
/// if nobody answered.
///
/// # Errors
/// The address cannot be connected to, or whoever is there does not let this process in.
pub fn ask_node(
    address: &str,
    keys: Option<&Keys>,
    question: &[u8],
    patience: Duration,
    take: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, String> {
    let passes: Vec<Pass> = match keys {
        Some(keys) => keys.askers().zip(keys.ring()).map(|(own, pair)| Some((own, pair.public()))).collect(),
        None => vec![None],
    };
    let refused = match keys {
        Some(_) => "its cluster has other keys",
        None => "its cluster has keys, which --keys names",
    };
    ask_as(address, passes, question, (patience, refused), take)
}

/// Shows a token to the node at `address`, and hands its answer to `take`. False if nobody answered.
///
/// # Errors
/// As [`ask_node`].
pub(crate) fn ask_to_enter(
    address: &str,
    token: &Token,
    patience: Duration,
    take: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, String> {
    let pair = token.pair().ok_or("this build cannot encrypt")?;
    let refused = "the token is not of its cluster, or its secret was changed since";
    let question = token.to_string();
    ask_as(address, vec![Some((pair, token.server))], question.as_bytes(), (patience, refused), take)
}

fn ask_as(
    address: &str,
    passes: Vec<Pass>,
    question: &[u8],
    (patience, refused): (Duration, &str),
    take: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, String> {
    let sockets = Sockets::new();
    let mut last = Outcome::Silent;
    for pass in passes {
        let asking = Asking::open(&sockets, address, pass).map_err(|error| error.to_string())?;
        last = asking.ask(question, patience, take).map_err(|error| error.to_string())?;
        if last == Outcome::Answered {
            break;
        }
    }
    match last {
        Outcome::Answered => Ok(true),
        Outcome::Silent => Ok(false),
        Outcome::Refused => Err(format!("{address} does not let us in: {refused}")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Answered,
    Silent,
    Refused,
}

struct Asking {
    dealer: Monitored,
}

impl Asking {
    fn open(sockets: &Sockets, address: &str, pass: Pass) -> Result<Self, SocketError> {
        let mut dealer = Monitored::new(sockets, Role::Dealer)?;
        let socket = dealer.socket_mut();
        socket.bound((1_000, 1_000), largest(ANSWER), handshake())?;
        socket.linger(0);
        if let Some((own, server)) = pass {
            socket.connect_with(&own, server)?;
        }
        socket.connect(address)?;
        Ok(Self { dealer })
    }

    fn ask(
        &self,
        question: &[u8],
        patience: Duration,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Outcome, SocketError> {
        let question = batch::question(question);
        let (mut heard, mut asked) = (Instant::now(), None::<Instant>);
        let mut has_answer = false;
        let mut frames: Vec<Frame> = Vec::new();
        loop {
            let is_due = asked.is_none_or(|asked| has_answer && asked.elapsed() >= Duration::from_secs(1));
            if is_due && self.dealer.socket().send(&[&question])? == Sent::Done {
                asked = Some(Instant::now());
            }
            while self.dealer.socket().receive(&mut frames)? {
                (heard, has_answer) = (Instant::now(), true);
                if frames.first().is_some_and(|frame| !take(frame)) {
                    return Ok(Outcome::Answered);
                }
            }
            while let Some(event) = self.dealer.event() {
                if event == PeerEvent::Refused && !has_answer {
                    return Ok(Outcome::Refused);
                }
            }
            if heard.elapsed() >= patience {
                return Ok(if has_answer { Outcome::Answered } else { Outcome::Silent });
            }
            let mut items = self.dealer.poll_items(Interest::Receive);
            poll(&mut items, Some(Duration::from_millis(200)))?;
        }
    }
}
