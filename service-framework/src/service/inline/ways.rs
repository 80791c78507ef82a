//! Where the out connections of an inline service lead.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::host::{Asked, Input, Message, Settled};
use super::hub::Hub;
use crate::connection::{Answer, Frame, Outgoing, SendError};
use crate::service::external::External;
use crate::service::outs::Command;
use crate::wire::{WorkflowId, write_error, write_reply};

/// One out connection.
pub(in crate::service) enum Way {
    /// To the handler of one replyer.
    Ask(Rc<Input>),
    /// To the handlers of subscribers.
    Tell(Vec<Rc<Input>>),
    /// To a function on workers.
    External(RefCell<External>),
}

/// The out connections of one service, in the order of its table.
pub(in crate::service) struct Ways {
    pub(super) ways: Vec<Way>,
    pub(super) hub: Weak<Hub>,
}

impl Ways {
    /// Starts a request; None if this is not one that is answered inside.
    pub(in crate::service) fn ask(&self, connection: usize, message: Message) -> Result<Asked, Message> {
        match self.ways.get(connection) {
            Some(Way::Ask(input)) => Ok(input.ask(message)),
            _ => Err(message),
        }
    }

    /// Publishes arguments.
    pub(in crate::service) fn publish(&self, connection: usize, args: &[u8], workflow: &WorkflowId) {
        let Some(Way::Tell(inputs)) = self.ways.get(connection) else { return };
        for input in inputs {
            input.tell(Message { args: args.to_vec(), workflow: workflow.clone(), deadline: None });
        }
    }

    /// Carries out what another thread could only ask for, or what goes to one.
    pub(in crate::service) fn carry_out(&self, command: Command) {
        match command {
            Command::Publish { connection, args, workflow } => self.publish(connection, &args, &workflow),
            Command::Request { connection, request } => self.request(connection, request),
            #[cfg(feature = "testing")]
            Command::AskSubscribed { answer, .. } => drop(answer.send(true)),
        }
    }

    fn request(&self, connection: usize, request: Outgoing) {
        match self.ways.get(connection) {
            Some(Way::External(external)) => {
                let Some(hub) = self.hub.upgrade() else { return };
                let request = keep_time_still(&hub, request);
                external.borrow_mut().start(request, Instant::now().into_std());
                hub.wake.ring();
            }
            Some(Way::Ask(input)) => {
                let Outgoing { args, workflow, within, answer, began, .. } = request;
                let deadline = super::deadline(began.into(), within);
                let message = Message { args, workflow: workflow.clone(), deadline: Some(deadline) };
                let asked = input.ask(message);
                let answering = Answering { name: input.agreement.name.clone(), workflow, within, deadline };
                self.answer(asked, answering, answer);
            }
            _ => drop(request),
        }
    }

    fn answer(&self, asked: Asked, answering: Answering, answer: oneshot::Sender<Answer>) {
        match (asked, self.hub.upgrade()) {
            (Asked::Now(settled), _) => drop(answer.send(Ok(answering.frame(settled)))),
            (Asked::Later(answered), Some(hub)) => {
                hub.local.spawn_local(async move {
                    let _ = answer.send(answering.wait(answered).await);
                });
            }
            (Asked::Later(_), None) => drop(answer.send(Err(SendError::Stopping))),
        }
    }

    /// Ends the external requests whose deadline has come; when the next one's does.
    pub(super) fn expire(&self, now: std::time::Instant) -> Option<std::time::Instant> {
        let externals = self.ways.iter().filter_map(|way| match way {
            Way::External(external) => Some(external),
            _ => None,
        });
        let next = externals.filter_map(|external| {
            let mut external = external.borrow_mut();
            external.expire(now);
            external.next_deadline()
        });
        next.min()
    }
}

/// Has a clock that moves by itself stand still until a request is answered.
fn keep_time_still(hub: &Rc<Hub>, request: Outgoing) -> Outgoing {
    let Some(still) = hub.keep_time_still() else { return request };
    let (answer, answered) = oneshot::channel();
    let asked = request.answer;
    hub.local.spawn_local(async move {
        let _still = still;
        if let Ok(answered) = answered.await {
            let _ = asked.send(answered);
        }
    });
    Outgoing { answer, began: Instant::now().into_std(), ..request }
}

/// How to answer another thread.
struct Answering {
    name: String,
    workflow: WorkflowId,
    within: std::time::Duration,
    deadline: Instant,
}

impl Answering {
    async fn wait(self, answered: oneshot::Receiver<Settled>) -> Answer {
        match tokio::time::timeout_at(self.deadline, answered).await {
            Ok(Ok(settled)) => Ok(self.frame(settled)),
            Ok(Err(_)) => Err(SendError::Stopping),
            Err(_) => Err(SendError::Timeout { connection: self.name, after: self.within, no_peer: false }),
        }
    }

    fn frame(&self, settled: Settled) -> Frame {
        let (mut raw, mut body) = (Vec::new(), Vec::new());
        self.workflow.write(&mut raw);
        match settled {
            Ok(returns) => write_reply(&mut body, &returns, Some(&raw)),
            Err(error) => write_error(&mut body, &error, Some(&raw)),
        }
        Frame::from(body)
    }
}
