//! `#[derive(Links)]`: a struct whose fields are out connections and states.

mod kinds;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Ident, Path, Type, Visibility};

use self::kinds::{Kind, Table};
use crate::attributes::{Attributes, Place};
use crate::errors::Errors;
use crate::names::{name_of, named_fields, refuse_same_names};
use crate::scope::{library, within};

const ON_STRUCT: Place = Place {
    attribute: "links",
    on: "a struct",
    known: &["crate"],
    elsewhere: &[("name", "a field"), ("topic", "a field"), ("within", "a field"), ("calls", "a field")],
    otherwise: &[],
};

/// A field of the struct.
struct Field<'a> {
    vis: &'a Visibility,
    ident: &'a Ident,
    of: &'a Type,
    kind: &'static Kind,
    /// The name of the connection or the state.
    name: String,
    /// An expression of type `LinkOptions`.
    options: TokenStream,
}

/// The impls for a struct, or its compile errors.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let attributes = Attributes::read(&input.attrs, &ON_STRUCT, &mut errors);
    let library = library(&attributes, &mut errors);
    let fields = fields(input, &mut errors);
    let impls = match errors.is_empty() {
        true => links(&input.ident, &fields),
        // What has parameters could not even be named without an error.
        false if !input.generics.params.is_empty() => TokenStream::new(),
        false => impls(&input.ident, &quote!(), &quote!(loop {})),
    };
    let impls = within(&library, &impls, &errors);
    let for_test = errors.is_empty().then(|| for_test(&library, input, &fields));
    quote!(#impls #for_test)
}

/// The test's side of the struct, which the library leaves out unless tests are compiled.
fn for_test(library: &Path, input: &DeriveInput, fields: &[Field<'_>]) -> TokenStream {
    let (vis, name) = (&input.vis, &input.ident);
    let seen = Ident::new(&format!("{name}Seen"), name.span());
    let fields = fields.iter().map(|Field { vis, ident, of, name, .. }| quote!(#vis #ident #name: #of,));
    quote!(#library::__links_for_test! { #vis struct #seen of #name { #(#fields)* } })
}

fn fields<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Vec<Field<'a>> {
    if !input.generics.params.is_empty() {
        errors.at(
            &input.generics,
            "a struct of links has no parameters: its links have types, and own what they hold",
        );
    }
    let Some(fields) = named_fields(&input.data) else {
        let message = "links are the fields of a struct, whose names are those of the connections and states";
        errors.at(&input.ident, message);
        return Vec::new();
    };
    let fields: Vec<_> = fields.iter().filter_map(|field| read(field, errors)).collect();
    for table in [Table::OutConnections, Table::InStates, Table::OutStates] {
        let same = fields.iter().filter(|field| field.kind.table == table);
        refuse_same_names(same.map(|field| (field.ident, field.name.as_str())), table.plural(), errors);
    }
    fields
}

fn read<'a>(field: &'a syn::Field, errors: &mut Errors) -> Option<Field<'a>> {
    let (ident, of) = (field.ident.as_ref()?, &field.ty);
    let attributes = Attributes::read(&field.attrs, &kinds::ON_FIELD, errors);
    let Some(kind) = Kind::of(of) else {
        errors.at(of, kinds::none_of_them());
        return None;
    };
    kind.refuse_useless(&attributes, errors);
    if kind.calls && attributes.place_of("calls").is_none() {
        let message = "an `ExternalRequest` calls a function of this program: say which by `#[links(calls = function)]`";
        errors.at(of, message);
    }
    let renamed = attributes.rename("name", errors).map(|text| text.value());
    let name = renamed.unwrap_or_else(|| name_of(ident, None));
    Some(Field { vis: &field.vis, ident, of, kind, name, options: options(&attributes, of, errors) })
}

/// What the attributes say, as an expression.
fn options(attributes: &Attributes, of: &Type, errors: &mut Errors) -> TokenStream {
    let mut said = Vec::new();
    for name in ["within", "wait"] {
        let option = Ident::new(name, proc_macro2::Span::call_site());
        said.extend(attributes.duration(name, errors).map(|time| quote!(#option: __derived::Some(#time))));
    }
    for name in ["topic", "local_copy"] {
        let option = Ident::new(name, proc_macro2::Span::call_site());
        let text = attributes.text(name, "some text", errors);
        said.extend(text.map(|text| quote!(#option: __derived::Some(#text))));
    }
    for name in ["idempotent", "connects", "stands_by", "conflates"] {
        let option = Ident::new(name, proc_macro2::Span::call_site());
        said.extend(attributes.flag(name, errors).then(|| quote!(#option: true)));
    }
    said.extend(attributes.texts("topics", errors).map(|topics| quote!(topics: &[#(#topics),*])));
    if let (Some(place), true) = (attributes.place_of("topics"), attributes.place_of("topic").is_some()) {
        errors.at(place, "`topic` is for one owner, `topics` are for one owner each: leave one of them out");
    }
    said.extend(attributes.path("calls", "function", errors).map(|function| calls(&function, of)));
    match said.as_slice() {
        [] => quote!(::core::default::Default::default()),
        said => quote!(__derived::LinkOptions { #(#said,)* ..::core::default::Default::default() }),
    }
}

fn calls(function: &Path, of: &Type) -> TokenStream {
    let name = function.segments.last().map(|last| name_of(&last.ident, None));
    quote!(calls: <#of>::calling(#name, #function))
}

fn links(name: &Ident, fields: &[Field<'_>]) -> TokenStream {
    let declared = fields.iter().map(|Field { of, name, options, .. }| {
        quote!(<#of as __derived::Link>::declare(__fields, #name, #options);)
    });
    let taken =
        fields.iter().map(|Field { ident, of, .. }| quote!(#ident: <#of as __derived::Link>::take(__taker)));
    impls(name, &quote!(#(#declared)*), &quote!(Self { #(#taken),* }))
}

fn impls(name: &Ident, declare: &TokenStream, take: &TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl __derived::Links for #name {
            fn declare(__fields: &mut __derived::LinkFields) { #declare }
            fn take(__taker: &mut __derived::Taker<'_>) -> Self { #take }
        }
        __derived::asked_for!(links #name);
    }
}

#[cfg(test)]
mod tests;
