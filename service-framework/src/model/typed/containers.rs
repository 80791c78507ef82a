//! Lists, tuples, sets, maps and options as types of the grammar.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use super::fields::open_map;
use super::{Misfit, Read, Typed};
use crate::model::types::Type;
use crate::value::msgpack::{Reader, Token, write, write_tag};
use crate::value::{Set, Tag, Tagged};

impl<T: Typed> Typed for Option<T> {
    fn type_of() -> Type {
        Type::optional(T::type_of())
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => write::nil(out),
        }
    }
}

impl<'de, T: Read<'de>> Read<'de> for Option<T> {
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        let mut ahead = *reader;
        if ahead.token()? == Token::Nil {
            *reader = ahead;
            return Ok(None);
        }
        T::read(reader).map(Some)
    }
}

impl<T: Typed> Typed for Box<T> {
    fn type_of() -> Type {
        T::type_of()
    }

    fn write(&self, out: &mut Vec<u8>) {
        T::write(self, out);
    }
}

impl<'de, T: Read<'de>> Read<'de> for Box<T> {
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        T::read(reader).map(Box::new)
    }
}

/// Appends a list.
fn write_items<'a, T: Typed + 'a>(items: impl ExactSizeIterator<Item = &'a T>, out: &mut Vec<u8>) {
    write::array(out, items.len());
    items.for_each(|item| item.write(out));
}

/// Reads the items of a list into whatever they are collected in.
fn read_items<'de, T: Read<'de>>(reader: &mut Reader<'de>, mut add: impl FnMut(T)) -> Result<(), Misfit> {
    let Token::Array(count) = reader.token()? else { return Err(Misfit::other_type()) };
    for index in 0..count as usize {
        add(T::read(reader).map_err(|misfit| misfit.of_item(index))?);
    }
    Ok(())
}

impl<T: Typed> Typed for Vec<T> {
    fn type_of() -> Type {
        Type::list(T::type_of())
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_items(self.iter(), out);
    }
}

impl<'de, T: Read<'de>> Read<'de> for Vec<T> {
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        // A hostile length makes no room: there is a byte for each item, but an item may be much larger.
        let mut items = Vec::new();
        read_items(reader, |item| items.push(item))?;
        Ok(items)
    }
}

/// Implements [`Typed`] for a collection that is a set.
macro_rules! sets {
    ($($type:ty, [$($bounds:tt)*], [$($read_bounds:tt)*]);+ $(;)?) => {$(
        impl<$($bounds)*> Typed for $type {
            fn type_of() -> Type {
                Type::set(T::type_of())
            }

            fn write(&self, out: &mut Vec<u8>) {
                write_tag(out, Tag::Set);
                write_items(self.iter(), out);
            }
        }

        impl<'de, $($read_bounds)*> Read<'de> for $type {
            fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
                let Some(Tagged::Set(list)) = reader.tagged()? else { return Err(Misfit::other_type()) };
                let mut items = Vec::new();
                read_items(&mut Reader::new(list), |item| items.push(item))?;
                Ok(items.into_iter().collect())
            }
        }
    )+};
}

sets! {
    Set<T>, [T: Typed], [T: Read<'de>];
    BTreeSet<T>, [T: Typed], [T: Read<'de> + Ord];
    HashSet<T, S>, [T: Typed, S], [T: Read<'de> + Eq + Hash, S: BuildHasher + Default];
}

/// Reads the entries of a map into whatever they are collected in; `add` says whether its key was there before.
fn read_entries<'de, K: Read<'de>, V: Read<'de>>(
    reader: &mut Reader<'de>,
    mut add: impl FnMut(K, V) -> bool,
) -> Result<(), Misfit> {
    let count = open_map(reader)?;
    let first = *reader;
    let mut seen = None;
    for index in 0..count {
        let start = reader.rest();
        let key = K::read(reader)?;
        let raw = &start[..start.len() - reader.rest().len()];
        let value = V::read(reader)?;
        if add(key, value) && seen.is_none() {
            // The same value may be written in several ways, which are several keys to the checker.
            seen = Some(keys_before(first, index)?);
        }
        if seen.as_mut().is_some_and(|seen: &mut HashSet<&[u8]>| !seen.insert(raw)) {
            return Err(Misfit::other_type());
        }
    }
    Ok(())
}

/// The first keys of a map as they stand in the bytes.
fn keys_before(mut entries: Reader<'_>, count: u32) -> Result<HashSet<&[u8]>, Misfit> {
    let mut keys = HashSet::new();
    for _ in 0..count {
        keys.insert(entries.raw()?);
        entries.skip()?;
    }
    Ok(keys)
}

/// Implements [`Typed`] for a collection that is a map.
macro_rules! maps {
    ($($type:ty, [$($bounds:tt)*], [$($read_bounds:tt)*]);+ $(;)?) => {$(
        impl<$($bounds)*> Typed for $type {
            fn type_of() -> Type {
                Type::map(K::type_of(), V::type_of())
            }

            fn write(&self, out: &mut Vec<u8>) {
                write::map(out, self.len());
                for (key, value) in self {
                    key.write(out);
                    value.write(out);
                }
            }
        }

        impl<'de, $($read_bounds)*> Read<'de> for $type {
            fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
                let mut map = Self::default();
                read_entries(reader, |key, value| map.insert(key, value).is_some())?;
                Ok(map)
            }
        }
    )+};
}

maps! {
    BTreeMap<K, V>, [K: Typed, V: Typed], [K: Read<'de> + Ord, V: Read<'de>];
    HashMap<K, V, S>, [K: Typed, V: Typed, S], [K: Read<'de> + Eq + Hash, V: Read<'de>, S: BuildHasher + Default];
}

macro_rules! tuples {
    ($($count:literal: $($name:ident $index:tt),+;)+) => {$(
        impl<$($name: Typed),+> Typed for ($($name,)+) {
            fn type_of() -> Type {
                Type::Tuple(vec![$($name::type_of()),+])
            }

            fn write(&self, out: &mut Vec<u8>) {
                write::array(out, $count);
                $(self.$index.write(out);)+
            }
        }

        impl<'de, $($name: Read<'de>),+> Read<'de> for ($($name,)+) {
            fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
                if reader.token()? != Token::Array($count) {
                    return Err(Misfit::other_type());
                }
                Ok(($($name::read(reader).map_err(|misfit| misfit.of_item($index))?,)+))
            }
        }
    )+};
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
