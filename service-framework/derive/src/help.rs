//! Doc comments as help.

use syn::{Attribute, Expr, Lit, Meta};

/// What the doc comment of a field says: each paragraph on a line of its own.
pub(crate) fn help_of(attributes: &[Attribute]) -> String {
    let texts = attributes.iter().filter_map(doc);
    let lines: Vec<String> = texts
        .flat_map(|text| text.split('\n').map(|line| line.trim().to_owned()).collect::<Vec<_>>())
        .collect();
    let paragraphs = lines.split(String::is_empty).filter(|lines| !lines.is_empty());
    paragraphs.map(|lines| lines.join(" ")).collect::<Vec<_>>().join("\n")
}

fn doc(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_lines() {
        let field: syn::Field = syn::parse_quote! {
            /// How long
            /// it may take.
            ///
            /// No longer than a day.
            patience: Duration
        };
        assert_eq!(help_of(&field.attrs), "How long it may take.\nNo longer than a day.");
        let field: syn::Field = syn::parse_quote! {
            /** One
                two

                three */
            a: u8
        };
        assert_eq!(help_of(&field.attrs), "One two\nthree");
        let field: syn::Field = syn::parse_quote!(a: u8);
        assert_eq!(help_of(&field.attrs), "");
    }
}
