//! What the test answers, and what it has seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::service::{Fault, Refused, Rest, Step};

/// The test's side of requests and of published messages, by connection.
#[derive(Default)]
pub(super) struct Board(Mutex<Sides>);

#[derive(Default)]
struct Sides {
    answers: HashMap<String, Answers>,
    came: HashMap<String, Came>,
}

/// What came over one connection.
#[derive(Default)]
struct Came {
    /// What was not forgotten.
    messages: Vec<Vec<u8>>,
    in_all: usize,
}

/// How a request is answered.
#[derive(Clone)]
pub(super) enum Answers {
    /// By a function, from arguments to return arguments.
    With(Arc<Mutex<Answer>>),
    /// Not at all.
    Never,
}

/// From arguments to return arguments.
pub(super) type Answer = dyn FnMut(&[u8]) -> Result<Vec<u8>, Fault> + Send;

impl Board {
    fn lock(&self) -> MutexGuard<'_, Sides> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, connection: &str, answers: Answers) {
        self.lock().answers.insert(connection.to_owned(), answers);
    }

    /// Notes what came, and answers it.
    pub(super) fn ask(&self, connection: &str, args: &[u8], out: &mut Vec<u8>) -> Step {
        self.note(connection, args);
        let answers = self.lock().answers.get(connection).cloned();
        match answers {
            Some(Answers::Never) => Step::Later(Box::pin(std::future::pending()) as Rest),
            Some(Answers::With(answer)) => {
                let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
                Step::Done(answer(args).map(|returns| out.extend_from_slice(&returns)))
            }
            None => Step::Done(Err(Fault::Handler(unsaid(connection).into()))),
        }
    }

    pub(super) fn note(&self, connection: &str, args: &[u8]) {
        let mut sides = self.lock();
        let came = sides.came.entry(connection.to_owned()).or_default();
        came.messages.push(args.to_vec());
        came.in_all += 1;
    }

    /// What came over a connection so far.
    pub(super) fn came(&self, connection: &str) -> Vec<Vec<u8>> {
        self.lock().came.get(connection).map(|came| came.messages.clone()).unwrap_or_default()
    }

    /// How many messages came over a connection, also those that were forgotten.
    pub(super) fn in_all(&self, connection: &str) -> usize {
        self.lock().came.get(connection).map_or(0, |came| came.in_all)
    }

    pub(super) fn forget(&self, connection: &str) {
        if let Some(came) = self.lock().came.get_mut(connection) {
            came.messages.clear();
        }
    }
}

fn unsaid(connection: &str) -> Refused {
    Refused::new(
        "no_answer",
        format!("the test has not said what {connection:?} answers: give its link `.answers(|…| …)`"),
    )
}
