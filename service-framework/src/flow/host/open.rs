//! A flow that becomes hot: read, and claimed if it is for whoever comes first.

use tokio::sync::mpsc::UnboundedReceiver;

use super::load::Loaded;
use super::{Incoming, Inner, News};
use crate::flow::FlowInfo;
use crate::flow::errors::FlowError;
use crate::flow::history::{Event, Status};
use crate::flow::limits::{limit_stream, place_for, place_of, take_place};
use crate::flow::stream::{CATEGORY, encoded, stream};
use crate::flow::worker::Stored;
use crate::store::{Batch, Error as StoreError, Expected, NewEvent};

/// A flow that is to go on here, and what has come for it.
pub(super) struct Opened {
    pub(super) loaded: Loaded,
    /// Version of the last event that is written.
    pub(super) version: u64,
    pub(super) pending: Vec<NewEvent>,
    pub(super) with: Batch,
    /// The place that it has among those of its name, if they are limited.
    pub(super) place: Option<String>,
}

impl Inner {
    /// Reads a flow and claims it; none if it is not to go on here. What has come for it is written down then, or still there.
    pub(super) async fn opened(
        &self,
        id: &str,
        told: &mut UnboundedReceiver<Incoming>,
    ) -> Result<Option<Opened>, FlowError> {
        let info = self.flows.get(id)?;
        let may_go_on = match info.status {
            Status::Ready | Status::Queued | Status::Waiting => true,
            Status::Running => info.host.as_deref() == Some(self.lease.fence().0.as_str()),
            _ => false,
        };
        if !may_go_on {
            return Ok(None);
        }
        let (mut pending, mut with) = (Vec::new(), Batch::new());
        while let Ok(incoming) = told.try_recv() {
            if let Incoming::News(News { event, with: more, .. }) = incoming {
                pending.push(event);
                with = with.and(more);
            }
        }
        if info.status == Status::Waiting && pending.is_empty() {
            return Ok(None);
        }
        let limit = match self.limit_of(id)? {
            Some(limit) if !self.is_cancelled(id)? => Some(limit),
            _ => None,
        };
        if info.status == Status::Ready
            && let Some((name, most)) = &limit
            && self.has_to_queue(id, name, *most)?
        {
            self.write_down(id, &pending, with);
            self.queue(&info, name).await?;
            return Ok(None);
        }
        let mut loaded = self.load(id)?;
        if matches!(info.status, Status::Ready | Status::Queued) {
            let Some(claimed) = self.claim(id, info.version, limit.is_some()).await? else {
                // Somebody was faster, or it has changed: it is seen again.
                self.write_down(id, &pending, with);
                self.bell.notify_one();
                return Ok(None);
            };
            loaded.events.push(claimed);
        }
        // It may have gone on while it was read.
        let version = loaded.events.last().map_or(info.version, |event| event.version.max(info.version));
        let place = match self.limit_of(id)? {
            Some(_) => place_of(self.store(), id)?,
            None => None,
        };
        Ok(Some(Opened { loaded, version, pending, with, place }))
    }

    /// Whether a flow only goes on to undo what it did: that needs no place among those of its name.
    fn is_cancelled(&self, flow: &str) -> Result<bool, FlowError> {
        Ok(self.flows.history(flow)?.iter().any(|(_, _, event)| *event == Event::Cancelled))
    }

    /// Whether a flow has to wait until others of its name do not go on any more: there is no place, or others wait for one.
    fn has_to_queue(&self, flow: &str, name: &str, most: u32) -> Result<bool, FlowError> {
        if place_of(self.store(), flow)?.is_some() {
            return Ok(false);
        }
        Ok(!self.flows.queued(name, 1)?.is_empty() || place_for(self.store(), flow, name, most)?.is_none())
    }

    /// Has a flow wait for a place, if it stands as it was seen.
    async fn queue(&self, seen: &FlowInfo, name: &str) -> Result<(), FlowError> {
        let (lease, epoch) = self.lease.fence();
        let batch = Batch::new()
            .fence(&lease, epoch)
            .append(stream(&seen.id), Expected::Version(seen.version), [])
            .mark(stream(&seen.id), CATEGORY, Status::Queued.word(), Some(&limit_stream(name)));
        match self.store().submit(batch).await {
            Ok(_) | Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // A place may have come free meanwhile.
        self.bell.notify_one();
        Ok(())
    }

    /// Takes a flow of this version for this host; none if it has another one by now, or if it needs a place among those of its
    /// name and there is none.
    pub(super) async fn claim(
        &self,
        flow: &str,
        version: u64,
        needs_place: bool,
    ) -> Result<Option<Stored>, FlowError> {
        let (lease, epoch) = self.lease.fence();
        let event = encoded(&Event::Claimed { by: lease.clone() })?;
        let claimed = Stored::at(version + 1, &event);
        let batch = Batch::new()
            .fence(&lease, epoch)
            .append(stream(flow), Expected::Version(version), [event])
            .mark(stream(flow), CATEGORY, Status::Running.word(), Some(&lease));
        let batch = match self.limit_of(flow)?.filter(|_| needs_place) {
            None => batch,
            Some((name, most)) => match place_for(self.store(), flow, &name, most)? {
                Some(place) => take_place(batch, flow, &place),
                None => return Ok(None),
            },
        };
        match self.store().submit(batch).await {
            Ok(_) => {
                self.observers().iter().for_each(|told| told(flow, Status::Running));
                Ok(Some(claimed))
            }
            Err(StoreError::Refused(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
