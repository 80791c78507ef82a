//! `#[derive(Message)]`: by its shape a type is a record, transparent, or a choice.

mod choice;
mod impls;
mod newtype;
mod record;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Fields};

use crate::attributes::{Attributes, Place};
use crate::errors::Errors;
use crate::generics;
use crate::names::Case;
use crate::scope::{library, within};

/// What stands on the type itself.
struct Container {
    rename_all: Option<Case>,
}

const ON_RECORD: Place = Place {
    attribute: "message",
    on: "a struct",
    known: &["rename_all", "crate"],
    elsewhere: &[
        ("rename", "a field or a variant"),
        ("required", "a field"),
        ("default", "a field"),
        ("numbers", "a field"),
    ],
    otherwise: &[],
};

const ON_ENUM: Place = Place { on: "an enum", ..ON_RECORD };

const ON_NEWTYPE: Place = Place {
    on: "a struct that is what it holds",
    known: &["crate"],
    elsewhere: &[("rename_all", "a struct with named fields or an enum")],
    ..ON_RECORD
};

/// The impls for a type, or its compile errors.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let place = match &input.data {
        Data::Enum(_) => &ON_ENUM,
        Data::Struct(data) if is_newtype(&data.fields) => &ON_NEWTYPE,
        _ => &ON_RECORD,
    };
    let attributes = Attributes::read(&input.attrs, place, &mut errors);
    let library = library(&attributes, &mut errors);
    let container = Container { rename_all: attributes.rename_all(&mut errors) };
    generics::refuse_several_lifetimes(input, &mut errors);
    let impls = match &input.data {
        Data::Struct(data) if is_newtype(&data.fields) => newtype::derive(input, &data.fields, &mut errors),
        Data::Struct(data) => record::derive(input, &data.fields, &container, &mut errors),
        Data::Enum(data) => choice::derive(input, data, &container, &mut errors),
        Data::Union(data) => {
            let message = "a union is no message: an enum holds one of several types";
            errors.at(data.union_token, message);
            TokenStream::new()
        }
    };
    within(&library, &impls, &errors)
}

fn is_newtype(fields: &Fields) -> bool {
    matches!(fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1)
}

#[cfg(test)]
mod tests;
