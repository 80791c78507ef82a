//! The derives of `service-framework`, which re-exports and documents them: `Message`, `Config`,
//! `Links`.
//!
//! Each reads a type (`attributes`, `types`, `names`), collects all that is wrong with it (`errors`), and writes impls
//! that are as short as can be: what they do is in `service_framework::derived`. Nothing here knows the library but by
//! the names in there.

mod attributes;
mod config;
mod default;
mod errors;
mod generics;
mod help;
mod links;
mod message;
mod names;
mod scope;
mod span_of_time;
#[cfg(test)]
mod testing;
mod types;

use proc_macro::TokenStream;

/// Makes a struct a message and a type that messages hold, an enum a type that messages hold.
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    message::derive(&input).into()
}

/// Makes a struct a config: its fields are keys.
#[proc_macro_derive(Config, attributes(config))]
pub fn derive_config(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    config::derive(&input).into()
}

/// Makes a struct a set of links: its fields are out connections and states.
#[proc_macro_derive(Links, attributes(links))]
pub fn derive_links(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    links::derive(&input).into()
}
