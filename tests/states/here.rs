//! Owners and replicas of `book` inside the test.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::mpsc::channel;

use serde_json::{Value as Json, json};
use service_framework::model::{StateModel, Type};
use service_framework::service::{BlockingToSend, OwnDelta, Result, Service, States};
use service_framework::state::{Status, View};

use super::net::{Net, wait_until};
use crate::behaviour::inside::Inside;
use crate::support::PATIENCE;

/// The type of `book` in these tests.
pub(super) fn book() -> Type {
    Type::map(Type::Str, Type::Int)
}

/// An owner in main mode, whose state the test changes.
pub(super) struct Owner {
    pub(super) running: Inside,
    pub(super) book: OwnDelta,
}

/// Starts an owner.
pub(super) fn own(net: &Net) -> Owner {
    own_as(StateModel::delta_out("book", book()), net.book_out())
}

/// Starts one with this model at these addresses.
pub(super) fn own_as(model: StateModel, addresses: Json) -> Owner {
    let (sender, receiver) = channel();
    let service = Service::new("owner").state(model).main(move |to_send: BlockingToSend| -> Result {
        sender.send(to_send.delta("book")?).unwrap();
        to_send.sleep(10 * PATIENCE)?;
        Ok(())
    });
    let running = Inside::lead(service, json!({"states": {"out": {"book": addresses}}}));
    Owner { running, book: receiver.recv_timeout(PATIENCE).unwrap() }
}

/// A replica, which the test looks at.
pub(super) struct Replica {
    pub(super) running: Inside,
    states: RefCell<States>,
}

/// Starts a replica.
pub(super) fn follow(net: &Net) -> Replica {
    follow_as(StateModel::delta_in("book", book()), net.book_in())
}

/// Starts one with this model at these addresses.
pub(super) fn follow_as(model: StateModel, addresses: Json) -> Replica {
    follow_by(Service::new("replica").state(model), addresses)
}

/// Starts one as a part of this service.
pub(super) fn follow_by(service: Service, addresses: Json) -> Replica {
    let (sender, receiver) = channel();
    let service = service.init_function(move |states: States| -> Result {
        sender.send(states).unwrap();
        Ok(())
    });
    let running = Inside::start(service, json!({"states": {"in": {"book": addresses}}}));
    Replica { running, states: RefCell::new(receiver.recv_timeout(PATIENCE).unwrap()) }
}

impl Replica {
    /// What it shows now.
    pub(super) fn see(&self) -> View {
        let mut states = self.states.borrow_mut();
        states.refresh();
        states.delta("book").unwrap().clone()
    }

    /// What it shows once that is as wanted.
    #[track_caller]
    pub(super) fn wait_until(&self, is_wanted: impl Fn(&View) -> bool) -> View {
        wait_until(|| Some(self.see()), is_wanted)
    }

    /// Waits until it shows these keys, and that it is current.
    #[track_caller]
    pub(super) fn wait_for<const N: usize>(&self, keys: [(&str, i64); N]) -> View {
        self.wait_until(|view| view.status() == Status::Current && shows(view, keys))
    }
}

/// Whether a view has these keys and no other.
pub(super) fn shows<const N: usize>(view: &View, keys: [(&str, i64); N]) -> bool {
    let wanted: BTreeMap<_, _> = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    view.to_map().unwrap() == wanted
}
