//! Defaults: what a field is if nobody says.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Lit, LitStr, Type};

use crate::attributes::{Attributes, literal};
use crate::errors::Errors;
use crate::span_of_time;
use crate::types::name;

/// The default of a field.
pub(crate) struct Default {
    /// An expression of the field's type.
    pub(crate) value: TokenStream,
    /// Text that is read as the field's type when the program runs, so that mistakes in it show only then.
    pub(crate) text: Option<LitStr>,
}

impl Default {
    /// What `default` says of a field of type `of`; None if it says nothing, or something wrong.
    pub(crate) fn read(attributes: &Attributes, of: &Type, errors: &mut Errors) -> Option<Self> {
        let given = attributes.expression("default", errors)?;
        let Some(expression) = given else {
            return Some(Self::of(quote_spanned!(of.span()=> <#of as ::core::default::Default>::default())));
        };
        match literal(expression) {
            Some(Lit::Str(text)) => errors.take(of_text(&text, of)),
            Some(Lit::Int(_) | Lit::Float(_)) if is_time(of) => {
                let examples = span_of_time::EXAMPLES;
                errors.at(expression, format!("a length of time is a text with a unit, {examples}"));
                None
            }
            _ => Some(Self::of(expression.clone())),
        }
    }

    fn of(value: TokenStream) -> Self {
        Self { value, text: None }
    }
}

fn is_time(of: &Type) -> bool {
    name(of).is_some_and(|name| name == "Duration" || name == "TimeDelta")
}

/// Types whose values are written without quotes.
const WITHOUT_QUOTES: [&str; 13] =
    ["bool", "f32", "f64", "i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32", "u64", "usize"];

fn of_text(text: &LitStr, of: &Type) -> syn::Result<Default> {
    let name = name(of).map(ToString::to_string).unwrap_or_default();
    let span = text.span();
    if WITHOUT_QUOTES.contains(&name.as_str()) {
        let message = format!("a `{name}` is written without quotes: `default = {}`", text.value());
        return Err(syn::Error::new(span, message));
    }
    Ok(match (of, name.as_str()) {
        (Type::Reference(_), _) => Default::of(quote!(#text)),
        (_, "String") => Default::of(quote_spanned!(span=> ::std::string::String::from(#text))),
        (_, "Cow") => Default::of(quote_spanned!(span=> ::std::borrow::Cow::Borrowed(#text))),
        (_, "Duration") => {
            let (seconds, nanos) = span_of_time::parse(text)?;
            Default::of(quote_spanned!(span=> ::core::time::Duration::new(#seconds, #nanos)))
        }
        _ => Default {
            value: quote_spanned!(span=> __derived::default_of::<#of>(#text)),
            text: Some(text.clone()),
        },
    })
}
