//! The answer of a store that is on its way.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread::{self, Thread};

use tokio::sync::oneshot;

use super::backend::Done;
use super::error::Error;

type Answer = Result<Done, Error>;

/// An answer that comes when it is written: a future, which any executor can poll, or [`wait`](Self::wait)ed for. Dropping it takes
/// nothing back.
#[must_use = "without its answer nothing is known to be written"]
pub struct Pending<T> {
    answer: oneshot::Receiver<Answer>,
    store: Arc<str>,
    read: fn(Done) -> Option<T>,
}

/// Where the answer comes from. If it is dropped, the answer is [`Error::Unknown`].
pub(crate) struct Reply(oneshot::Sender<Answer>);

/// Two ends of one answer of the store that is called so.
pub(crate) fn pending<T>(store: Arc<str>, read: fn(Done) -> Option<T>) -> (Reply, Pending<T>) {
    let (sender, answer) = oneshot::channel();
    (Reply(sender), Pending { answer, store, read })
}

impl Reply {
    /// Answers. Whether anybody is left to hear it does not matter.
    pub(crate) fn send(self, answer: Answer) {
        let _ = self.0.send(answer);
    }
}

impl<T> Pending<T> {
    /// Blocks this thread until the answer is there.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn wait(self) -> Result<T, Error> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut pending = pin!(self);
        loop {
            match pending.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    }

    fn read(&self, answer: Result<Answer, oneshot::error::RecvError>) -> Result<T, Error> {
        let unknown =
            |reason: &str| Error::Unknown { store: self.store.to_string(), reason: reason.to_owned() };
        let done = answer.map_err(|_| unknown("the store ended"))??;
        (self.read)(done).ok_or_else(|| unknown("it answered something else"))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        Poll::Ready(self.read(answer))
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
