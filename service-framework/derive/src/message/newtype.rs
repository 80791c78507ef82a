//! A struct of one unnamed field, which is in messages what it holds.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Fields};

use super::impls::{Bodies, typed};
use crate::attributes::{Attributes, Place};
use crate::errors::Errors;
use crate::types::look_at;

const ON_FIELD: Place = Place {
    attribute: "message",
    on: "a field without a name",
    known: &["numbers"],
    elsewhere: &[
        ("rename", "a field with a name"),
        ("required", "a field with a name"),
        ("default", "a field with a name"),
        ("rename_all", "a struct with named fields or an enum"),
    ],
    otherwise: &[],
};

pub(super) fn derive(input: &DeriveInput, fields: &Fields, errors: &mut Errors) -> TokenStream {
    let Some(field) = fields.iter().next() else { return TokenStream::new() };
    let attributes = Attributes::read(&field.attrs, &ON_FIELD, errors);
    look_at(&field.ty, &attributes, &ON_FIELD, None, errors);
    if !errors.is_empty() {
        return typed(input, &Bodies::stubs());
    }
    let of = &field.ty;
    let bodies = Bodies {
        described: quote!(__derived::Described::Type(<#of as __derived::Typed>::type_of())),
        written: quote!(<#of as __derived::Typed>::write(&__this.0, __out)),
        read: quote!(__derived::Ok(Self(<#of as __derived::Read<'__de>>::read(__reader)?))),
    };
    typed(input, &bodies)
}
