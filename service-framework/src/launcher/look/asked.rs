//! Many processes asked at the same time, so that one that does not answer holds up no other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use crate::launcher::control::client::{AskError, Client};
use crate::launcher::control::message::Question;
use crate::launcher::control::place::{self, Kind};

/// So many are asked at a time.
const AT_A_TIME: usize = 8;

/// Asks each of these services all questions, one after the other, or says why it does not answer. An answer that is refused is
/// null.
pub(crate) fn each(pids: &[u32], questions: &[Question], patience: Duration) -> Vec<Asked> {
    let answers: Vec<Mutex<Option<Asked>>> = pids.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let ask = || {
        while let Some((pid, answer)) = at(pids, &answers, next.fetch_add(1, Ordering::Relaxed)) {
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(one(pid, questions, patience));
        }
    };
    thread::scope(|scope| {
        for _ in 1..AT_A_TIME.min(pids.len()) {
            // With fewer threads it only takes longer.
            let _ = thread::Builder::new().name("asks".to_owned()).spawn_scoped(scope, ask);
        }
        ask();
    });
    let answer = |answer: Mutex<Option<Asked>>| answer.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.into_iter().map(|asked| answer(asked).unwrap_or(Err(AskError::Strange))).collect()
}

type Asked = Result<Vec<Json>, AskError>;

/// The models of these services, and where each listens; nothing of those that do not answer soon.
#[cfg(feature = "dashboard")]
pub(crate) fn describe_each(pids: &[u32]) -> Vec<Option<Json>> {
    let answers = each(pids, &[Question::new("describe")], Duration::from_secs(1));
    answers.into_iter().map(|answers| answers.ok()?.pop()).collect()
}

fn at<'a, T>(pids: &[u32], answers: &'a [T], place: usize) -> Option<(u32, &'a T)> {
    Some((*pids.get(place)?, answers.get(place)?))
}

fn one(pid: u32, questions: &[Question], patience: Duration) -> Asked {
    let mut client = Client::connect(&place::socket(Kind::Service, pid), patience)?;
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        match client.ask(question) {
            Ok(answer) => answers.push(answer),
            Err(AskError::Refused(_)) => answers.push(Json::Null),
            Err(error) => return Err(error),
        }
    }
    Ok(answers)
}
