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

/// The longest list of keys in a mismatch.
const LONGEST_LIST: usize = 120;

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

    /// Opens the map that comes next. None if it is none, or a tagged value, which is no map but what it means.
    fn open_map(&mut self) -> Result<Option<u32>, Stop> {
        let before = self.reader;
        match self.reader.token()? {
            Token::Map(2) if may_be_tagged(self.reader) && { before }.tagged()?.is_some() => Ok(None),
            Token::Map(count) => Ok(Some(count)),
            _ => Ok(None),
        }
    }

    fn map(&mut self, keys: &Node, values: &Node, named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        let Some(count) = self.open_map()? else { return self.refuse(named, before, at) };
        self.progress += 1;
        let mut seen = Keys::default();
        for _ in 0..count {
            let start = self.reader.rest();
            self.check(keys, &at.key())?;
            let key = &start[..start.len() - self.reader.rest().len()];
            let place = at.entry(key);
            if !seen.insert(key) {
                self.given_twice(&place)?;
            }
            self.check(values, &place)?;
        }
        Ok(())
    }

    fn record(&mut self, fields: &Fields, named: &Node, at: &Place<'_>) -> Result<(), Stop> {
        let before = self.reader;
        let Some(count) = self.open_map()? else { return self.refuse(named, before, at) };
        self.progress += 1;
        let mut seen = Seen::default();
        let mut likely = 0;
        for _ in 0..count {
            let start = self.reader;
            let name = self.reader.token()?;
            let Some(place) = text(name).and_then(|name| fields.find(name, likely)) else {
                self.unknown(fields, start, at)?;
                continue;
            };
            let field = &fields.fields[place];
            if !seen.insert(place) {
                self.given_twice(&at.named(&field.name))?;
            }
            self.check(&field.node, &at.named(&field.name))?;
            likely = place + 1;
        }
        self.missing(fields, &seen, at)
    }

    #[cold]
    fn given_twice(&mut self, at: &Place<'_>) -> Result<(), Stop> {
        self.report(at, "each key once", "key given twice".to_owned())
    }

    /// Refuses the entry at `start`, whose key no field has, and passes over it.
    #[cold]
    fn unknown(&mut self, fields: &Fields, start: Reader<'b>, at: &Place<'_>) -> Result<(), Stop> {
        if self.probing {
            return Err(Stop::Mismatch);
        }
        self.reader = start;
        self.skip(&at.key())?;
        self.skip(&at.key())?;
        let expected = shortened(&fields.listed(), LONGEST_LIST);
        match text({ start }.token()?) {
            Some(name) => self.report(&at.named(name), &expected, unknown_name(fields, name)),
            None => self.report(at, &expected, format!("the key {}", describe(start))),
        }
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

/// Whether the first key of a map of two entries lets it be a tagged one.
fn may_be_tagged(mut entries: Reader<'_>) -> bool {
    let key = entries.token().ok().and_then(text);
    key.is_some_and(|key| Tag::from_key(key).is_some() || ["as_str", "value", "as_bytes"].contains(&key))
}

/// What is said of a name that no field has.
fn unknown_name(fields: &Fields, name: &str) -> String {
    let found = format!("unknown key {:?}", shortened(name, 40));
    match near_miss(name, fields.names()) {
        Some(near) => format!("{found}, did you mean {near:?}?"),
        None => found,
    }
}

fn text(token: Token<'_>) -> Option<&str> {
    match token {
        Token::Str(text) => Some(text),
        _ => None,
    }
}
