//! Going through bytes and compiled types side by side.

use std::mem::replace;

use super::found::describe;
use super::keys::{Keys, Seen};
use super::node::{Fields, Node, Shape};
use super::place::Place;
use crate::model::mismatch::{MAX_MISMATCHES, Mismatch};
use crate::model::problem::{near_miss, shortened};
use crate::model::schema::{self, Schema};
use crate::value::msgpack::{Reader, Token};
use crate::value::{DecodeError, Limits, Tag, Tagged, Value};

/// Checks that `bytes` are one value of the type of `root`.
pub(super) fn check(root: &Node, name: &str, bytes: &[u8]) -> Result<(), Vec<Mismatch>> {
    let mut walk = Walk { reader: Reader::new(bytes), found: Vec::new(), probing: false, progress: 0 };
    match walk.check(root, &Place::root(name)).and_then(|()| Ok(walk.reader.expect_end()?)) {
        Err(Stop::Malformed(error)) => Err(vec![malformed(name, &error)]),
        _ if walk.found.is_empty() => Ok(()),
        _ => Err(walk.found),
    }
}

fn malformed(name: &str, error: &DecodeError) -> Mismatch {
    Mismatch {
        path: name.to_owned(),
        expected: "one whole MessagePack value".to_owned(),
        found: format!("malformed bytes: {error}"),
    }
}

/// Why a walk ends early.
enum Stop {
    /// While probing: the value is not of the type.
    Mismatch,
    /// Enough mismatches are listed.
    Enough,
    Malformed(DecodeError),
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Stop::Malformed(error)
    }
}

struct Walk<'b> {
    reader: Reader<'b>,
    found: Vec<Mismatch>,
    /// Whether only yes or no is asked: the first mismatch ends the walk, and nothing is listed.
    probing: bool,
    /// How many parts fitted, by which a union tells which of its members is the nearest.
    progress: usize,
}

impl<'b> Walk<'b> {
    #[inline]
    fn check(&mut self, node: &Node, at: &Place<'_>) -> Result<(), Stop> {
        self.check_as(node, node, at)
    }

    /// Checks the next value against `node`; if it is refused as a whole, `named` says what was expected.
    fn check_as(&mut self, node: &Node, named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        let fits = match &node.shape {
            Shape::Any => {
                self.skip(at)?;
                true
            }
            Shape::Tagged(tag) => {
                matches!(self.reader.tagged()?, Some(Tagged::Text(found, _)) if found == *tag)
            }
            Shape::List(items) => return self.list(items, named, at),
            Shape::Tuple(items) => return self.tuple(items, named, at),
            Shape::Set(items) => return self.set(items, named, at),
            Shape::Map(keys, values) => return self.map(keys, values, named, at),
            Shape::Record(fields) => return self.record(fields, named, at),
            Shape::Union(members) => return self.union(members, named, at),
            Shape::Optional(inner) => return self.optional(inner, named, at),
            Shape::Schema(validator) => return self.schema(validator, at),
            scalar => scalar.takes(self.reader.token()?),
        };
        self.progress += usize::from(fits);
        if fits { Ok(()) } else { self.refuse(named, before, at) }
    }

    fn skip(&mut self, at: &Place<'_>) -> Result<(), DecodeError> {
        self.reader.skip_within(at.depth_left, Limits::MAX_DEPTH)
    }

    fn raw(&mut self, at: &Place<'_>) -> Result<&'b [u8], DecodeError> {
        self.reader.raw_within(at.depth_left, Limits::MAX_DEPTH)
    }

    /// Refuses the whole value at `before`, and passes over it.
    #[cold]
    fn refuse(&mut self, expected: &Node, before: Reader<'b>, at: &Place<'_>) -> Result<(), Stop> {
        if self.probing {
            return Err(Stop::Mismatch);
        }
        self.reader = before;
        self.skip(at)?;
        self.report(at, &expected.text, describe(before))
    }

    /// Lists a mismatch; the walk goes on behind it.
    #[cold]
    fn report(&mut self, at: &Place<'_>, expected: &str, found: String) -> Result<(), Stop> {
        if self.probing {
            return Err(Stop::Mismatch);
        }
        self.list_mismatch(Mismatch { path: at.path(), expected: expected.to_owned(), found })
    }

    fn list_mismatch(&mut self, mismatch: Mismatch) -> Result<(), Stop> {
        if self.probing {
            return Err(Stop::Mismatch);
        }
        self.found.push(mismatch);
        if self.found.len() == MAX_MISMATCHES { Err(Stop::Enough) } else { Ok(()) }
    }

    fn list(&mut self, items: &Node, named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        let Token::Array(count) = self.reader.token()? else { return self.refuse(named, before, at) };
        self.progress += 1;
        (0..count as usize).try_for_each(|index| self.check(items, &at.index(index)))
    }

    fn tuple(&mut self, items: &[Node], named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        match self.reader.token()? {
            Token::Array(count) if count as usize == items.len() => {
                self.progress += 1;
                (0..).zip(items).try_for_each(|(index, item)| self.check(item, &at.index(index)))
            }
            _ => self.refuse(named, before, at),
        }
    }

    fn set(&mut self, items: &Node, named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        let Some(Tagged::Set(list)) = self.reader.tagged()? else { return self.refuse(named, before, at) };
        self.progress += 1;
        let behind = replace(&mut self.reader, Reader::new(list));
        if let Token::Array(count) = self.reader.token()? {
            (0..count as usize).try_for_each(|index| self.check(items, &at.item(index)))?;
        }
        self.reader = behind;
        Ok(())
    }

    fn map(&mut self, keys: &Node, values: &Node, named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        let Token::Map(count) = self.reader.token()? else { return self.refuse(named, before, at) };
        self.progress += 1;
        let mut seen = Keys::default();
        for _ in 0..count {
            let start = self.reader;
            let key = self.raw(at)?;
            self.reader = start;
            if count == 2 && is_tag(key) && { before }.tagged()?.is_some() {
                return self.refuse(named, before, at);
            }
            self.check(keys, &at.key())?;
            let place = at.entry(key);
            if !seen.insert(key) {
                self.report(&place, "each key once", "key given twice".to_owned())?;
            }
            self.check(values, &place)?;
        }
        Ok(())
    }

    fn record(&mut self, fields: &Fields, named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        let Token::Map(count) = self.reader.token()? else { return self.refuse(named, before, at) };
        self.progress += 1;
        let mut seen = Seen::default();
        let mut likely = 0;
        for _ in 0..count {
            let start = self.reader;
            let name = self.reader.token()?;
            let Some(place) = text(name).and_then(|name| fields.find(name, likely)) else {
                if count == 2 && { before }.tagged()?.is_some() {
                    return self.refuse(named, before, at);
                }
                self.unknown(fields, start, at)?;
                continue;
            };
            let field = &fields.fields[place];
            if !seen.insert(place) {
                self.report(&at.named(&field.name), "each key once", "key given twice".to_owned())?;
            }
            self.check(&field.node, &at.named(&field.name))?;
            likely = place + 1;
        }
        self.missing(fields, &seen, at)
    }

    /// Refuses the entry at `start`, whose key no field has, and passes over it.
    #[cold]
    fn unknown(&mut self, fields: &Fields, start: Reader<'b>, at: &Place<'_>) -> Result<(), Stop> {
        if self.probing {
            return Err(Stop::Mismatch);
        }
        self.reader = start;
        let key = self.raw(at)?;
        self.skip(at)?;
        let names: Vec<&str> = fields.names().collect();
        let expected = match names.as_slice() {
            [] => "no keys".to_owned(),
            names => shortened(&format!("one of the keys {}", names.join(", ")), 120),
        };
        let mut found = format!("unknown key {}", describe(Reader::new(key)));
        if let Ok(Token::Str(key)) = Reader::new(key).token() {
            found = format!("unknown key {:?}", shortened(key, 40));
            if let Some(name) = near_miss(key, names) {
                found += &format!(", did you mean {name:?}?");
            }
            return self.report(&at.named(key), &expected, found);
        }
        self.report(at, &expected, found)
    }

    fn missing(&mut self, fields: &Fields, seen: &Seen, at: &Place<'_>) -> Result<(), Stop> {
        for (place, field) in fields.fields.iter().enumerate() {
            if field.required && !seen.contains(place) {
                self.report(&at.named(&field.name), &field.node.text, "nothing".to_owned())?;
            }
        }
        Ok(())
    }

    fn optional(&mut self, inner: &Node, named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        if self.reader.token()? == Token::Nil {
            return Ok(());
        }
        self.reader = before;
        self.check_as(inner, named, at)
    }

    fn union(&mut self, members: &[Node], named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        let mut nearest = None;
        for member in members {
            let (fits, progress) = self.probe(member, before, at)?;
            if fits {
                return Ok(());
            }
            if progress > nearest.map_or(0, |(most, _)| most) {
                nearest = Some((progress, member));
            }
        }
        match nearest {
            Some((_, member)) if !self.probing => self.refuse_near(named, member, before, at),
            _ => self.refuse(named, before, at),
        }
    }

    /// Whether the value at `before` is of the type of `member`, and how many parts of it fitted.
    fn probe(&mut self, member: &Node, before: Reader<'b>, at: &Place<'_>) -> Result<(bool, usize), Stop> {
        self.reader = before;
        let probing = replace(&mut self.probing, true);
        let progress = replace(&mut self.progress, 0);
        let checked = self.check(member, at);
        self.probing = probing;
        let reached = replace(&mut self.progress, progress);
        match checked {
            Ok(()) => {
                self.progress += reached;
                Ok((true, reached))
            }
            Err(Stop::Mismatch) => Ok((false, reached)),
            Err(other) => Err(other),
        }
    }

    /// Refuses a value that no member of a union takes; names the first thing wrong by the nearest of them.
    fn refuse_near(
        &mut self,
        named: &Node,
        nearest: &Node,
        before: Reader<'b>,
        at: &Place<'_>,
    ) -> Result<(), Stop> {
        let mut walk = Walk { reader: before, found: Vec::new(), probing: false, progress: 0 };
        let mut found = describe(before);
        if let Err(error @ Stop::Malformed(_)) = walk.check(nearest, at) {
            return Err(error);
        }
        if let Some(first) = walk.found.first() {
            found += &format!("; nearest is {}, but {first}", nearest.text);
        }
        self.reader = before;
        self.skip(at)?;
        self.report(at, &named.text, found)
    }

    fn schema(&mut self, schema: &Schema, at: &Place<'_>) -> Result<(), Stop> {
        let raw = self.raw(at)?;
        let json = schema::seen(&Value::from_msgpack(raw)?);
        if schema.allows(&json) {
            self.progress += 1;
            return Ok(());
        }
        let mut mismatches = schema.mismatches(&json, &at.path()).into_iter();
        mismatches.try_for_each(|mismatch| self.list_mismatch(mismatch))
    }
}

/// Whether the whole value `key` is the key of a tag.
fn is_tag(key: &[u8]) -> bool {
    Reader::new(key).token().ok().and_then(text).and_then(Tag::from_key).is_some()
}

fn text(token: Token<'_>) -> Option<&str> {
    match token {
        Token::Str(text) => Some(text),
        _ => None,
    }
}
