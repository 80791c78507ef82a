//! What a link is given to send.

use std::borrow::Borrow;

/// A value of type `A`, or something that lends one, such as `&A`.
#[diagnostic::on_unimplemented(
    message = "`{A}` is sent here, not `{Self}`",
    label = "expected `{A}` or `&{A}`"
)]
pub trait Given<A> {
    /// Lends it.
    fn lent(&self) -> &A;
}

// So that the compiler tells of this trait, and with it which type is sent.
#[diagnostic::do_not_recommend]
impl<A, T: Borrow<A>> Given<A> for T {
    fn lent(&self) -> &A {
        self.borrow()
    }
}
