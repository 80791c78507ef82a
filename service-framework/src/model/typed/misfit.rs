//! Misfits: why bytes were not read as a Rust type.

use crate::model::mismatch::Mismatch;
use crate::model::problem::{child, element};
use crate::value::DecodeError;

/// Bytes that are not of the type that was to be read.
///
/// It costs nothing where many types are tried: what exactly is wrong, a [`Checker`](crate::model::Checker) says. Only
/// of values that the checker takes and the Rust type does not, such as a number out of range, it knows more.
#[derive(Debug)]
pub struct Misfit(Option<Box<Detail>>);

#[derive(Debug)]
struct Detail {
    /// From the inside out.
    path: Vec<Step>,
    expected: String,
    found: String,
}

#[derive(Debug)]
enum Step {
    Name(String),
    Index(usize),
}

impl Misfit {
    /// A value of another type, or malformed bytes.
    #[must_use]
    pub fn other_type() -> Self {
        Self(None)
    }

    /// A value of the right type of the grammar that the Rust type cannot hold.
    #[must_use]
    #[cold]
    pub fn beyond(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self(Some(Box::new(Detail { path: Vec::new(), expected: expected.into(), found: found.into() })))
    }

    /// The same, of a part of the value.
    #[must_use]
    pub fn of_part(mut self, name: &str) -> Self {
        if let Some(detail) = &mut self.0 {
            detail.path.push(Step::Name(name.to_owned()));
        }
        self
    }

    /// The same, of an item of the value.
    #[must_use]
    pub fn of_item(mut self, index: usize) -> Self {
        if let Some(detail) = &mut self.0 {
            detail.path.push(Step::Index(index));
        }
        self
    }

    /// Keeps the one of two that knows more.
    pub fn keep(&mut self, other: Self) {
        self.0 = self.0.take().or(other.0);
    }

    /// What is wrong with a value that is called `name`.
    pub(crate) fn into_mismatch(self, name: &str) -> Mismatch {
        let Some(detail) = self.0 else {
            // All else the model says too: what is left is a type that holds itself, which it cannot say.
            return Mismatch {
                path: name.to_owned(),
                expected: "the same type at every depth, where a type holds itself".to_owned(),
                found: "another one further down".to_owned(),
            };
        };
        let path = detail.path.iter().rev().fold(name.to_owned(), |path, step| match step {
            Step::Name(name) => child(&path, name),
            Step::Index(index) => element(&path, *index),
        });
        Mismatch { path, expected: detail.expected, found: detail.found }
    }
}

impl From<DecodeError> for Misfit {
    fn from(_: DecodeError) -> Self {
        Self::other_type()
    }
}

/// Malformed bytes.
pub(super) fn malformed(error: &DecodeError) -> Mismatch {
    Mismatch {
        path: "args".to_owned(),
        expected: "one whole MessagePack value".to_owned(),
        found: format!("malformed bytes: {error}"),
    }
}
