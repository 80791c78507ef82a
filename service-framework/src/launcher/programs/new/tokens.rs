//! Rust as words, marks and texts, without comments and spaces. Whatever the text is, it is read to its end.

/// A part of a file that is no comment and no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    /// What is between quotes.
    Text(String),
    Mark(char),
}

/// All tokens with their lines.
pub(super) fn tokens(text: &str) -> Vec<(Token, usize)> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = reader.rest.chars().next() {
        let line = reader.line;
        let token = reader.token(first);
        tokens.extend(token.map(|token| (token, line)));
    }
    tokens
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    /// What comes next, which is more than nothing; none of it where it means nothing.
    fn token(&mut self, first: char) -> Option<Token> {
        if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(end_of_comment(self.rest));
        } else if let Some((open, end, close)) = quoted(self.rest) {
            let text = self.rest.get(open..end).unwrap_or_default();
            let is_raw = self.rest[..open].contains('r');
            let text = if is_raw { text.to_owned() } else { unescaped(text) };
            self.skip(close);
            return Some(Token::Text(text));
        } else if first == '\'' {
            self.skip(end_of_character(self.rest));
        } else if is_of_word(first) {
            let raw = if self.rest.starts_with("r#") { 2 } else { 0 };
            let length =
                self.rest[raw..].find(|c| !is_of_word(c)).map_or(self.rest.len(), |length| length + raw);
            let word = self.rest[..length].to_owned();
            self.skip(length);
            return Some(Token::Word(word));
        } else {
            self.skip(first.len_utf8());
            return Some(Token::Mark(first));
        }
        None
    }

    fn skip(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at(length);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Comments may stand in comments.
fn end_of_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Where the text of a quoted text begins and ends, and where its quotes do; none if none comes next.
fn quoted(text: &str) -> Option<(usize, usize, usize)> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let rest = text.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.starts_with('"') || prefix.ends_with('r') && rest.starts_with("#"))
    })?;
    let hashes = text[prefix.len()..].chars().take_while(|c| *c == '#').count();
    let open = prefix.len() + hashes + 1;
    if !text[prefix.len() + hashes..].starts_with('"') {
        return None;
    }
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        let length = text[open..].find(&end);
        return Some(length.map_or((open, text.len(), text.len()), |length| {
            (open, open + length, open + length + end.len())
        }));
    }
    let mut was_backslash = false;
    for (at, character) in text[open..].char_indices() {
        match character {
            '"' if !was_backslash => return Some((open, open + at, open + at + 1)),
            _ => was_backslash = character == '\\' && !was_backslash,
        }
    }
    Some((open, text.len(), text.len()))
}

/// Text as it is meant; what is no escape of Rust is left out.
fn unescaped(text: &str) -> String {
    let mut meant = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            meant.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => meant.push('\n'),
            Some('r') => meant.push('\r'),
            Some('t') => meant.push('\t'),
            Some('0') => meant.push('\0'),
            Some(same @ ('\\' | '"' | '\'')) => meant.push(same),
            Some('u') => {
                let number: String =
                    characters.by_ref().take_while(|c| *c != '}').filter(|c| *c != '{').collect();
                meant.extend(u32::from_str_radix(&number, 16).ok().and_then(char::from_u32));
            }
            _ => {}
        }
    }
    meant
}

/// A character in quotes, or a lifetime, whose quote stands alone.
fn end_of_character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            characters.next();
            characters.find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 1)
        }
        Some((_, _)) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_it_is_written() {
        for text in ["", "plain", "\"#", "a\\b\n\t\r\0'", "ü\u{202e}\u{1f600}"] {
            let found = tokens(&format!("{text:?}"));
            assert_eq!(found, [(Token::Text(text.to_owned()), 1)]);
        }
        assert_eq!(tokens(r##"br#"\n""#"##), [(Token::Text("\\n\"".to_owned()), 1)]);
    }
}
