//! Rust types as models: each type of the grammar has Rust types that are it, and a struct of them is a message.
//!
//! [`Typed`] says which type of the grammar a Rust type is and writes it, [`Read`] reads it, strictly and borrowing
//! where it can, and [`Message`] is a struct whose fields are arguments. All three are derived by
//! `#[derive(Message)]`.
//!
//! Reading is the check: a Rust type reads exactly the bytes that a [`Checker`](super::Checker) of its model takes, but
//! for numbers that are beyond it, such as 300 for a `u8` or a negative `timedelta` for a
//! [`Duration`](std::time::Duration). Those are refused with the range that is expected.

mod containers;
pub(crate) mod fields;
#[cfg(test)]
mod laws;
mod misfit;
pub(crate) mod record;
mod recursion;
mod scalars;
pub(crate) mod settings;
#[cfg(test)]
mod settings_tests;
#[cfg(test)]
mod shapes;
mod tagged;
#[cfg(test)]
mod tests;

pub use misfit::Misfit;
pub use settings::ConfigType;

pub use recursion::unless_within_itself;

use super::arguments::Arguments;
use super::checker::Checker;
use super::mismatch::Mismatch;
use super::state::StateModel;
use super::types::Type;
use crate::value::msgpack::{Reader, check_whole};
use crate::value::{DecodeError, Limits};

/// A Rust type that is a type of the grammar, and can be written.
///
/// | Rust | grammar |
/// | --- | --- |
/// | `String`, `&str`, `Cow<str>` | `str` |
/// | `i8` … `i64`, `u8` … `u64`, `isize`, `usize` | `int` |
/// | `f32`, `f64` | `float` |
/// | `bool` | `bool` |
/// | [`Bytes`](crate::value::Bytes), `&[u8]` | `bytes` |
/// | [`Decimal`](crate::value::Decimal), [`DateTime`](crate::value::DateTime), [`Date`](crate::value::Date), [`Time`](crate::value::Time), [`Uuid`](crate::value::Uuid) | of the same name |
/// | [`TimeDelta`](crate::value::TimeDelta), [`Duration`](std::time::Duration) | `timedelta` |
/// | [`Value`](crate::value::Value) | `any` |
/// | `()` | `None` |
/// | `Vec<T>`, `[T]` | `list` |
/// | tuples of up to eight | `tuple` |
/// | [`Set<T>`](crate::value::Set), `BTreeSet<T>`, `HashSet<T>` | `set` |
/// | `BTreeMap<K, V>`, `HashMap<K, V>` | `map` |
/// | `Option<T>` | `optional`; as a field of a message an optional argument |
/// | structs that derive `Message` | `record` |
/// | enums that derive `Message` | `literal`, `union` |
/// | `Box<T>`, structs of one unnamed field that derive `Message` | as what they hold |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no type that a message or a config can hold",
    label = "no type of messages",
    note = "a struct or an enum of your own becomes one by `#[derive(Message)]`",
    note = "text and paths are `String`, bytes `Bytes`, points in time `DateTime`, lengths of time `Duration`, decimal \
            numbers `Decimal`, anything at all `Value`: all of them in `service_framework::prelude`"
)]
pub trait Typed {
    /// The type of the grammar.
    fn type_of() -> Type;
    /// Appends the value as MessagePack.
    fn write(&self, out: &mut Vec<u8>);
}

/// A type that can be read from bytes, which it may borrow from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no type that a message or a config can hold",
    label = "no type of messages",
    note = "a struct or an enum of your own becomes one by `#[derive(Message)]`",
    note = "text and paths are `String`, bytes `Bytes`, points in time `DateTime`, lengths of time `Duration`, decimal \
            numbers `Decimal`, anything at all `Value`: all of them in `service_framework::prelude`"
)]
pub trait Read<'de>: Typed + Sized {
    /// Reads the next value. Of structure and text it trusts what [`check_whole`](crate::value::msgpack::check_whole)
    /// looks at.
    ///
    /// # Errors
    /// It is of another type. The reader then stands anywhere.
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit>;
}

/// A struct whose fields are the arguments of a message, or its return arguments; `()` is one without any.
///
/// Derived by `#[derive(Message)]`. A field of type `Option<T>` is an optional argument of type `T`: left out for
/// `None`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "not a message",
    note = "a message is a struct with named fields, its arguments, that has `#[derive(Message)]`; `()` is the one \
            without arguments",
    note = "the first parameter of a handler is its message, itself and not `&`; what else it asks for comes after"
)]
pub trait Message: Typed {
    /// This type, borrowing from bytes that live for `'a`; itself if it borrows nothing.
    type Of<'a>: Message + Read<'a>;

    /// Its arguments.
    fn arguments() -> Arguments;
    /// Appends it as the map of its arguments, without those that are `None`.
    fn write_arguments(&self, out: &mut Vec<u8>);
    /// Reads it from the map of its arguments.
    ///
    /// # Errors
    /// As [`Read::read`].
    fn read_arguments<'a>(reader: &mut Reader<'a>) -> Result<Self::Of<'a>, Misfit>;

    /// Whether reading takes exactly what its arguments say.
    #[doc(hidden)]
    fn reads_exactly() -> bool {
        true
    }

    /// The model of an in state whose changes come as this type: a full state of these arguments.
    #[doc(hidden)]
    fn state(name: &str) -> StateModel {
        StateModel { arguments: Self::arguments(), ..StateModel::full_in(name) }
    }

    /// Its bytes as they stand in an envelope.
    fn to_msgpack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_arguments(&mut out);
        out
    }

    /// Reads it from exactly these bytes.
    ///
    /// # Errors
    /// What is wrong with them, as a [`Checker`](super::Checker) of its arguments says it.
    fn from_msgpack(bytes: &[u8]) -> Result<Self::Of<'_>, Vec<Mismatch>> {
        let malformed = |error: DecodeError| vec![misfit::malformed(&error)];
        check_whole(bytes, &Limits::default()).map_err(malformed)?;
        let mut reader = Reader::new(bytes);
        Self::read_arguments(&mut reader).map_err(|misfit| {
            let checked = Checker::compile(&Self::arguments()).map_or(Ok(()), |checker| checker.check(bytes));
            checked.err().unwrap_or_else(|| vec![misfit.into_mismatch("args")])
        })
    }
}

/// A message that borrows nothing, so that it can outlive the bytes that it came in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message, or it is one that borrows",
    label = "not a message that owns what it holds",
    note = "a message is a struct with named fields, its arguments, that has `#[derive(Message)]`; `()` is the one \
            without arguments",
    note = "async handlers and answers to requests need one that owns what it holds: `String` instead of `&str`, `Bytes` \
            instead of `&[u8]`; a plain `fn` handler may borrow",
    note = "the first parameter of a handler is its message, itself and not `&`; what else it asks for comes after"
)]
pub trait OwnedMessage: Message + for<'de> Read<'de> + 'static {
    /// As [`Message::read_arguments`].
    ///
    /// # Errors
    /// As [`Read::read`].
    fn read_owned(reader: &mut Reader<'_>) -> Result<Self, Misfit>;
}
