//! Derives as functions, for their tests.

use proc_macro2::{TokenStream, TokenTree};
use syn::{DeriveInput, LitStr};

/// The compile errors that `derive` writes for a type.
pub(crate) fn errors_of(derive: fn(&DeriveInput) -> TokenStream, source: &str) -> Vec<String> {
    let input: DeriveInput = syn::parse_str(source).unwrap();
    texts_of_errors(derive(&input))
}

fn texts_of_errors(tokens: TokenStream) -> Vec<String> {
    let mut texts = Vec::new();
    let mut is_error = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => is_error = ident == "compile_error",
            TokenTree::Group(group) if is_error => {
                texts.push(syn::parse2::<LitStr>(group.stream()).unwrap().value());
            }
            _ => {}
        }
    }
    texts
}
