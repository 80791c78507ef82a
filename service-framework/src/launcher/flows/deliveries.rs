//! Callbacks that come in are written to the store.

use std::sync::OnceLock;

use crate::flow::connect::callbacks::{Deliver, DeliverError, Delivered, Delivering, Knowing};
use crate::flow::{Delivery, Flows, Host};
use crate::value::Value;

/// Writes down what is delivered, and tells the host of this process.
pub(super) struct Deliveries {
    flows: Flows,
    /// The host, once there is one.
    host: OnceLock<Host>,
}

impl Deliveries {
    pub(super) fn to(flows: &Flows) -> Self {
        Self { flows: flows.clone(), host: OnceLock::new() }
    }

    /// This one is told from now on.
    pub(super) fn tell(&self, host: &Host) {
        // There is one host in a process.
        let _ = self.host.set(host.clone());
    }
}

impl Deliver for Deliveries {
    fn knows<'a>(&'a self, id: &'a str) -> Knowing<'a> {
        let (flows, callback) = (self.flows.clone(), id.to_owned());
        Box::pin(async move {
            let looking = tokio::task::spawn_blocking(move || flows.has_callback(&callback));
            let failed = |error: &dyn std::error::Error| DeliverError(error.to_string());
            looking.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
        })
    }

    fn deliver<'a>(&'a self, id: &'a str, body: Value) -> Delivering<'a> {
        let (flows, callback) = (self.flows.clone(), id.to_owned());
        Box::pin(async move {
            let failed = |error: &dyn std::error::Error| DeliverError(error.to_string());
            let writing = tokio::task::spawn_blocking(move || flows.deliver(&callback, body));
            match writing.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))? {
                Delivery::First(flow) => {
                    tracing::info!(flow, "a callback came");
                    if let Some(host) = self.host.get() {
                        host.ring(&flow);
                    }
                    Ok(Delivered::First)
                }
                Delivery::Again => Ok(Delivered::Again),
                Delivery::Unknown => Ok(Delivered::Unknown),
            }
        })
    }
}
