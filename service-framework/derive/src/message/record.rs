//! A struct of named fields: the arguments of a message, or a record within one.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Fields, Ident, Type};

use super::Container;
use super::impls::{Bodies, message, typed};
use crate::attributes::{Attributes, Place};
use crate::default::Default;
use crate::errors::Errors;
use crate::names::{name_of, refuse_same_names};
use crate::types::{inside_option, look_at};

const ON_FIELD: Place = Place {
    attribute: "message",
    on: "a field",
    known: &["rename", "required", "default", "numbers"],
    elsewhere: &[("rename_all", "the struct"), ("crate", "the struct")],
    otherwise: &[
        ("optional", "what may be left out is an `Option`, or has a default"),
        ("skip", "every field is in the message: what is not belongs into another struct"),
        ("flatten", "the fields of a struct within are a record of their own"),
    ],
};

/// A field of the struct.
struct Field<'a> {
    ident: &'a Ident,
    /// Its name in messages.
    name: String,
    of: &'a Type,
    presence: Presence<'a>,
}

/// Whether a message may come without the field.
enum Presence<'a> {
    Required,
    /// It may, and the field, an option of this type, is none then.
    Optional(&'a Type),
    /// It may, and the field is this then.
    Default(Default),
}

pub(super) fn derive(
    input: &DeriveInput,
    fields: &Fields,
    container: &Container,
    errors: &mut Errors,
) -> TokenStream {
    if let Fields::Unnamed(unnamed) = fields {
        let message = match unnamed.unnamed.len() {
            0 => "a message without arguments is written without parentheses: `struct Name;`",
            _ => "arguments have names: write `struct Name { field: Type, … }`",
        };
        errors.at(unnamed, message);
        return both(input, &Bodies::stubs());
    }
    let fields: Vec<Field<'_>> = fields.iter().filter_map(|field| read(field, container, errors)).collect();
    refuse_same_names(fields.iter().map(|field| (field.ident, field.name.as_str())), "fields", errors);
    let bodies = match errors.is_empty() {
        true => Bodies { described: declared(&fields), written: written(&fields), read: read_back(&fields) },
        false => Bodies::stubs(),
    };
    both(input, &bodies)
}

/// A type of messages that is a message too.
fn both(input: &DeriveInput, bodies: &Bodies) -> TokenStream {
    let (typed, message) = (typed(input, bodies), message(input));
    quote! {
        #typed
        #message
    }
}

fn read<'a>(field: &'a syn::Field, container: &Container, errors: &mut Errors) -> Option<Field<'a>> {
    let ident = field.ident.as_ref()?;
    let attributes = Attributes::read(&field.attrs, &ON_FIELD, errors);
    look_at(&field.ty, &attributes, &ON_FIELD, None, errors);
    let renamed = attributes.rename("rename", errors).map(|text| text.value());
    let name = renamed.unwrap_or_else(|| name_of(ident, container.rename_all));
    Some(Field { ident, name, of: &field.ty, presence: presence(&attributes, &field.ty, errors) })
}

fn presence<'a>(attributes: &Attributes, of: &'a Type, errors: &mut Errors) -> Presence<'a> {
    let required = attributes.flag("required", errors).then(|| attributes.place_of("required")).flatten();
    let default = attributes.place_of("default");
    match (inside_option(of), required, default) {
        (Some(_), _, Some(place)) => {
            let message = "an `Option` that is left out is `None`: a default is for a field without `Option`";
            errors.at(place, message);
        }
        (None, Some(place), Some(_)) => {
            errors.at(place, "a field that is required has no use for a default: leave one of them out");
        }
        (None, Some(place), None) => {
            let message = "a field is required unless it is an `Option`: leave `required` out";
            errors.at(place, message);
        }
        (Some(inner), None, None) => return Presence::Optional(inner),
        (None, None, Some(_)) => {
            return Default::read(attributes, of, errors).map_or(Presence::Required, Presence::Default);
        }
        (Some(_), Some(_), None) | (None, None, None) => {}
    }
    Presence::Required
}

/// All fields as they are declared.
fn declared(fields: &[Field<'_>]) -> TokenStream {
    let fields = fields.iter().map(|Field { name, of, presence, .. }| match presence {
        Presence::Required => quote!(__derived::Field::required::<#of>(#name)),
        Presence::Optional(inner) => quote!(__derived::Field::optional::<#inner>(#name)),
        Presence::Default(Default { text: Some(text), .. }) => {
            quote!(__derived::Field::with_text::<#of>(#name, #text))
        }
        Presence::Default(_) => quote!(__derived::Field::with_default::<#of>(#name)),
    });
    quote!(__derived::Described::Record(__derived::vec![#(#fields),*]))
}

/// Statements that write the fields.
fn written(fields: &[Field<'_>]) -> TokenStream {
    let count = fields.len();
    let optional = fields.iter().filter(|field| matches!(field.presence, Presence::Optional(_)));
    let optional: Vec<&Ident> = optional.map(|field| field.ident).collect();
    let absent = match optional.as_slice() {
        [] => quote!(),
        idents => quote!(- __derived::absent(__at_top, &[#(__this.#idents.is_none()),*])),
    };
    let fields = fields.iter().map(|Field { ident, name, of, presence }| match presence {
        Presence::Optional(inner) => {
            quote!(__derived::write_optional::<#inner>(#name, &__this.#ident, __at_top, __out);)
        }
        _ => quote!(__derived::write_field::<#of>(#name, &__this.#ident, __out);),
    });
    quote! {
        __derived::begin_map(__out, #count #absent);
        #(#fields)*
    }
}

/// The body of the function that reads the fields.
fn read_back(fields: &[Field<'_>]) -> TokenStream {
    let names = fields.iter().map(|field| &field.name);
    let slots: Vec<Ident> = (0..fields.len()).map(|index| format_ident!("__field{index}")).collect();
    let reads = fields.iter().zip(&slots).map(|(field, slot)| match field.presence {
        Presence::Optional(inner) => {
            quote!(__fields.read_optional::<#inner>(&mut #slot, __at_top)?)
        }
        _ => {
            let of = field.of;
            quote!(__fields.read::<#of>(&mut #slot)?)
        }
    });
    let places = 0..fields.len();
    let values = fields.iter().zip(&slots).map(|(Field { ident, presence, .. }, slot)| match presence {
        Presence::Required => quote!(#ident: __derived::required(#slot)?),
        Presence::Optional(_) => quote!(#ident: __derived::optional(#slot, __at_top)?),
        Presence::Default(Default { value, .. }) => {
            quote!(#ident: __derived::or_default(#slot, __at_top, || #value)?)
        }
    });
    quote! {{
        let mut __fields = __derived::Fields::open(__reader, &[#(#names),*])?;
        #(let mut #slots = __derived::None;)*
        while let __derived::Some(__place) = __fields.next()? {
            match __place {
                #(#places => #reads,)*
                _ => {}
            }
        }
        __derived::Ok(Self { #(#values),* })
    }}
}
