//! `#[derive(Config)]`: a struct whose fields are keys of the config.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Ident, Type};

use crate::attributes::{Attributes, Place};
use crate::default::Default;
use crate::errors::Errors;
use crate::help::help_of;
use crate::names::{name_of, named_fields, refuse_same_names};
use crate::scope::{library, within};
use crate::types::{inside_option, look_at};

const ON_STRUCT: Place = Place {
    attribute: "config",
    on: "a struct",
    known: &["crate"],
    elsewhere: &[("rename", "a field"), ("default", "a field"), ("numbers", "a field")],
    otherwise: &[],
};

const ON_FIELD: Place = Place {
    on: "a field",
    known: &["default", "rename", "numbers"],
    elsewhere: &[("crate", "the struct")],
    otherwise: &[
        ("help", "the help of a key is its doc comment, `/// …`"),
        ("optional", "what may be absent is an `Option`"),
        ("required", "a key is required unless it is an `Option` or has a default"),
    ],
    ..ON_STRUCT
};

const OWNS: &str =
    "a config lives longer than what it is read from: write `String` for text, `Bytes` for bytes";

/// A field of the struct.
struct Field<'a> {
    ident: &'a Ident,
    key: String,
    of: &'a Type,
    help: String,
    presence: Presence<'a>,
}

/// Whether the config may come without the key.
enum Presence<'a> {
    Required,
    /// It may, and the field, an option of this type, is none then.
    Optional(&'a Type),
    /// It may, and the field is then what the function of this name says.
    Default(Ident, Default),
}

/// The impls for a struct, or its compile errors.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let attributes = Attributes::read(&input.attrs, &ON_STRUCT, &mut errors);
    let library = library(&attributes, &mut errors);
    let fields = fields(input, &mut errors);
    let impls = match errors.is_empty() {
        true => impls(&input.ident, &fields),
        // What has parameters could not even be named without an error.
        false if !input.generics.params.is_empty() => TokenStream::new(),
        false => stubs(&input.ident),
    };
    within(&library, &impls, &errors)
}

fn fields<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Vec<Field<'a>> {
    if !input.generics.params.is_empty() {
        errors.at(
            &input.generics,
            "a config has no parameters: its keys have types, and it owns what it holds",
        );
    }
    let Some(fields) = named_fields(&input.data) else {
        errors.at(&input.ident, "a config is a struct with named fields, which are its keys");
        return Vec::new();
    };
    let fields = fields.iter().enumerate();
    let fields: Vec<_> = fields.filter_map(|(index, field)| read(index, field, errors)).collect();
    refuse_same_names(fields.iter().map(|field| (field.ident, field.key.as_str())), "keys", errors);
    fields
}

fn read<'a>(index: usize, field: &'a syn::Field, errors: &mut Errors) -> Option<Field<'a>> {
    let (ident, of) = (field.ident.as_ref()?, &field.ty);
    let attributes = Attributes::read(&field.attrs, &ON_FIELD, errors);
    look_at(of, &attributes, &ON_FIELD, Some(OWNS), errors);
    let renamed = attributes.rename("rename", errors).map(|text| text.value());
    let key = renamed.unwrap_or_else(|| name_of(ident, None));
    let presence = presence(index, of, &attributes, errors);
    Some(Field { ident, key, of, help: help_of(&field.attrs), presence })
}

fn presence<'a>(index: usize, of: &'a Type, attributes: &Attributes, errors: &mut Errors) -> Presence<'a> {
    match (inside_option(of), attributes.place_of("default")) {
        (Some(_), Some(place)) => {
            let message =
                "an `Option` that nobody gives is `None`: a default is for a field without `Option`";
            errors.at(place, message);
        }
        (Some(inner), None) => return Presence::Optional(inner),
        (None, Some(_)) => {
            let name = format_ident!("__default{index}");
            let default = Default::read(attributes, of, errors);
            return default.map_or(Presence::Required, |default| Presence::Default(name, default));
        }
        (None, None) => {}
    }
    Presence::Required
}

/// Functions that give the defaults, and all impls.
fn impls(name: &Ident, fields: &[Field<'_>]) -> TokenStream {
    let defaults = fields.iter().filter_map(default_function);
    let (keys, reads) = (fields.iter().map(key), fields.iter().map(read_back));
    let (sets, copies) = (fields.iter().map(set), fields.iter().map(copy));
    let config_type = config_type(
        name,
        &quote!(__derived::config_model(__derived::vec![#(#keys),*])),
        &quote!(__derived::Ok(Self { #(#reads),* })),
        &quote!(#(#sets)*),
        &quote!(Self { #(#copies),* }),
    );
    let default = default(name, fields);
    quote! {
        #(#defaults)*
        #config_type
        #default
    }
}

/// Impls that can be named and never run, so that a mistake in a type is not told again wherever it is used.
fn stubs(name: &Ident) -> TokenStream {
    config_type(name, &quote!(loop {}), &quote!(loop {}), &quote!(), &quote!(loop {}))
}

fn default_function(field: &Field<'_>) -> Option<TokenStream> {
    match &field.presence {
        Presence::Default(name, Default { value, .. }) => {
            let of = field.of;
            Some(quote!(fn #name() -> #of { #value }))
        }
        _ => None,
    }
}

fn key(Field { key, of, help, presence, .. }: &Field<'_>) -> TokenStream {
    match presence {
        Presence::Required => quote!(__derived::Key::required::<#of>(#key, #help)),
        Presence::Optional(inner) => quote!(__derived::Key::optional::<#inner>(#key, #help)),
        Presence::Default(default, _) => {
            quote!(__derived::Key::with_default::<#of>(#key, #help, &#default()))
        }
    }
}

fn read_back(Field { ident, key, of, presence, .. }: &Field<'_>) -> TokenStream {
    match presence {
        Presence::Required => quote!(#ident: __derived::read_required::<#of>(__config, #key)?),
        Presence::Optional(inner) => quote!(#ident: __derived::read_key::<#inner>(__config, #key)?),
        Presence::Default(default, _) => {
            quote!(#ident: __derived::read_key::<#of>(__config, #key)?.unwrap_or_else(#default))
        }
    }
}

fn set(Field { ident, key, of, presence, .. }: &Field<'_>) -> TokenStream {
    match presence {
        Presence::Optional(inner) => {
            quote!(__derived::set_key::<#inner>(__config, #key, __this.#ident.as_ref());)
        }
        _ => quote!(__derived::set_key::<#of>(__config, #key, __derived::Some(&__this.#ident));),
    }
}

fn copy(Field { ident, of, .. }: &Field<'_>) -> TokenStream {
    quote!(#ident: <#of as ::core::clone::Clone>::clone(&__this.#ident))
}

/// `Default`, if every key may be left out.
fn default(name: &Ident, fields: &[Field<'_>]) -> Option<TokenStream> {
    let value = |Field { ident, presence, .. }: &Field<'_>| match presence {
        Presence::Required => None,
        Presence::Optional(_) => Some(quote!(#ident: __derived::None)),
        Presence::Default(default, _) => Some(quote!(#ident: #default())),
    };
    let values: Vec<TokenStream> = fields.iter().map(value).collect::<Option<_>>()?;
    Some(quote! {
        #[automatically_derived]
        impl ::core::default::Default for #name {
            fn default() -> Self { Self { #(#values),* } }
        }
    })
}

/// `ConfigType`, by the bodies of its functions, and what makes it something to ask for.
///
/// They stand in one constant: the compiler looks at it as a whole, and of a key whose type is no type of configs it says so
/// once, as reading, which comes first, asks for all that the others ask for.
fn config_type(
    name: &Ident,
    model: &TokenStream,
    read: &TokenStream,
    set: &TokenStream,
    copy: &TokenStream,
) -> TokenStream {
    quote! {
        impl __derived::ConfigPlan for #name {
            const PLAN: __derived::ConfigFunctions<Self> = __derived::ConfigFunctions {
                read: |__config| #read,
                model: || #model,
                set: |__this, __config| { #set },
                copy: |__this| #copy,
            };
        }
        #[automatically_derived]
        impl __derived::ConfigType for #name {
            fn model() -> __derived::ConfigModel { (<Self as __derived::ConfigPlan>::PLAN.model)() }
            fn from_config(
                __config: &__derived::Config,
            ) -> __derived::Result<Self, __derived::ConfigError> {
                (<Self as __derived::ConfigPlan>::PLAN.read)(__config)
            }
            fn to_config(&self, __config: &mut __derived::Config) {
                (<Self as __derived::ConfigPlan>::PLAN.set)(self, __config);
            }
            fn copy(&self) -> Self { (<Self as __derived::ConfigPlan>::PLAN.copy)(self) }
        }
        __derived::asked_for!(config #name);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::errors_of;

    #[test]
    fn each_mistake_is_told_with_its_remedy() {
        for (source, expected) in [
            ("enum A { B }", "a config is a struct with named fields, which are its keys"),
            ("struct A(u8);", "a config is a struct with named fields, which are its keys"),
            (
                "struct A<T> { a: T }",
                "a config has no parameters: its keys have types, and it owns what it holds",
            ),
            (
                "struct A { a: &'static str }",
                "a config lives longer than what it is read from: write `String` for text, `Bytes` for bytes",
            ),
            ("struct A { a: Vec<u8> }", "a `Vec<u8>` is a list of numbers: write `Bytes`"),
            (
                "struct A { #[config(default = 5)] a: Option<u8> }",
                "an `Option` that nobody gives is `None`: a default is for a field without `Option`",
            ),
            (r#"struct A { #[config(default = "5")] a: Duration }"#, "\"5\" is no length of time"),
            (
                "struct A { #[config(defualt = 5)] a: u8 }",
                "unknown attribute `defualt`: did you mean `default`? A field may have `default`, `rename`, `numbers`",
            ),
            (
                r#"struct A { #[config(rename = "b")] a: u8, b: u8 }"#,
                "two keys are called \"b\", `a` and `b`: rename one",
            ),
        ] {
            let found = errors_of(super::derive, source);
            assert!(matches!(&found[..], [one] if one.starts_with(expected)), "{source}: {found:?}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let source =
            r#"struct A<T> { a: char, #[config(required)] b: Vec<u8>, #[config(default = 1)] c: Duration }"#;
        assert_eq!(errors_of(super::derive, source).len(), 5);
    }
}
