//! The test's side of links.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use super::Kit;
use super::board::Answers;
use crate::model::{Message, OwnedMessage};
use crate::service::{
    ExternalRequest, Fault, HandlerError, Links, Publisher, Refused, Requester, Result as HandlerResult,
};
use crate::value::msgpack::Reader;

/// A struct of links whose other side a test can play. Derived with [`Links`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a struct of links",
    label = "no links",
    note = "a test gets the other side of a struct with `#[derive(Links)]`, by the name of that struct: `kit.links::<Market>()`"
)]
pub trait LinksForTest: Links {
    /// The test's side of each field.
    type Seen;
    /// Takes it.
    fn seen(kit: &Kit) -> Self::Seen;
}

/// A type of links that has a test's side, whatever it sends: of a wrong type in it [`Link`](crate::service::Link) tells,
/// once.
pub trait HasTestSide {
    /// The test's side of it.
    type Seen;
}

/// A link whose other side a test can play.
pub trait LinkForTest: HasTestSide {
    /// Takes the test's side.
    fn seen(kit: &Kit, name: &str) -> Self::Seen;
}

/// The replyer that a requester of the service asks, played by the test. Before the test says what it answers, it refuses.
pub struct Played<A, R> {
    kit: Kit,
    name: String,
    types: PhantomData<fn(A) -> R>,
}

/// The subscriber of a publisher of the service, played by the test.
pub struct Heard<A> {
    kit: Kit,
    name: String,
    types: PhantomData<fn() -> A>,
}

impl<A, R> Played<A, R> {
    /// The kit that it belongs to.
    #[must_use]
    pub fn kit(&self) -> &Kit {
        &self.kit
    }
}

impl<A: Message + 'static, R: Message + 'static> Played<A, R> {
    /// Answers every request from now on by this function.
    pub fn answers(&self, mut answer: impl FnMut(A::Of<'_>) -> R + Send + 'static) {
        self.answers_with(move |args| Ok(answer(args)));
    }

    /// Answers or refuses every request from now on by this function, as a handler would.
    pub fn answers_with(&self, mut answer: impl FnMut(A::Of<'_>) -> HandlerResult<R> + Send + 'static) {
        let answer = move |args: &[u8]| {
            let args = A::read_arguments(&mut Reader::new(args)).map_err(Fault::Misfit)?;
            answer(args).map(|returns| returns.to_msgpack()).map_err(Fault::Handler)
        };
        self.kit.board().set(&self.name, Answers::With(Arc::new(Mutex::new(answer))));
    }

    /// Refuses every request from now on.
    pub fn refuses(&self, code: &str, message: &str) {
        let refused = Refused::new(code, message);
        self.answers_with(move |_| Err(HandlerError::from(refused.clone())));
    }

    /// Lets every request from now on wait until its deadline.
    pub fn never_answers(&self) {
        self.kit.board().set(&self.name, Answers::Never);
    }
}

impl<A: OwnedMessage, R> Played<A, R> {
    /// Everything that was asked so far, in its order.
    #[must_use]
    pub fn asked(&self) -> Vec<A> {
        self.kit.came(&self.name)
    }
}

impl<A: OwnedMessage> Heard<A> {
    /// Everything that was published so far, in its order.
    #[must_use]
    pub fn published(&self) -> Vec<A> {
        self.kit.came(&self.name)
    }
}

impl<A> Heard<A> {
    /// Forgets what was published so far.
    pub fn forget(&self) {
        self.kit.board().forget(&self.name);
    }
}

impl<A, R> HasTestSide for Requester<A, R> {
    type Seen = Played<A, R>;
}

impl<A, R> HasTestSide for ExternalRequest<A, R> {
    type Seen = ();
}

impl<A> HasTestSide for Publisher<A> {
    type Seen = Heard<A>;
}

impl<A, R> LinkForTest for Requester<A, R> {
    fn seen(kit: &Kit, name: &str) -> Played<A, R> {
        kit.expect_connection(name);
        Played { kit: kit.clone(), name: name.to_owned(), types: PhantomData }
    }
}

/// A function of the program itself, which runs as it is: there is nothing to play.
impl<A, R> LinkForTest for ExternalRequest<A, R> {
    fn seen(_kit: &Kit, _name: &str) {}
}

impl<A> LinkForTest for Publisher<A> {
    fn seen(kit: &Kit, name: &str) -> Heard<A> {
        kit.expect_connection(name);
        Heard { kit: kit.clone(), name: name.to_owned(), types: PhantomData }
    }
}

/// What `#[derive(Links)]` adds for tests: the test's side of the struct, while the feature `testing` is on.
#[doc(hidden)]
#[macro_export]
macro_rules! __links_for_test {
    ($vis:vis struct $seen:ident of $links:ident { $($fvis:vis $field:ident $name:literal: $of:ty,)* }) => {
        #[doc = concat!("The test's side of [`", stringify!($links), "`].")]
        #[allow(dead_code, reason = "a test need not look at everything")]
        $vis struct $seen {
            $(
                #[doc = concat!("The test's side of `", $name, "`.")]
                $fvis $field: <$of as $crate::testing::HasTestSide>::Seen,
            )*
        }

        impl $crate::testing::LinksForTest for $links {
            type Seen = $seen;

            fn seen(kit: &$crate::testing::Kit) -> $seen {
                $seen { $($field: <$of as $crate::testing::LinkForTest>::seen(kit, $name),)* }
            }
        }

        #[allow(dead_code, reason = "a test need not look at everything")]
        impl $links {
            /// Links on their own, for a handler that is tested as a function, and the test's side of them.
            $vis fn for_test() -> (Self, $seen) {
                $crate::testing::links()
            }
        }
    };
}
