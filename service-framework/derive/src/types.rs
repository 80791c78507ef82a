//! Types of fields, as far as their names tell what they are.

use quote::ToTokens;
use syn::{GenericArgument, Ident, Lifetime, Path, PathArguments, PathSegment, Type, TypeReference};

use crate::attributes::{Attributes, Place};
use crate::errors::Errors;

/// The most parts that a tuple has.
const LONGEST_TUPLE: usize = 8;

/// The `T` of an `Option<T>`.
pub(crate) fn inside_option(of: &Type) -> Option<&Type> {
    let last = last_segment(of).filter(|last| last.ident == "Option")?;
    single_argument(last)
}

/// Whether a type is read as the type `name`, in which it stands, and as nothing more.
pub(crate) fn is_only(of: &Type, name: &Ident) -> bool {
    let Some(last) = last_segment(of) else { return false };
    match last.ident.to_string().as_str() {
        "Box" | "Option" => single_argument(last).is_some_and(|inner| is_only(inner, name)),
        "Self" => true,
        _ => last.ident == *name && matches!(of, Type::Path(path) if path.path.segments.len() == 1),
    }
}

/// The name of a type without its path and arguments.
pub(crate) fn name(of: &Type) -> Option<&Ident> {
    last_segment(of).map(|last| &last.ident)
}

/// The last part of the path that a type is.
pub(crate) fn last_segment(of: &Type) -> Option<&PathSegment> {
    match of {
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(inner) => last_segment(&inner.elem),
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn single_argument(segment: &PathSegment) -> Option<&Type> {
    let mut types = types_of(segment);
    types.next().filter(|_| types.next().is_none())
}

fn arguments(segment: &PathSegment) -> impl Iterator<Item = &GenericArgument> {
    let angle = match &segment.arguments {
        PathArguments::AngleBracketed(angle) => Some(angle),
        _ => None,
    };
    angle.into_iter().flat_map(|angle| &angle.args)
}

fn types_of(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    arguments(segment).filter_map(|argument| match argument {
        GenericArgument::Type(of) => Some(of),
        _ => None,
    })
}

/// Looks at the type of a field, and at all types in it, for what no message and no config can hold. What borrows is
/// an error where a reason is given.
pub(crate) fn look_at(
    of: &Type,
    attributes: &Attributes,
    place: &Place,
    owns: Option<&'static str>,
    errors: &mut Errors,
) {
    let numbers = attributes.flag("numbers", errors);
    let mut look = Look { attribute: place.attribute, numbers, has_numbers: false, owns, errors };
    look.at(of);
    if let Some(place) = attributes.place_of("numbers").filter(|_| !look.has_numbers) {
        look.errors.at(place, "`numbers` says that a `Vec<u8>` is a list of numbers, and there is none here");
    }
}

struct Look<'a> {
    /// The attribute of the derive.
    attribute: &'static str,
    /// Whether a `Vec<u8>` is meant.
    numbers: bool,
    /// Whether there was one.
    has_numbers: bool,
    owns: Option<&'static str>,
    errors: &'a mut Errors,
}

impl Look<'_> {
    fn at(&mut self, of: &Type) {
        match of {
            Type::Group(group) => self.at(&group.elem),
            Type::Paren(inner) => self.at(&inner.elem),
            Type::Path(path) => self.path(of, &path.path),
            Type::Reference(reference) => self.reference(reference),
            Type::Tuple(tuple) if tuple.elems.len() > LONGEST_TUPLE => {
                let message = "a tuple has at most eight parts: write a struct, whose fields have names";
                self.errors.at(tuple, message);
            }
            Type::Tuple(tuple) => tuple.elems.iter().for_each(|of| self.at(of)),
            Type::Array(array) => {
                let of = shown(&array.elem);
                let message = format!(
                    "an array is no type of messages: write `Vec<{of}>`, or a tuple for a fixed length"
                );
                self.errors.at(array, message);
            }
            Type::Macro(_) | Type::Verbatim(_) | Type::Infer(_) => {}
            other => self.errors.at(other, "this is no data that a message can hold"),
        }
    }

    fn path(&mut self, of: &Type, path: &Path) {
        if let Some(instead) = path.get_ident().and_then(instead_of) {
            return self.errors.at(of, instead);
        }
        if is_vec_of_u8(path) {
            self.has_numbers = true;
            if !self.numbers {
                let attribute = self.attribute;
                let message = format!(
                    "a `Vec<u8>` is a list of numbers: write `Bytes` (of `service_framework::value`) for bytes, or say \
                     `#[{attribute}(numbers)]` if a list of numbers is meant"
                );
                self.errors.at(of, message);
            }
            return;
        }
        for segment in &path.segments {
            arguments(segment).for_each(|argument| match argument {
                GenericArgument::Type(of) => self.at(of),
                GenericArgument::Lifetime(lifetime) => self.lifetime(Some(lifetime), lifetime),
                _ => {}
            });
        }
    }

    fn reference(&mut self, reference: &TypeReference) {
        let TypeReference { lifetime, mutability, elem, .. } = reference;
        if let Some(instead) = instead_of_reference(elem) {
            return self.errors.at(reference, instead);
        }
        if let Some(mutability) = mutability {
            self.errors.at(mutability, "nothing in a message can be changed: leave `mut` out");
        }
        self.lifetime(lifetime.as_ref(), reference);
    }

    /// What borrows for this lifetime.
    fn lifetime(&mut self, lifetime: Option<&Lifetime>, place: impl ToTokens) {
        let for_ever = "what is read from a message does not live for `'static`: write `String` for text, `Bytes` for \
                       bytes, or give the struct a lifetime, as in `struct Name<'a> { text: &'a str }`";
        match (self.owns, lifetime) {
            (Some(reason), _) => self.errors.at(place, reason),
            (None, Some(lifetime)) if lifetime.ident == "static" => self.errors.at(place, for_ever),
            (None, _) => {}
        }
    }
}

fn is_vec_of_u8(path: &Path) -> bool {
    let last = path.segments.last().filter(|last| last.ident == "Vec");
    last.and_then(single_argument).is_some_and(is_u8)
}

fn is_u8(of: &Type) -> bool {
    name(of).is_some_and(|name| name == "u8")
}

/// What to write instead of a type of the language that no message has.
fn instead_of(name: &Ident) -> Option<&'static str> {
    Some(match name.to_string().as_str() {
        "char" => "a `char` is no type of messages: write `String`",
        "i128" => "an `int` has at most 64 bits: write `i64`, or `Decimal` for larger numbers",
        "u128" => "an `int` has at most 64 bits: write `u64`, or `Decimal` for larger numbers",
        _ => return None,
    })
}

/// What to write instead of a reference to this type; None if it is text or bytes.
fn instead_of_reference(of: &Type) -> Option<String> {
    let only = "a message borrows only text and bytes, `&str` and `&[u8]`";
    match of {
        Type::Path(path) if path.path.is_ident("str") => None,
        Type::Slice(slice) if is_u8(&slice.elem) => None,
        Type::Slice(slice) => Some(format!("{only}: write `Vec<{}>`", shown(&slice.elem))),
        Type::Path(path) if path.path.is_ident("String") => Some(format!("{only}: write `&str` or `String`")),
        other => Some(format!("{only}: write `{}` without `&`", shown(other))),
    }
}

/// A type as somebody would write it.
fn shown(of: &Type) -> String {
    let spaced = of.to_token_stream().to_string();
    let closer = [(" < ", "<"), (" >", ">"), (" :: ", "::"), (" ,", ","), ("& ", "&")];
    closer.iter().fold(spaced, |text, (wide, narrow)| text.replace(wide, narrow))
}
