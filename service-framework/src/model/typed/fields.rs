//! Reading and writing the fields of a struct: what derived code calls.

use std::cell::Cell;

use super::{Message, Misfit, OwnedMessage, Read, Typed};
use crate::model::arguments::Arguments;
use crate::model::types::Type;
use crate::value::Value;
use crate::value::msgpack::{Reader, Token, write};

/// Opens the map that comes next; a tagged value is none, but what it means.
pub(super) fn open_map(reader: &mut Reader<'_>) -> Result<u32, Misfit> {
    let before = *reader;
    match reader.token()? {
        Token::Map(2) if { before }.tagged()?.is_some() => Err(Misfit::other_type()),
        Token::Map(count) => Ok(count),
        _ => Err(Misfit::other_type()),
    }
}

/// The fields of a record or a message, as they come.
pub struct Fields<'r, 'de> {
    reader: &'r mut Reader<'de>,
    names: &'static [&'static str],
    left: u32,
    likely: usize,
}

impl<'r, 'de> Fields<'r, 'de> {
    /// Opens the map that comes next, which may have these keys.
    ///
    /// # Errors
    /// It is no map.
    pub fn open(reader: &'r mut Reader<'de>, names: &'static [&'static str]) -> Result<Self, Misfit> {
        let left = open_map(reader)?;
        Ok(Self { reader, names, left, likely: 0 })
    }

    /// The place of the next field in the names; None after the last one.
    ///
    /// # Errors
    /// It is none of them.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator could not be read from in between")]
    pub fn next(&mut self) -> Result<Option<usize>, Misfit> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let Token::Str(name) = self.reader.token()? else { return Err(Misfit::other_type()) };
        let place = match self.names.get(self.likely) {
            Some(likely) if *likely == name => self.likely,
            _ => self.names.iter().position(|known| *known == name).ok_or_else(Misfit::other_type)?,
        };
        self.likely = place + 1;
        Ok(Some(place))
    }

    /// Reads the field that came.
    ///
    /// # Errors
    /// It is of another type, or was there before.
    #[inline]
    pub fn read<T: Read<'de>>(&mut self, into: &mut Option<T>) -> Result<(), Misfit> {
        if into.is_some() {
            return Err(Misfit::other_type());
        }
        let name = self.names.get(self.likely.wrapping_sub(1)).copied().unwrap_or_default();
        *into = Some(T::read(self.reader).map_err(|misfit| misfit.of_part(name))?);
        Ok(())
    }

    /// Reads the field that came, which is at the top a value that may be left out, and within a record a value or nil.
    ///
    /// # Errors
    /// It is of another type, or was there before.
    #[inline]
    pub fn read_optional<T: Read<'de>>(
        &mut self,
        into: &mut Option<Option<T>>,
        at_top: bool,
    ) -> Result<(), Misfit> {
        if !at_top {
            return self.read(into);
        }
        let mut value = into.take().flatten();
        self.read(&mut value)?;
        *into = Some(value);
        Ok(())
    }
}

/// A field that must have been there.
///
/// # Errors
/// It was not.
#[inline]
pub fn required<T>(field: Option<T>) -> Result<T, Misfit> {
    field.ok_or_else(Misfit::other_type)
}

/// A field that may be left out at the top, and must be there within a record.
///
/// # Errors
/// It was not there, within a record.
#[inline]
pub fn optional<T>(field: Option<Option<T>>, at_top: bool) -> Result<Option<T>, Misfit> {
    match field {
        None if at_top => Ok(None),
        field => required(field),
    }
}

/// A field that may be left out at the top, and must be there within a record; what it is if it is left out.
///
/// # Errors
/// It was not there, within a record.
#[inline]
pub fn or_default<T>(field: Option<T>, at_top: bool, default: impl FnOnce() -> T) -> Result<T, Misfit> {
    match field {
        None if at_top => Ok(default()),
        field => required(field),
    }
}

/// How many of the fields are left out: none within a record.
#[inline]
pub fn absent(at_top: bool, are_none: &[bool]) -> usize {
    if at_top { are_none.iter().filter(|is_none| **is_none).count() } else { 0 }
}

/// Appends the head of a map.
pub fn begin_map(out: &mut Vec<u8>, fields: usize) {
    write::map(out, fields);
}

/// Appends one field.
#[inline]
pub fn write_field<T: Typed + ?Sized>(name: &str, value: &T, out: &mut Vec<u8>) {
    write::str(out, name);
    value.write(out);
}

/// Appends one field that is at the top left out if it is none, and nil within a record.
#[inline]
pub fn write_optional<T: Typed>(name: &str, value: &Option<T>, at_top: bool, out: &mut Vec<u8>) {
    match value {
        None if at_top => {}
        value => write_field(name, value, out),
    }
}

/// Appends the name of a variant.
pub fn write_name(name: &str, out: &mut Vec<u8>) {
    write::str(out, name);
}

/// The type whose values are these names.
pub fn literals(names: &[&str]) -> Type {
    Type::Literal(names.iter().map(|name| Value::Str((*name).to_owned())).collect())
}

/// Reads this name if it is what comes next, without moving on if it is not.
pub fn read_literal(reader: &mut Reader<'_>, name: &str) -> bool {
    let mut ahead = *reader;
    let is_next = read_name(&mut ahead, &[name]).is_ok();
    if is_next {
        *reader = ahead;
    }
    is_next
}

/// Reads the name of a variant: its place.
///
/// # Errors
/// It is none of these.
pub fn read_name(reader: &mut Reader<'_>, names: &[&str]) -> Result<usize, Misfit> {
    match reader.token()? {
        Token::Str(found) => names.iter().position(|name| *name == found).ok_or_else(Misfit::other_type),
        _ => Err(Misfit::other_type()),
    }
}

/// Reads one of several types: this one if it fits, without moving on if it does not.
///
/// What was read in vain is read again as the next type, and in types that hold themselves again within that; a message
/// that makes more of it than any that is meant well is refused.
pub fn read_member<'de, T: Read<'de>>(reader: &mut Reader<'de>, beyond: &mut Misfit) -> Option<T> {
    let (before, mut ahead) = (reader.rest().len(), *reader);
    let trying = Trying::begin(before)?;
    match T::read(&mut ahead) {
        Ok(value) => {
            *reader = ahead;
            Some(value)
        }
        Err(misfit) => {
            trying.spend(before - ahead.rest().len());
            beyond.keep(misfit);
            None
        }
    }
}

/// How often the bytes that are left may be read in vain.
const TRIES: usize = 64;
/// How many unions may stand within each other at one place: one that holds itself would be read there for ever.
const UNIONS_AT_ONE_PLACE: usize = 32;

thread_local! {
    /// Bytes that may still be read in vain, while a member of a union is tried.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    /// How many bytes are left where the innermost try began, and how many of those around it began there too.
    static AT: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// One try, perhaps within others.
struct Trying {
    is_first: bool,
    around: (usize, usize),
}

impl Trying {
    /// None once too much was read in vain, and where too many have begun at one place.
    fn begin(left: usize) -> Option<Self> {
        let (is_first, around) = (LEFT.get().is_none(), AT.get());
        let here = if !is_first && around.0 == left { around.1 + 1 } else { 0 };
        if LEFT.get() == Some(0) || here >= UNIONS_AT_ONE_PLACE {
            return None;
        }
        if is_first {
            LEFT.set(Some(TRIES * (left + 1)));
        }
        AT.set((left, here));
        Some(Self { is_first, around })
    }

    fn spend(&self, bytes: usize) {
        LEFT.set(LEFT.get().map(|left| left.saturating_sub(bytes + 1)));
    }
}

impl Drop for Trying {
    fn drop(&mut self) {
        AT.set(self.around);
        if self.is_first {
            LEFT.set(None);
        }
    }
}

impl Message for () {
    type Of<'a> = ();

    fn arguments() -> Arguments {
        Arguments::new()
    }

    fn write_arguments(&self, out: &mut Vec<u8>) {
        write::map(out, 0);
    }

    fn read_arguments(reader: &mut Reader<'_>) -> Result<(), Misfit> {
        if open_map(reader)? == 0 { Ok(()) } else { Err(Misfit::other_type()) }
    }
}

impl OwnedMessage for () {
    fn read_owned(reader: &mut Reader<'_>) -> Result<(), Misfit> {
        Self::read_arguments(reader)
    }
}
