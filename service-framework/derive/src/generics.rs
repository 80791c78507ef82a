//! Generics of impls: the type's own, and what each impl needs of them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, GenericParam, Generics, Lifetime, parse_quote};

use crate::errors::Errors;

/// Refuses types that borrow from several things.
pub(crate) fn refuse_several_lifetimes(input: &DeriveInput, errors: &mut Errors) {
    for lifetime in input.generics.lifetimes().skip(1) {
        let message = "a message borrows from one thing, the bytes that it came in: one lifetime is enough for all its fields";
        errors.at(lifetime, message);
    }
}

/// The generics with one more bound on each type among them.
pub(crate) fn bounded(generics: &Generics, bound: &TokenStream) -> Generics {
    let mut bounded = generics.clone();
    let types: Vec<_> = generics.type_params().map(|of| of.ident.clone()).collect();
    if !types.is_empty() {
        let clause = bounded.make_where_clause();
        clause.predicates.extend(types.iter().map(|of| -> syn::WherePredicate { parse_quote!(#of: #bound) }));
    }
    bounded
}

/// The generics with the lifetime of the bytes that are read from, `'__de`, which all other lifetimes are within.
pub(crate) fn reading(generics: &Generics) -> Generics {
    let mut reading = bounded(generics, &quote!(__derived::Read<'__de>));
    let borrowed: Vec<&Lifetime> = generics.lifetimes().map(|borrowed| &borrowed.lifetime).collect();
    let bytes: GenericParam = parse_quote!('__de: #(#borrowed)+*);
    reading.params.insert(0, bytes);
    reading
}

/// The arguments of the type with every lifetime being `'__a`.
pub(crate) fn arguments_within(generics: &Generics) -> TokenStream {
    let arguments = generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(_) => quote!('__a),
        GenericParam::Type(of) => {
            let name = &of.ident;
            quote!(#name)
        }
        GenericParam::Const(of) => {
            let name = &of.ident;
            quote!(#name)
        }
    });
    if generics.params.is_empty() { TokenStream::new() } else { quote!(<#(#arguments),*>) }
}
