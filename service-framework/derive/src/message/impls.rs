//! The impls of a type, whatever its shape, by what describes, writes and reads it.
//!
//! These three stand in one constant where they can: the compiler looks at it as a whole, and of a field whose type is no
//! type of messages it says so once, as reading, which comes first, asks for all that the others ask for. With type parameters they cannot, as reading asks more of those than writing.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::generics::{arguments_within, bounded, reading};

/// What all impls of a type come from: the bodies of three functions.
pub(super) struct Bodies {
    /// An expression of type `Described`.
    pub(super) described: TokenStream,
    /// Statements that append `__this` to `__out`, at the top if `__at_top`.
    pub(super) written: TokenStream,
    /// An expression that reads the type from `__reader`, at the top if `__at_top`.
    pub(super) read: TokenStream,
}

impl Bodies {
    /// Bodies that never run, so that a mistake in a type is not told again wherever it is used.
    pub(super) fn stubs() -> Self {
        Self { described: quote!(loop {}), written: quote!(), read: quote!(loop {}) }
    }

    fn in_one_constant(&self, input: &DeriveInput) -> TokenStream {
        let Self { described, written, read } = self;
        let name = &input.ident;
        let (_, arguments, _) = input.generics.split_for_impl();
        let reading = reading(&input.generics);
        let (generics, _, conditions) = reading.split_for_impl();
        quote! {
            impl #generics __derived::Plan<'__de> for #name #arguments #conditions {
                const PLAN: __derived::Functions<'__de, Self> = __derived::Functions {
                    read: |__reader, __at_top| #read,
                    described: || #described,
                    written: |__this, __at_top, __out| { #written },
                };
            }
        }
    }

    fn in_two_impls(&self, input: &DeriveInput) -> TokenStream {
        let Self { described, written, read } = self;
        let name = &input.ident;
        let (_, arguments, _) = input.generics.split_for_impl();
        let (writing, reading) = (writing(input), reading(&input.generics));
        let (generics, _, conditions) = writing.split_for_impl();
        let (reading_generics, _, reading_conditions) = reading.split_for_impl();
        quote! {
            impl #generics __derived::Describe for #name #arguments #conditions {
                fn described() -> __derived::Described { #described }
                fn written(__this: &Self, __at_top: bool, __out: &mut __derived::Vec<u8>) { #written }
            }
            impl #reading_generics __derived::ReadWhole<'__de> for #name #arguments #reading_conditions {
                fn read_whole(
                    __reader: &mut __derived::Reader<'__de>,
                    __at_top: bool,
                ) -> __derived::Outcome<Self> { #read }
            }
        }
    }
}

fn has_types(input: &DeriveInput) -> bool {
    input.generics.type_params().next().is_some()
}

fn writing(input: &DeriveInput) -> syn::Generics {
    bounded(&input.generics, &quote!(__derived::Typed))
}

/// The function that describes the type.
fn described(input: &DeriveInput) -> TokenStream {
    match has_types(input) {
        true => quote!(<Self as __derived::Describe>::described),
        false => quote!(<Self as __derived::Plan<'static>>::PLAN.described),
    }
}

/// The function that writes the type.
fn written(input: &DeriveInput) -> TokenStream {
    match has_types(input) {
        true => quote!(<Self as __derived::Describe>::written),
        false => quote!((<Self as __derived::Plan<'static>>::PLAN.written)),
    }
}

/// The function that reads the type `of` from bytes of this lifetime.
fn read(input: &DeriveInput, of: &TokenStream, lifetime: &TokenStream) -> TokenStream {
    match has_types(input) {
        true => quote!(<#of as __derived::ReadWhole<#lifetime>>::read_whole),
        false => quote!((<#of as __derived::Plan<#lifetime>>::PLAN.read)),
    }
}

/// The impls of `Typed` and `Read`.
pub(super) fn typed(input: &DeriveInput, bodies: &Bodies) -> TokenStream {
    let name = &input.ident;
    let (_, arguments, _) = input.generics.split_for_impl();
    let (writing, reading) = (writing(input), reading(&input.generics));
    let (generics, _, conditions) = writing.split_for_impl();
    let (reading_generics, _, reading_conditions) = reading.split_for_impl();
    let functions = if has_types(input) { bodies.in_two_impls(input) } else { bodies.in_one_constant(input) };
    let (described, written) = (described(input), written(input));
    let read = read(input, &quote!(Self), &quote!('__de));
    quote! {
        #functions
        #[automatically_derived]
        impl #generics __derived::Typed for #name #arguments #conditions {
            fn type_of() -> __derived::Type { __derived::type_of::<Self>(#described) }
            fn write(&self, __out: &mut __derived::Vec<u8>) { #written(self, false, __out) }
        }
        #[automatically_derived]
        impl #reading_generics __derived::Read<'__de> for #name #arguments #reading_conditions {
            fn read(__reader: &mut __derived::Reader<'__de>) -> __derived::Outcome<Self> {
                #read(__reader, false)
            }
        }
    }
}

/// The impls of `Message` and, if nothing is borrowed, `OwnedMessage`.
pub(super) fn message(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    let (_, arguments, _) = input.generics.split_for_impl();
    let within = arguments_within(&input.generics);
    let any = bounded(&input.generics, &quote!(for<'__de> __derived::Read<'__de>));
    let (generics, _, conditions) = any.split_for_impl();
    let (described, written) = (described(input), written(input));
    let read = read(input, &quote!(Self::Of<'__a>), &quote!('__a));
    let owned = input.generics.lifetimes().next().is_none().then(|| owned(input));
    quote! {
        #[automatically_derived]
        impl #generics __derived::Message for #name #arguments #conditions {
            type Of<'__a> = #name #within;
            fn arguments() -> __derived::Arguments { __derived::arguments(#described) }
            fn write_arguments(&self, __out: &mut __derived::Vec<u8>) { #written(self, true, __out) }
            fn read_arguments<'__a>(
                __reader: &mut __derived::Reader<'__a>,
            ) -> __derived::Outcome<Self::Of<'__a>> {
                #read(__reader, true)
            }
        }
        #owned
    }
}

fn owned(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    let (_, arguments, _) = input.generics.split_for_impl();
    let owned = bounded(&input.generics, &quote!(for<'__de> __derived::Read<'__de> + 'static));
    let (generics, _, conditions) = owned.split_for_impl();
    let read = read(input, &quote!(Self), &quote!('_));
    quote! {
        #[automatically_derived]
        impl #generics __derived::OwnedMessage for #name #arguments #conditions {
            fn read_owned(__reader: &mut __derived::Reader<'_>) -> __derived::Outcome<Self> {
                #read(__reader, true)
            }
        }
    }
}
