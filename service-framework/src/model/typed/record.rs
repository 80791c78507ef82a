//! Derived types: how they are described, written and read. Structs of named fields are messages at the top, where
//! arguments may be left out, and records within one, which have exactly their fields.

use super::settings::default_of;
use super::{Misfit, Read, Typed, unless_within_itself};
use crate::model::arguments::Arguments;
use crate::model::types::Type;
use crate::value::msgpack::Reader;

/// What a derived type is.
#[derive(Debug)]
pub enum Described {
    /// A struct of these fields, in their order.
    Record(Vec<Field>),
    /// This type.
    Type(Type),
}

/// A derived type without type parameters.
pub trait Plan<'de>: Sized {
    /// Its functions.
    const PLAN: Functions<'de, Self>;
}

/// The functions of a derived type; in those that take a truth value it says whether it is at the top.
#[derive(Debug)]
pub struct Functions<'de, T> {
    /// Describes it.
    pub described: fn() -> Described,
    /// Appends it.
    pub written: fn(&T, bool, &mut Vec<u8>),
    /// Reads it.
    pub read: fn(&mut Reader<'de>, bool) -> Result<T, Misfit>,
}

/// A derived type with type parameters, as it is described and written.
pub trait Describe {
    /// Describes it.
    fn described() -> Described;
    /// Appends it, at the top or within another.
    fn written(this: &Self, at_top: bool, out: &mut Vec<u8>);
}

/// A derived type with type parameters, as it is read.
pub trait ReadWhole<'de>: Sized {
    /// Reads it, at the top or within another.
    ///
    /// # Errors
    /// As [`Read::read`].
    fn read_whole(reader: &mut Reader<'de>, at_top: bool) -> Result<Self, Misfit>;
}

/// A field as it is declared.
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    of: Type,
    presence: Presence,
}

#[derive(Debug, PartialEq)]
enum Presence {
    Required,
    /// It may be left out at the top, and be nil within a record.
    Optional,
    /// It may be left out at the top.
    Default,
}

impl Field {
    fn new<T: Typed>(name: &'static str, presence: Presence) -> Self {
        Self { name, of: T::type_of(), presence }
    }

    /// One that must be there.
    #[must_use]
    pub fn required<T: Typed>(name: &'static str) -> Self {
        Self::new::<T>(name, Presence::Required)
    }

    /// One that may be none.
    #[must_use]
    pub fn optional<T: Typed>(name: &'static str) -> Self {
        Self::new::<T>(name, Presence::Optional)
    }

    /// One that has a default.
    #[must_use]
    pub fn with_default<T: Typed>(name: &'static str) -> Self {
        Self::new::<T>(name, Presence::Default)
    }

    /// One whose default is a text.
    ///
    /// # Panics
    /// The text means none: said when the model is made, and not when the first message comes without it.
    #[must_use]
    pub fn with_text<T: for<'de> Read<'de>>(name: &'static str, text: &str) -> Self {
        let _: T = default_of(text);
        Self::with_default::<T>(name)
    }
}

/// The type within a message.
pub fn type_of<T: ?Sized>(described: fn() -> Described) -> Type {
    let within = |field: Field| match field.presence {
        Presence::Optional => (field.name.to_owned(), Type::optional(field.of)),
        Presence::Required | Presence::Default => (field.name.to_owned(), field.of),
    };
    unless_within_itself::<T>(|| match described() {
        Described::Record(fields) => Type::Record(fields.into_iter().map(within).collect()),
        Described::Type(of) => of,
    })
}

/// The arguments of a message; none of what is no struct.
#[must_use]
pub fn arguments(described: fn() -> Described) -> Arguments {
    let Described::Record(fields) = described() else { return Arguments::new() };
    let add = |arguments: Arguments, Field { name, of, presence }| match presence {
        Presence::Required => arguments.requires(name, of),
        Presence::Optional | Presence::Default => arguments.optional(name, of),
    };
    fields.into_iter().fold(Arguments::new(), add)
}
