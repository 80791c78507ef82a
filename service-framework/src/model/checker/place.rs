//! Places in a value: kept as links on the stack while all is well, written out when something is wrong.

use crate::model::checker::found::describe_raw;
use crate::model::problem::{child, element};
use crate::value::Limits;

/// A value within the checked one.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
    /// Containers that may still be opened here.
    pub(super) depth_left: usize,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
    /// The value of the map entry with this key, as it stands in the bytes.
    Entry(&'a [u8]),
    /// A key of a map.
    Key,
}

impl<'a> Place<'a> {
    pub(super) fn root(name: &'a str) -> Self {
        Place { parent: None, step: Step::Name(name), depth_left: Limits::MAX_DEPTH }
    }

    pub(super) fn named(&'a self, name: &'a str) -> Self {
        self.step(Step::Name(name))
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// An item of a tagged set, which is a list within a map.
    pub(super) fn item(&'a self, index: usize) -> Self {
        let mut item = self.index(index);
        item.depth_left = item.depth_left.saturating_sub(1);
        item
    }

    pub(super) fn entry(&'a self, key: &'a [u8]) -> Self {
        self.step(Step::Entry(key))
    }

    pub(super) fn key(&'a self) -> Self {
        self.step(Step::Key)
    }

    fn step(&'a self, step: Step<'a>) -> Self {
        // The nesting of types is bounded below the limit, so this never saturates before a value is refused.
        Place { parent: Some(self), step, depth_left: self.depth_left.saturating_sub(1) }
    }

    /// The path of this place, such as `args.book["k"].x`.
    pub(super) fn path(&self) -> String {
        let parent = self.parent.map(Place::path).unwrap_or_default();
        match self.step {
            // The name of the whole may be a path itself.
            Step::Name(name) if self.parent.is_none() => name.to_owned(),
            Step::Name(name) => child(&parent, name),
            Step::Index(index) => element(&parent, index),
            Step::Entry(key) => format!("{parent}[{}]", describe_raw(key)),
            Step::Key => format!("{parent}[key]"),
        }
    }
}
