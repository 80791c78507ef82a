//! `to_send`: how a handler, a hook or `main` reaches the out connections of its service.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::link::Local;
use super::outs::Command;
use super::request::{Prepared, Request, not_taken};
use super::scope::Scope;
use super::shared::{OutEntry, Shared};
use crate::connection::SendError;
use crate::model::ConnectionType;
use crate::value::{self, Value};

/// Sends to the out connections of the service, from async code. Cheap to clone, may go to any thread.
///
/// The first message out of a handler carries the id of the message that came in, later ones the id with `_1`, `_2`
/// and so on.
#[derive(Clone)]
pub struct ToSend {
    pub(super) shared: Arc<Shared>,
    pub(super) scope: Arc<Scope>,
}

impl ToSend {
    /// A request to the replyer at the other end of a requester, or to the function of an external request.
    ///
    /// Nothing happens until it is awaited. `R` is what the return arguments are read into: a type of your own, or
    /// [`Value`]. Without [`Request::within`] the connection's deadline holds (5 s unless it says otherwise).
    ///
    /// # Errors
    /// Awaiting it gives a [`SendError`]; it always ends.
    pub fn request<R: DeserializeOwned>(&self, connection: &str, args: impl Serialize) -> Request<R> {
        let found = self.shared.outs.find(connection);
        Request::new(found.and_then(|(index, entry)| {
            let args = encode(entry, &args)?;
            self.prepare(index, entry, args, false)
        }))
    }

    /// A message to every subscriber of a publisher. Returns at once.
    ///
    /// # Errors
    /// The connection's name or type, or the arguments, are wrong; or the service stops.
    pub fn publish(&self, connection: &str, args: impl Serialize) -> Result<(), SendError> {
        let (index, entry) = self.shared.outs.find(connection)?;
        self.may_publish(entry)?;
        self.publish_bytes(index, entry, encode(entry, &args)?)
    }

    pub(super) fn may_publish(&self, entry: &OutEntry) -> Result<(), SendError> {
        if entry.kind != ConnectionType::Publisher {
            return Err(wrong_type(entry, "publish"));
        }
        self.refuse_when_stopping()
    }

    /// Publishes arguments that the model agrees with.
    pub(super) fn publish_bytes(
        &self,
        index: usize,
        entry: &OutEntry,
        args: Vec<u8>,
    ) -> Result<(), SendError> {
        let workflow = self.scope.next_id();
        let link = &self.shared.link;
        match link.local() {
            Some(Local::Sockets(outs)) => {
                let sent = outs.borrow_mut().publish(index, &args, &workflow);
                sent.map_err(|source| SendError::Socket { connection: entry.name.clone(), source })
            }
            Some(Local::Inside(ways)) => {
                ways.publish(index, &args, &workflow);
                Ok(())
            }
            None => link
                .send(Command::Publish { connection: index, args, workflow })
                .map_err(|reason| not_taken(&entry.name, &reason)),
        }
    }

    /// Sends whatever the connection is for: a request's return arguments, or nil for a published message.
    ///
    /// # Errors
    /// As [`ToSend::request`] and [`ToSend::publish`].
    pub async fn connection(&self, connection: &str, args: impl Serialize) -> Result<Value, SendError> {
        match self.shared.outs.find(connection)?.1.kind {
            ConnectionType::Publisher => self.publish(connection, args).map(|()| Value::Nil),
            _ => self.request(connection, args).await,
        }
    }

    /// A request with arguments that the model agrees with.
    pub(super) fn prepare(
        &self,
        index: usize,
        entry: &OutEntry,
        args: Vec<u8>,
        is_own_model: bool,
    ) -> Result<Prepared, SendError> {
        if !matches!(entry.kind, ConnectionType::Requester | ConnectionType::ExternalRequest) {
            return Err(wrong_type(entry, "request"));
        }
        self.refuse_when_stopping()?;
        Ok(Prepared {
            to_send: self.clone(),
            connection: index,
            args,
            workflow: self.scope.next_id(),
            within: entry.within,
            idempotent: entry.idempotent,
            is_own_model,
        })
    }

    fn refuse_when_stopping(&self) -> Result<(), SendError> {
        if self.scope.ends_at_stop && self.shared.stop.is_requested() {
            return Err(SendError::Stopping);
        }
        Ok(())
    }
}

fn wrong_type(entry: &OutEntry, wanted: &'static str) -> SendError {
    SendError::WrongType { name: entry.name.clone(), is: entry.kind.as_str(), wanted }
}

/// Arguments as bytes that the model agrees with.
fn encode(entry: &OutEntry, args: impl Serialize) -> Result<Vec<u8>, SendError> {
    let encoding = |error: value::EncodeError| SendError::Encoding {
        connection: entry.name.clone(),
        reason: error.to_string(),
    };
    let bytes = value::encode(&args).map_err(encoding)?;
    check(entry, &bytes)?;
    Ok(bytes)
}

/// Checks arguments that were written otherwise.
pub(super) fn check(entry: &OutEntry, bytes: &[u8]) -> Result<(), SendError> {
    SendError::unless_they_fit(&entry.name, bytes.len())?;
    let invalid = |mismatches| SendError::InvalidArguments { connection: entry.name.clone(), mismatches };
    entry.args.check(bytes).map_err(invalid)
}
