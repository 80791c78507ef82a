//! Types that hold themselves, which the grammar cannot say.

use std::cell::RefCell;

use crate::model::types::Type;

thread_local! {
    /// The types whose description is being made on this thread.
    static WITHIN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// The type that `describe` makes; [`Type::Any`] where it is within its own description, as the children of a tree are.
pub fn unless_within_itself<T: ?Sized>(describe: impl FnOnce() -> Type) -> Type {
    let name = std::any::type_name::<T>();
    let is_within = WITHIN.with_borrow_mut(|within| {
        let is_within = within.contains(&name);
        within.push(name);
        is_within
    });
    let described = if is_within { Type::Any } else { describe() };
    WITHIN.with_borrow_mut(Vec::pop);
    described
}
