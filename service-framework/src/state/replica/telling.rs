//! What the handler of changes is told, and what it is told when it does not keep up.

use super::{At, Change};
use crate::state::map::{StateMap, write_difference};
use crate::state::update::{Update, others, write_update};

/// Changes on their way to a handler.
#[derive(Debug, Default)]
pub(super) struct Telling {
    changes: Vec<Change>,
    /// The state as the handler knows it, while it is told nothing for not having kept up.
    skipped: Option<StateMap>,
}

impl Telling {
    /// One update, as it is.
    pub(super) fn update(&mut self, update: &Update<'_>, workflow: Option<&[u8]>) {
        if self.skipped.is_none() {
            self.changes.push(Change { args: update.args.to_vec(), workflow: workflow.map(<[u8]>::to_vec) });
        }
    }

    /// What another state in the place of this one changes; nothing if that is nothing.
    pub(super) fn difference(
        &mut self,
        (from, to): (&StateMap, &StateMap),
        at: Option<At>,
        update: Option<&Update<'_>>,
        workflow: Option<&[u8]>,
    ) {
        if self.skipped.is_some() {
            return;
        }
        let (mut difference, mut args) = (Vec::new(), Vec::new());
        write_difference(from, to, &mut difference);
        let others = update.map(|update| others(update.args)).unwrap_or_default();
        if difference == [0x80] && others.0 == 0 {
            return;
        }
        let number = at.and_then(|at| at.number).unwrap_or(-1);
        write_update(&mut args, number, true, &difference, (others.0, &others.1));
        self.changes.push(Change { args, workflow: workflow.map(<[u8]>::to_vec) });
    }

    /// Whether something is held back.
    pub(super) fn has_skipped(&self) -> bool {
        self.skipped.is_some()
    }

    /// What is to be told now, where so many more may wait for the handler; with no room, what comes until nothing waits
    /// any more (`is_through`) becomes one change.
    pub(super) fn take(
        &mut self,
        room: usize,
        is_through: bool,
        map: &StateMap,
        at: Option<At>,
    ) -> Vec<Change> {
        if is_through && let Some(known) = self.skipped.take() {
            self.difference((&known, map), at, None, None);
        }
        let changes = std::mem::take(&mut self.changes);
        if changes.len() >= room && self.skipped.is_none() {
            self.skipped = Some(map.clone());
        }
        changes
    }
}
