//! Attributes: what stands in `#[message(…)]`, `#[config(…)]` and `#[links(…)]`, and whether it may.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, Lit, LitStr, Meta, Path, Token, parenthesized};

use crate::errors::Errors;
use crate::names::{CASES, Case, near_miss};
use crate::span_of_time;

/// A place where an attribute stands.
pub(crate) struct Place {
    /// The name of the attribute, such as `message`.
    pub(crate) attribute: &'static str,
    /// What it stands on, such as `a field`.
    pub(crate) on: &'static str,
    /// What it may say there.
    pub(crate) known: &'static [&'static str],
    /// What it may say elsewhere, and where that is.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
    /// What is said otherwise, and how.
    pub(crate) otherwise: &'static [(&'static str, &'static str)],
}

/// What the attributes at one place say; what they may not say is an error already.
pub(crate) struct Attributes(Vec<Argument>);

struct Argument {
    name: Ident,
    value: Given,
}

enum Given {
    Nothing,
    Value(TokenStream),
    List(Vec<LitStr>),
}

impl Attributes {
    pub(crate) fn read(attributes: &[Attribute], place: &Place, errors: &mut Errors) -> Self {
        let mut read = Self(Vec::new());
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(place.attribute)) {
            let list = match &attribute.meta {
                Meta::List(_) => {
                    attribute.parse_args_with(Punctuated::<Argument, Token![,]>::parse_terminated)
                }
                other => Err(syn::Error::new_spanned(other, place.form())),
            };
            errors.take(list).into_iter().flatten().for_each(|argument| read.add(argument, place, errors));
        }
        read
    }

    fn add(&mut self, argument: Argument, place: &Place, errors: &mut Errors) {
        let name = argument.name.unraw().to_string();
        if self.find(&name).is_some() {
            errors.at(&argument.name, format!("`{name}` is given twice"));
        } else if place.known.contains(&name.as_str()) {
            self.0.push(argument);
        } else {
            errors.at(&argument.name, place.unknown(&name));
        }
    }

    fn find(&self, name: &str) -> Option<&Argument> {
        self.0.iter().find(|argument| argument.name.unraw() == name)
    }

    /// Where `name` stands, if it is given.
    pub(crate) fn place_of(&self, name: &str) -> Option<&Ident> {
        self.find(name).map(|argument| &argument.name)
    }

    /// Whether `name` is given, which has no value.
    pub(crate) fn flag(&self, name: &str, errors: &mut Errors) -> bool {
        let Some(argument) = self.find(name) else { return false };
        if !matches!(argument.value, Given::Nothing) {
            errors.at(&argument.name, format!("`{name}` has no value: write it alone"));
        }
        true
    }

    /// The text of `name`.
    pub(crate) fn text(&self, name: &str, example: &str, errors: &mut Errors) -> Option<LitStr> {
        let argument = self.find(name)?;
        let text = match &argument.value {
            Given::Value(value) => syn::parse2::<LitStr>(value.clone()).ok(),
            _ => None,
        };
        if text.is_none() {
            errors.at(argument, format!("`{name}` is a text: write `{name} = {example:?}`"));
        }
        text
    }

    /// The texts of `name`, of which there must be one at least.
    pub(crate) fn texts(&self, name: &str, errors: &mut Errors) -> Option<&[LitStr]> {
        let argument = self.find(name)?;
        match &argument.value {
            Given::List(texts) if !texts.is_empty() => return Some(texts),
            _ => errors.at(argument, format!("`{name}` are texts: write `{name}(\"a\", \"b\")`")),
        }
        None
    }

    /// The length of time of `name`, as an expression.
    pub(crate) fn duration(&self, name: &str, errors: &mut Errors) -> Option<TokenStream> {
        let text = self.text(name, "5s", errors)?;
        let (seconds, nanos) = errors.take(span_of_time::parse(&text))?;
        Some(quote!(::core::time::Duration::new(#seconds, #nanos)))
    }

    /// Every name that is given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Ident> {
        self.0.iter().map(|argument| &argument.name)
    }

    /// The path of `name`.
    pub(crate) fn path(&self, name: &str, example: &str, errors: &mut Errors) -> Option<Path> {
        let argument = self.find(name)?;
        let path = match &argument.value {
            Given::Value(value) => syn::parse2(value.clone()).ok(),
            _ => None,
        };
        if path.is_none() {
            errors.at(argument, format!("`{name}` is a path: write `{name} = {example}`"));
        }
        path
    }

    /// What `name` is set to: None inside if it stands alone.
    pub(crate) fn expression(&self, name: &str, errors: &mut Errors) -> Option<Option<&TokenStream>> {
        let argument = self.find(name)?;
        match &argument.value {
            Given::Nothing => Some(None),
            Given::Value(value) => Some(Some(value)),
            Given::List(_) => {
                errors.at(argument, format!("`{name}` has one value: write `{name} = …`"));
                None
            }
        }
    }

    /// The name that `rename` gives; an error if it is empty.
    pub(crate) fn rename(&self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        let text = self.text(name, "other_name", errors)?;
        if text.value().is_empty() {
            errors.at(&text, "a name has at least one letter");
        }
        Some(text)
    }

    /// How `rename_all` writes names.
    pub(crate) fn rename_all(&self, errors: &mut Errors) -> Option<Case> {
        let text = self.text("rename_all", "snake_case", errors)?;
        let case = Case::from_text(&text.value());
        if case.is_none() {
            let known = CASES.map(|(name, _)| format!("{name:?}")).join(", ");
            let near = near_miss(&text.value(), CASES.map(|(name, _)| name));
            let meant = near.map(|name| format!("did you mean {name:?}? ")).unwrap_or_default();
            errors.at(&text, format!("no way to write names: {meant}There are {known}"));
        }
        case
    }
}

impl Place {
    /// How the attribute is written.
    fn form(&self) -> String {
        let (attribute, first) = (self.attribute, self.known.first().copied().unwrap_or_default());
        format!("write `#[{attribute}({first} …)]`; {} may have {}", self.on, self.listed())
    }

    fn unknown(&self, name: &str) -> String {
        if let Some((_, there)) = self.elsewhere.iter().find(|(known, _)| *known == name) {
            return format!("`{name}` is for {there}, not for {}", self.on);
        }
        if let Some((_, how)) = self.otherwise.iter().find(|(known, _)| *known == name) {
            return format!("unknown attribute `{name}`: {how}");
        }
        let near = near_miss(name, self.known.iter().copied());
        let meant = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        format!("unknown attribute `{name}`: {meant}{} may have {}", capitalized(self.on), self.listed())
    }

    fn listed(&self) -> String {
        self.known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }
}

fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_uppercase() + rest
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Given::Value(value(input)?)
        } else if input.peek(syn::token::Paren) {
            let inside;
            parenthesized!(inside in input);
            Given::List(Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)?.into_iter().collect())
        } else {
            Given::Nothing
        };
        Ok(Self { name, value })
    }
}

/// An expression; of one that is not understood here, all up to the next comma.
fn value(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(input.span(), "a value is missing after `=`"));
    }
    let ahead = input.fork();
    if ahead.parse::<Expr>().is_ok() && (ahead.is_empty() || ahead.peek(Token![,])) {
        return input.parse::<Expr>().map(Expr::into_token_stream);
    }
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        tokens.extend([input.parse::<proc_macro2::TokenTree>()?]);
    }
    Ok(tokens)
}

/// The literal that some tokens are.
pub(crate) fn literal(tokens: &TokenStream) -> Option<Lit> {
    syn::parse2(tokens.clone()).ok()
}

impl ToTokens for Argument {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        match &self.value {
            Given::Nothing => {}
            Given::Value(value) => tokens.extend(value.clone()),
            Given::List(texts) => texts.iter().for_each(|text| text.to_tokens(tokens)),
        }
    }
}
