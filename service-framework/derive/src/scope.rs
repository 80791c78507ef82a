//! The scope in which impls stand, and the library that they are for.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::attributes::Attributes;
use crate::errors::Errors;

/// The path of the library.
pub(crate) fn library(attributes: &Attributes, errors: &mut Errors) -> Path {
    let given = attributes.path("crate", "some_crate::service_framework", errors);
    given.unwrap_or_else(|| syn::parse_quote!(::service_framework))
}

/// Impls in a scope of their own, where `__derived` is what they call, and the errors.
pub(crate) fn within(library: &Path, impls: &TokenStream, errors: &Errors) -> TokenStream {
    let errors = errors.to_tokens();
    quote! {
        #errors
        const _: () = {
            use #library::derived as __derived;
            #impls
        };
    }
}
