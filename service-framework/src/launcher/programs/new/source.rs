//! What stands in a file of Rust: its functions, structs, modules and imports, found without a parser. Whatever the text is, it
//! is read to its end.

use super::tokens::{Token, tokens};

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Function,
    Struct,
    /// A module in another file.
    Module,
    /// A module that is written here.
    Inside,
    /// A name that comes from elsewhere, or may.
    Import,
}

/// A named item that is in no other one.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) what: What,
    pub(super) name: String,
    /// Its line, from 1 on.
    pub(super) line: usize,
    pub(super) is_public: bool,
    tokens: Vec<Token>,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// As messages have it.
    pub(super) name: String,
    /// Without spaces.
    pub(super) of: String,
}

/// A file that was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    items: Vec<Item>,
    texts: Vec<String>,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let texts = tokens.iter().filter_map(|(token, _)| match token {
            Token::Text(text) => Some(text.clone()),
            _ => None,
        });
        Self { texts: texts.collect(), items: items(&tokens) }
    }

    /// All texts between quotes.
    pub(super) fn has_text(&self, text: &str) -> bool {
        self.texts.iter().any(|known| known == text)
    }

    pub(super) fn functions(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.what == What::Function)
    }

    /// The modules that are in other files.
    pub(super) fn modules(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter(|item| item.what == What::Module).map(|item| item.name.as_str())
    }

    /// The first item of this name that is one of these.
    pub(super) fn find(&self, name: &str, whats: &[What]) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name && whats.contains(&item.what))
    }

    /// The names of all types.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item.name.as_str())
    }
}

impl Item {
    /// Whether its signature has this word.
    pub(super) fn says(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| *token == Token::Word(word.to_owned()))
    }

    /// The last word of the type of a function's first parameter; none if that is lent.
    pub(super) fn first_type(&self) -> Option<&str> {
        let open = self.tokens.iter().position(|token| *token == Token::Mark('('))?;
        let inside = &self.tokens[open + 1..];
        let colon = inside.iter().position(|token| *token == Token::Mark(':'))?;
        let mut last = None;
        for token in &inside[colon + 1..] {
            match token {
                Token::Word(word) => last = Some(word.as_str()),
                Token::Mark(':') => {}
                Token::Mark(',' | ')') => return last,
                _ => return None,
            }
        }
        None
    }

    /// The fields of a struct that has some.
    pub(super) fn fields(&self) -> Vec<Field> {
        let Some(open) = self.tokens.iter().position(|token| *token == Token::Mark('{')) else {
            return Vec::new();
        };
        let mut fields = Vec::new();
        let (mut depth, mut parts, mut part) = (0_usize, Vec::new(), Vec::new());
        for token in &self.tokens[open + 1..] {
            match token {
                Token::Mark('(' | '[' | '{' | '<') => depth += 1,
                Token::Mark(')' | ']' | '}' | '>') => depth = depth.saturating_sub(1),
                Token::Mark(',') if depth == 0 => {
                    parts.push(std::mem::take(&mut part));
                    continue;
                }
                _ => {}
            }
            part.push(token.clone());
        }
        parts.push(part);
        fields.extend(parts.iter().filter_map(|part| field(part)));
        fields
    }
}

/// `#[message(rename = "x")] pub y: z`.
fn field(tokens: &[Token]) -> Option<Field> {
    let is = |place: usize, mark: char| tokens.get(place) == Some(&Token::Mark(mark));
    let colon = (1..tokens.len()).find(|place| {
        is(*place, ':')
            && !is(place + 1, ':')
            && !is(place - 1, ':')
            && matches!(tokens[place - 1], Token::Word(_))
    })?;
    let Token::Word(own) = &tokens[colon - 1] else { return None };
    let renamed = tokens[..colon].windows(3).find_map(|three| match three {
        [Token::Word(key), Token::Mark('='), Token::Text(name)] if key == "rename" => Some(name.clone()),
        _ => None,
    });
    let of = tokens[colon + 1..].iter().map(|token| match token {
        Token::Word(word) => word.clone(),
        Token::Text(text) => format!("{text:?}"),
        Token::Mark(mark) => mark.to_string(),
    });
    let of: String = of.collect();
    let name = renamed.unwrap_or_else(|| own.trim_start_matches("r#").to_owned());
    Some(Field { name, of: of.trim_end_matches('}').to_owned() })
}

fn items(tokens: &[(Token, usize)]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    // Words since the last item, such as `pub`.
    let mut is_public = false;
    while let Some((token, line)) = tokens.get(at) {
        let what = match token {
            Token::Word(word) => match word.as_str() {
                "fn" => Some(What::Function),
                "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" => Some(What::Struct),
                "mod" => Some(What::Module),
                "use" => Some(What::Import),
                "pub" => {
                    is_public = true;
                    None
                }
                _ => None,
            },
            _ => None,
        };
        let Some(what) = what else {
            if matches!(token, Token::Mark('{' | '(' | '[')) {
                at = end_of_group(tokens, at);
            } else if matches!(token, Token::Mark(';')) {
                is_public = false;
            }
            at += 1;
            continue;
        };
        // `const fn` is a function.
        if matches!(tokens.get(at + 1), Some((Token::Word(next), _)) if matches!(next.as_str(), "fn" | "unsafe" | "async" | "extern"))
        {
            at += 1;
            continue;
        }
        let end = end_of_item(tokens, at, what);
        let inside: Vec<Token> = tokens[at + 1..end].iter().map(|(token, _)| token.clone()).collect();
        let ends_in_group = matches!(tokens.get(end), Some((Token::Mark('}'), _)));
        add(&mut items, what, inside, *line, is_public, ends_in_group);
        is_public = false;
        at = end + 1;
    }
    items
}

fn add(items: &mut Vec<Item>, what: What, tokens: Vec<Token>, line: usize, is_public: bool, has_body: bool) {
    if what == What::Import {
        let item = |name| Item { what, name, line, is_public, tokens: Vec::new() };
        return items.extend(imported(&tokens).into_iter().map(item));
    }
    let mut words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.trim_start_matches("r#").to_owned()),
        _ => None,
    });
    let Some(name) = words.next() else { return };
    let what = if what == What::Module && has_body { What::Inside } else { what };
    items.push(Item { what, name, line, is_public, tokens });
}

/// The names that an import brings: the last ones of its paths.
fn imported(tokens: &[Token]) -> Vec<String> {
    let leads_on = |next: Option<&Token>| match next {
        Some(Token::Mark(mark)) => *mark == ':',
        Some(Token::Word(word)) => word == "as",
        _ => false,
    };
    let words = tokens.iter().enumerate().filter_map(|(place, token)| match token {
        Token::Word(word) if !leads_on(tokens.get(place + 1)) => {
            Some(word.trim_start_matches("r#").to_owned())
        }
        _ => None,
    });
    words.collect()
}

/// Where an item ends that begins at `at`: at its `;`, or at the end of its body.
fn end_of_item(tokens: &[(Token, usize)], at: usize, what: What) -> usize {
    let mut place = at + 1;
    while let Some((token, _)) = tokens.get(place) {
        match token {
            Token::Mark(';') => return place,
            Token::Mark('{') if what == What::Import => place = end_of_group(tokens, place),
            Token::Mark('{') => return end_of_group(tokens, place),
            Token::Mark('(' | '[') => place = end_of_group(tokens, place),
            _ => {}
        }
        place += 1;
    }
    tokens.len()
}

/// Where the group that opens at `at` is closed.
fn end_of_group(tokens: &[(Token, usize)], at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, (token, _)) in tokens.iter().enumerate().skip(at) {
        match token {
            Token::Mark('{' | '(' | '[') => depth += 1,
            Token::Mark('}' | ')' | ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return place;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CODE: &str = r##"
//! fn not_this() {}
/* mod nor /* this */; */
use std::{fmt as show, io::{self, Write}};

pub mod other;
mod here { fn inner() {} }

/// "Quotes" and 'a lifetime'.
#[derive(Debug)]
pub struct TakeArgs<'a> {
    pub item: &'a str,
    /// How, many: of them.
    #[message(rename = "count of")]
    pub count: std::collections::BTreeMap<String, Value>,
    r#type: Option<i64>,
}

macro_rules! made { () => { fn by_macro() {} } }

const BRACE: char = '{';
const TEXT: &str = r#"fn "nor" this {"#;

pub const fn take(args: wire::TakeArgs, _: &Call) -> Result<(), HookError> {
    fn inside() {}
    Ok(())
}

pub(crate) async fn r#match(pool: &mut Pool) -> Result<(), HookError> { let _ = '\''; Ok(()) }
fn last() {}
"##;

    #[test]
    fn items_are_found_and_nothing_else() {
        let source = Source::read(CODE);
        let functions: Vec<_> =
            source.functions().map(|item| (item.name.as_str(), item.line, item.is_public)).collect();
        assert_eq!(functions, [("take", 24, true), ("match", 29, true), ("last", 30, false)]);
        let take = source.find("take", &[What::Function]).unwrap();
        assert!(take.says("HookError") && take.first_type() == Some("TakeArgs"));
        assert_eq!(source.find("match", &[What::Function]).unwrap().first_type(), None);
        assert!(
            source.find("other", &[What::Module]).is_some() && source.find("here", &[What::Inside]).is_some()
        );
        assert!(
            source.find("show", &[What::Import]).is_some()
                && source.find("inner", &[What::Function]).is_none()
        );
        assert!(
            source.find("fmt", &[What::Import]).is_none() && source.find("Write", &[What::Import]).is_some()
        );
        assert!(source.has_text("count of"));
    }

    #[test]
    fn fields_have_their_names_and_types() {
        let source = Source::read(CODE);
        let fields = source.find("TakeArgs", &[What::Struct]).unwrap().fields();
        let field = |name: &str, of: &str| Field { name: name.into(), of: of.into() };
        assert_eq!(
            fields[1..],
            [field("count of", "std::collections::BTreeMap<String,Value>"), field("type", "Option<i64>")]
        );
        assert_eq!(fields[0].name, "item");
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "[a-z'\"#{}()/*\\\\ \nrbf;<>,:=ü]{0,60}") {
            Source::read(&text).items.iter().for_each(|item| drop((item.fields(), item.first_type().is_some())));
        }

        #[test]
        fn what_is_cut_off_is_read_too(length in 0..CODE.len()) {
            let text: String = CODE.chars().take(length).collect();
            Source::read(&text);
        }
    }
}
