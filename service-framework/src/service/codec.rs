//! How the arguments of a function are read and what it returns is written: by the types' own model, or by serde where
//! the model comes as data.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handler::Fault;
use crate::model::{Arguments, Message, OwnedMessage};
use crate::value;
use crate::value::msgpack::Reader;

/// Types that are models themselves: reading them is the check.
#[derive(Debug)]
pub struct ByType;
/// Types that serde reads, beside a model that is given as data.
#[derive(Debug)]
pub struct BySerde;

/// The first parameter of a handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a handler takes",
    label = "not a message",
    note = "the first parameter of a handler is its message: a type with `#[derive(Message)]`, or `()` for one without \
            arguments",
    note = "a handler whose model is given as data (`Service::handler`) takes any type that implements \
            `serde::Deserialize`, or a `Value`"
)]
pub trait Incoming<C> {
    /// The same type, borrowing from the message.
    type Of<'a>;
    /// Its arguments, if it knows them.
    fn arguments() -> Option<Arguments>;
    /// Whether reading takes exactly those.
    #[doc(hidden)]
    fn reads_exactly() -> bool {
        false
    }
    /// Reads it.
    #[doc(hidden)]
    fn read(args: &[u8]) -> Result<Self::Of<'_>, Fault>;
}

/// The first parameter of a handler that outlives its message.
#[diagnostic::on_unimplemented(
    message = "an async handler cannot take `{Self}`",
    label = "no message that an async handler can keep",
    note = "it needs a message that owns what it holds: `String` instead of `&str`"
)]
pub trait OwnedIncoming<C>: Sized + 'static {
    /// Its arguments, if it knows them.
    fn arguments() -> Option<Arguments>;
    /// Whether reading takes exactly those.
    #[doc(hidden)]
    fn reads_exactly() -> bool {
        false
    }
    /// Reads it.
    #[doc(hidden)]
    fn read_owned(args: &[u8]) -> Result<Self, Fault>;
}

/// What a handler returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a handler returns",
    label = "not a message",
    note = "put `#[derive(Message)]` on it; `()` is nothing"
)]
pub trait Outgoing<C> {
    /// Its arguments, if it knows them.
    fn arguments() -> Option<Arguments>;
    /// Appends it.
    #[doc(hidden)]
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault>;
}

impl<A: Message> Incoming<ByType> for A {
    type Of<'a> = A::Of<'a>;

    fn arguments() -> Option<Arguments> {
        Some(A::arguments())
    }

    fn reads_exactly() -> bool {
        <A as Message>::reads_exactly()
    }

    fn read(args: &[u8]) -> Result<A::Of<'_>, Fault> {
        A::read_arguments(&mut Reader::new(args)).map_err(Fault::Misfit)
    }
}

impl<A: OwnedMessage> OwnedIncoming<ByType> for A {
    fn arguments() -> Option<Arguments> {
        Some(A::arguments())
    }

    fn reads_exactly() -> bool {
        <A as Message>::reads_exactly()
    }

    fn read_owned(args: &[u8]) -> Result<A, Fault> {
        <A as OwnedMessage>::read_owned(&mut Reader::new(args)).map_err(Fault::Misfit)
    }
}

impl<R: Message> Outgoing<ByType> for R {
    fn arguments() -> Option<Arguments> {
        Some(R::arguments())
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.write_arguments(out);
        Ok(())
    }
}

impl<A: DeserializeOwned> Incoming<BySerde> for A {
    type Of<'a> = A;

    fn arguments() -> Option<Arguments> {
        None
    }

    fn read(args: &[u8]) -> Result<A, Fault> {
        // The model has looked at every byte of them.
        value::decode_checked(args).map_err(|error| Fault::Arguments(error.to_string()))
    }
}

impl<A: DeserializeOwned + 'static> OwnedIncoming<BySerde> for A {
    fn arguments() -> Option<Arguments> {
        None
    }

    fn read_owned(args: &[u8]) -> Result<A, Fault> {
        <A as Incoming<BySerde>>::read(args)
    }
}

impl<R: Serialize> Outgoing<BySerde> for R {
    fn arguments() -> Option<Arguments> {
        None
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        value::encode_into(self, out).map_err(|error| Fault::Return(error.to_string()))
    }
}
