//! An enum: literals by the names of its variants, or a union of what they hold.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DataEnum, DeriveInput, Field, Fields, Ident, Variant};

use super::Container;
use super::impls::{Bodies, typed};
use crate::attributes::{Attributes, Place};
use crate::errors::Errors;
use crate::names::{name_of, refuse_same_names};
use crate::types::{is_only, look_at};

const ON_NAME: Place = Place {
    attribute: "message",
    on: "a variant that holds nothing",
    known: &["rename"],
    elsewhere: &[
        ("rename_all", "the enum"),
        ("numbers", "a variant that holds a value"),
        ("default", "a field of a struct"),
        ("required", "a field of a struct"),
    ],
    otherwise: &[],
};

const ON_MEMBER: Place = Place {
    on: "a variant that holds a value, whose name is in no message",
    known: &["numbers"],
    elsewhere: &[
        ("rename", "a variant that holds nothing"),
        ("rename_all", "the enum"),
        ("default", "a field of a struct"),
        ("required", "a field of a struct"),
    ],
    ..ON_NAME
};

/// One variant.
enum Member<'a> {
    /// It holds nothing and is its name.
    Name(&'a Ident, String),
    /// It is what it holds.
    Of(&'a Ident, &'a syn::Type),
}

pub(super) fn derive(
    input: &DeriveInput,
    data: &DataEnum,
    container: &Container,
    errors: &mut Errors,
) -> TokenStream {
    if data.variants.is_empty() {
        errors.at(&input.ident, "an enum without variants is a type that nothing is: give it at least one");
    }
    data.variants.iter().for_each(|variant| refuse_itself(variant, &input.ident, errors));
    let read = data.variants.iter().filter_map(|variant| member(variant, container, errors));
    let members: Vec<Member<'_>> = read.collect();
    let names = members.iter().filter_map(|member| match member {
        Member::Name(ident, name) => Some((*ident, name.as_str())),
        Member::Of(..) => None,
    });
    refuse_same_names(names, "variants", errors);
    if !errors.is_empty() {
        return typed(input, &Bodies::stubs());
    }
    let bodies = match members.iter().all(|member| matches!(member, Member::Name(..))) {
        true => literals(&members),
        false => union(&members),
    };
    typed(input, &bodies)
}

fn member<'a>(variant: &'a Variant, container: &Container, errors: &mut Errors) -> Option<Member<'a>> {
    match &variant.fields {
        Fields::Unit => Some(Member::Name(&variant.ident, named(variant, container, errors))),
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            let field = fields.unnamed.first()?;
            held(variant, field, errors);
            Some(Member::Of(&variant.ident, &field.ty))
        }
        _ => {
            let name = &variant.ident;
            let message = format!(
                "a variant holds one value: give its fields to a struct `{name}` that has `#[derive(Message)]`, and \
                 write `{name}({name})` here"
            );
            errors.at(variant, message);
            None
        }
    }
}

/// Refuses a variant that holds nothing but the enum: it would be read as that variant again and again.
fn refuse_itself(variant: &Variant, name: &Ident, errors: &mut Errors) {
    let held = match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first(),
        _ => None,
    };
    if let Some(field) = held.filter(|field| is_only(&field.ty, name)) {
        let variant = &variant.ident;
        let message = format!(
            "nothing in a message tells this variant from the `{name}` that it holds: give that to a struct, which has \
             a name for it, and write `{variant}({variant})` here"
        );
        errors.at(field, message);
    }
}

fn named(variant: &Variant, container: &Container, errors: &mut Errors) -> String {
    let attributes = Attributes::read(&variant.attrs, &ON_NAME, errors);
    let renamed = attributes.rename("rename", errors).map(|text| text.value());
    renamed.unwrap_or_else(|| name_of(&variant.ident, container.rename_all))
}

/// Looks at what a variant holds; the attribute stands before the variant or before the type.
fn held(variant: &Variant, field: &Field, errors: &mut Errors) {
    let all: Vec<_> = variant.attrs.iter().chain(&field.attrs).cloned().collect();
    let attributes = Attributes::read(&all, &ON_MEMBER, errors);
    look_at(&field.ty, &attributes, &ON_MEMBER, None, errors);
}

/// All variants are names.
fn literals(members: &[Member<'_>]) -> Bodies {
    let [others @ .., last] = members else { return Bodies::stubs() };
    let names: Vec<_> = members.iter().filter_map(Member::name).collect();
    let (variants, last) = (members.iter().map(Member::ident), last.ident());
    let (places, others) = (0..others.len(), others.iter().map(Member::ident));
    Bodies {
        described: quote!(__derived::Described::Type(__derived::literals(&[#(#names),*]))),
        written: quote!(__derived::write_name(match __this { #(Self::#variants => #names),* }, __out)),
        read: quote! {
            __derived::Ok(match __derived::read_name(__reader, &[#(#names),*])? {
                #(#places => Self::#others,)*
                _ => Self::#last,
            })
        },
    }
}

/// Some variants hold a value.
fn union(members: &[Member<'_>]) -> Bodies {
    let types = members.iter().map(|member| match member {
        Member::Name(_, name) => quote!(__derived::literals(&[#name])),
        Member::Of(_, of) => quote!(<#of as __derived::Typed>::type_of()),
    });
    let writes = members.iter().map(|member| match member {
        Member::Name(ident, name) => quote!(Self::#ident => __derived::write_name(#name, __out)),
        Member::Of(ident, of) => {
            quote!(Self::#ident(__held) => <#of as __derived::Typed>::write(__held, __out))
        }
    });
    let reads = members.iter().map(|member| match member {
        Member::Name(ident, name) => quote! {
            if __derived::read_literal(__reader, #name) {
                return __derived::Ok(Self::#ident);
            }
        },
        Member::Of(ident, of) => quote! {
            if let __derived::Some(__held) = __derived::read_member::<#of>(__reader, &mut __misfit) {
                return __derived::Ok(Self::#ident(__held));
            }
        },
    });
    Bodies {
        described: quote! {
            __derived::Described::Type(__derived::Type::Union(__derived::vec![#(#types),*]))
        },
        written: quote!(match __this { #(#writes),* }),
        read: quote! {{
            let mut __misfit = __derived::Misfit::other_type();
            #(#reads)*
            __derived::Err(__misfit)
        }},
    }
}

impl Member<'_> {
    fn ident(&self) -> &Ident {
        match self {
            Member::Name(ident, _) | Member::Of(ident, _) => ident,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Member::Name(_, name) => Some(name),
            Member::Of(..) => None,
        }
    }
}
